from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmseg_ext.converters.labelme.encode import ShapeKind, encode_shapes
from mmseg_ext.converters.labelme.paint import paint_shapes
from mmseg_ext.data.masks import Mask

NAMES = {0: 'background', 1: 'cat', 2: 'dog', 255: '__ignore__'}
VALUES = {name: value for value, name in NAMES.items()}
KINDS: tuple[ShapeKind, ...] = ('mask', 'polygon')

# Noise has every small pattern, rectangles over each other have large holes, rings and touching classes.
NOISE = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.sampled_from(list(NAMES))
)
SPAN = st.tuples(st.integers(0, 29), st.integers(1, 25))


@st.composite
def layered(draw: st.DrawFn) -> Mask:
    mask = np.zeros((draw(st.integers(1, 30)), draw(st.integers(1, 30))), np.uint8)
    for (top, height), (left, width), value in draw(st.lists(st.tuples(SPAN, SPAN, st.sampled_from(list(NAMES))))):
        mask[top : top + height, left : left + width] = value
    return mask


def painted(mask: Mask, kind: ShapeKind, tolerance: float = 0) -> Mask:
    return paint_shapes(encode_shapes(mask, NAMES, kind, tolerance), mask.shape, VALUES, 'x.json').mask


@pytest.mark.parametrize('kind', KINDS)
@given(NOISE | layered())
def test_any_mask_is_painted_back_exactly(kind: ShapeKind, mask: Mask) -> None:
    assert (painted(mask, kind) == mask).all()


@given(layered(), layered(), st.sampled_from(KINDS))
def test_a_mask_is_reached_from_any_canvas(mask: Mask, canvas: Mask, kind: ShapeKind) -> None:
    start = np.resize(canvas, mask.shape)
    before = start.copy()
    shapes = encode_shapes(mask, NAMES, kind, canvas=start)
    result = paint_shapes(shapes, mask.shape, VALUES, 'x.json')
    assert (np.where(result.owner < 0, start, result.mask) == mask).all()
    assert (start == before).all()


def test_each_region_is_one_mask_shape_cut_to_its_box() -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[1:4, 1:4] = 1
    mask[2, 2] = 2
    mask[4, 4] = 1  # touches the first region by a corner, so it belongs to it
    mask[7, 7:] = 255
    shapes = encode_shapes(mask, NAMES)
    assert [(shape['label'], shape['points'], shape['shape_type']) for shape in shapes] == [
        ('cat', [[1, 1], [4, 4]], 'mask'),
        ('dog', [[2, 2], [2, 2]], 'mask'),
        ('__ignore__', [[7, 7], [8, 7]], 'mask'),
    ]


def test_a_hole_is_a_polygon_of_the_background_after_that_around_it() -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[1:8, 1:8] = 1
    mask[3:6, 3:6] = 0
    shapes = encode_shapes(mask, NAMES, 'polygon')
    assert [(shape['label'], shape['shape_type'], shape['mask']) for shape in shapes] == [
        ('cat', 'polygon', None),
        ('background', 'polygon', None),
    ]
    assert sorted(shapes[0]['points']) == [[1.5, 1.5], [1.5, 7.5], [7.5, 1.5], [7.5, 7.5]]


def test_the_background_does_not_pass_through_a_corner_of_an_outline() -> None:
    mask = np.zeros((7, 7), np.uint8)
    mask[1:6, 1:6] = 1
    mask[1, 1] = mask[2, 2] = 0
    assert (painted(mask, 'polygon') == mask).all()


def test_a_region_of_one_pixel_is_a_polygon_that_labelme_can_hold() -> None:
    mask = np.zeros((3, 3), np.uint8)
    mask[1, 2] = 1
    (shape,) = encode_shapes(mask, NAMES, 'polygon')
    assert shape['points'] == [[2.5, 1.5]] * 3


def test_an_empty_mask_has_no_shapes() -> None:
    assert encode_shapes(np.zeros((4, 5), np.uint8), NAMES) == []
    assert encode_shapes(np.zeros((4, 5), np.uint8), NAMES, 'polygon') == []


def test_a_tolerance_trades_vertices_for_pixels_near_the_outline() -> None:
    rows, columns = np.ogrid[:64, :64]
    mask = ((rows - 31) ** 2 + (columns - 31) ** 2 < 500).astype(np.uint8)
    exact, coarse = (encode_shapes(mask, NAMES, 'polygon', tolerance)[0]['points'] for tolerance in (0, 1.5))
    assert len(coarse) < len(exact) / 2
    wrong = painted(mask, 'polygon', 1.5) != mask
    assert 0 < wrong.sum() < 0.1 * mask.sum()
    assert np.abs(np.hypot(*(np.argwhere(wrong) - 31).T) - np.sqrt(500)).max() < 3
