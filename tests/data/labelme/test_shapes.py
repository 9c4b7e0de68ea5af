from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mmseg_ext.data.labelme import shapes
from mmseg_ext.data.labelme.shapes import encode_mask, shape_mask, shape_region
from mmseg_ext.data.polygons import fill_polygon
from mmseg_ext.errors import InputError


def shape(kind: str | None, points: Any, mask: Any = None) -> dict[str, Any]:
    return {'label': 'cat', 'points': points, 'shape_type': kind, 'mask': mask}


def png(array: NDArray[Any], kind: str = 'PNG') -> str:
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, format=kind)
    return base64.b64encode(stream.getvalue()).decode()


def test_a_mask_is_copied_into_its_box_whose_corners_belong_to_it() -> None:
    crop = np.array([[1, 0], [1, 1], [0, 255]], np.uint8)
    covered = shape_mask(shape('mask', [[2, 1], [3, 3]], png(crop)), 5, 6)
    expected = np.zeros((5, 6), bool)
    expected[1:4, 2:4] = crop > 0
    assert (covered == expected).all()


@pytest.mark.parametrize('mode', ['1', 'L', 'P', 'I;16'])
def test_a_mask_may_have_any_mode_of_one_channel(mode: str) -> None:
    crop = Image.fromarray(np.array([[0, 1]], np.uint16 if mode == 'I;16' else np.uint8) * (255 if mode == '1' else 1))
    stream = io.BytesIO()
    (crop if mode == 'I;16' else crop.convert(mode)).save(stream, format='PNG')
    text = base64.b64encode(stream.getvalue()).decode()
    assert shape_mask(shape('mask', [[0, 0], [1, 0]], text), 1, 2).tolist() == [[False, True]]


@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20)))
def test_an_encoded_mask_is_read_back(binary: NDArray[np.bool_]) -> None:
    height, width = binary.shape
    assert (
        shape_mask(shape('mask', [[0, 0], [width - 1, height - 1]], encode_mask(binary)), *binary.shape) == binary
    ).all()


def test_a_rectangle_holds_both_corner_pixels_in_either_order_and_is_cut_at_the_border() -> None:
    expected = np.zeros((6, 7), bool)
    expected[1:4, 2:6] = True
    assert (shape_mask(shape('rectangle', [[2.9, 1.2], [5.0, 3.99]]), 6, 7) == expected).all()
    assert (shape_mask(shape('rectangle', [[5.0, 1.2], [2.9, 3.99]]), 6, 7) == expected).all()
    assert shape_mask(shape('rectangle', [[-9, -9], [0, 90]]), 6, 7)[:, 0].all()
    assert not shape_mask(shape('rectangle', [[-9, -9], [-3, -3]]), 6, 7).any()
    assert not shape_mask(shape('rectangle', [[9, 9], [12, 12]]), 6, 7).any()


def test_a_circle_holds_the_pixels_whose_centres_lie_in_it() -> None:
    covered = shape_mask(shape('circle', [[2.5, 2.5], [4.0, 2.5]]), 5, 5)
    expected = np.array([[math.hypot(x - 2, y - 2) <= 1.5 for x in range(5)] for y in range(5)])
    assert (covered == expected).all()
    assert covered.sum() == 9


def test_an_oriented_rectangle_and_a_shape_without_type_are_filled_as_polygons() -> None:
    corners = [[1, 1], [4, 1], [4, 3], [1, 3]]
    expected = np.zeros((5, 6), bool)
    expected[1:4, 1:5] = True
    for kind in ('polygon', 'oriented_rectangle', None):
        assert (shape_mask(shape(kind, corners), 5, 6) == expected).all()


def test_a_mask_beyond_the_image_is_cropped() -> None:
    crop = np.arange(12).reshape(3, 4) % 5 > 1
    for left, top in ((3, 2), (-2, -1), (2, -2), (9, 9)):
        box = [[left, top], [left + 3, top + 2]]
        region = shape_region(shape('mask', box, png(crop.astype(np.uint8))), 4, 6)
        expected = np.zeros((24, 24), bool)
        expected[8 + top : 11 + top, 8 + left : 12 + left] = crop
        assert (shape_mask(shape('mask', box, png(crop.astype(np.uint8))), 4, 6) == expected[8:12, 8:14]).all()
        assert region.beyond
    assert not shape_region(shape('mask', [[2, 1], [5, 3]], png(crop.astype(np.uint8))), 4, 6).beyond


@pytest.mark.parametrize(
    ('first', 'last'), [((2.7, 1.2), (4.7, 3.2)), ((2.999, 1.0), (5.001, 3.0)), ((-0.4, 0.2), (1.6, 2.2))]
)
def test_a_moved_mask_lies_where_labelme_puts_it(first: tuple[float, float], last: tuple[float, float]) -> None:
    crop = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1]], np.uint8)
    x, y = int(first[0]), int(first[1])  # truncated, as labelme's converters do
    expected = np.zeros((6, 8), bool)
    expected[y : y + 3, x : x + 3] = crop
    assert (shape_mask(shape('mask', [first, last], png(crop)), 6, 8) == expected).all()


@pytest.mark.parametrize('kind', ['polygon', 'rectangle', 'circle', 'oriented_rectangle'])
def test_labelmes_rule_is_pillows_drawing_on_the_whole_image(kind: str) -> None:
    generator = np.random.default_rng(0)
    for _ in range(60):
        count = {'polygon': int(generator.integers(3, 9)), 'oriented_rectangle': 4}.get(kind, 2)
        points = generator.uniform(-12, 45, (count, 2))
        image = Image.new('L', (31, 27))
        draw = ImageDraw.Draw(image)
        if kind == 'circle':
            (x, y), radius = points[0], math.dist(*points)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=1, fill=1)
        elif kind == 'rectangle':
            draw.rectangle((*points.min(axis=0), *points.max(axis=0)), outline=1, fill=1)
        else:
            draw.polygon([tuple(point) for point in points.tolist()], outline=1, fill=1)
        assert (shape_mask(shape(kind, points.tolist()), 27, 31, 'labelme') == np.asarray(image)).all()


def test_pixel_centres_come_nearest_to_the_drawn_area() -> None:
    generator = np.random.default_rng(1)
    errors = {'outline': 0.0, 'labelme': 0.0, 'centre': 0.0}
    for _ in range(20):
        angles = np.sort(generator.uniform(0, 2 * np.pi, 24))
        points = 64 + generator.uniform(30, 60, (24, 1)) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        fine = fill_polygon(points * 8, 1024, 1024).reshape(128, 8, 128, 8).mean(axis=(1, 3))  # covered share
        for rule in errors:
            errors[rule] += float(np.abs(shape_mask(shape('polygon', points.tolist()), 128, 128, rule) - fine).sum())  # type: ignore[arg-type]
    assert errors['centre'] < 0.7 * errors['labelme'] < 0.7 * errors['outline']


def test_a_polygon_costs_its_outline_not_its_points(monkeypatch: pytest.MonkeyPatch) -> None:
    angles = np.linspace(0, 2 * np.pi, 200_000, endpoint=False)
    points = 50 + 40 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert 4900 < shape_mask(shape('polygon', points.tolist()), 100, 100).sum() < 5200
    monkeypatch.setattr(shapes, 'MAX_OUTLINE', 1000)
    with pytest.raises(InputError, match='its outline is 200,'):
        shape_mask(shape('polygon', points.tolist()), 100, 100)


PIXEL = png(np.ones((1, 1), np.uint8))
BOX = [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ('broken', 'words'),
    [
        (shape('polygon', [[0, 0], [1, 1]]), 'needs 3 points or more, found 2'),
        (shape('polygon', []), 'must be a list of'),
        (shape('polygon', None), 'must be a list of'),
        (shape('polygon', [[0, 0], [1], [2, 2]]), 'must be a list of'),
        (shape('polygon', [['a', 0], [1, 1], [2, 2]]), 'must be a list of'),
        (shape('polygon', [[math.nan, 0], [1, 1], [2, 2]]), 'not a number'),
        (shape('polygon', [[math.inf, 0], [1, 1], [2, 2]]), 'not a number'),
        (shape('polygon', [[10**400, 0], [1, 1], [2, 2]]), 'must be a list of'),
        (shape('polygon', [[1e9, 0], [1, 1], [2, 2]]), 'beyond'),
        (shape('rectangle', [[0, 0]]), 'needs 2 points, found 1'),
        (shape('circle', [[0, 0], [1, 1], [2, 2]]), 'needs 2 points, found 3'),
        (shape('oriented_rectangle', [[0, 0], [1, 1], [2, 2]]), 'needs 4 points, found 3'),
        (shape('line', [[0, 0], [1, 1]]), "'line' covers no area"),
        (shape('point', [[0, 0]]), "'point' covers no area"),
        (shape('mask', [[0, 0], [4, 0]], PIXEL), 'is 1×1 pixels but its box 5×1'),
        (shape('mask', [[1, 0], [0, 0]], PIXEL), 'is empty'),
        (shape('mask', [[0, 0], [99_999, 99_999]], PIXEL), 'has more than 80,000,000 pixels'),
        (shape('mask', [[0, 0]], PIXEL), 'needs 2 points'),
        (shape('mask', BOX), 'lacks its `mask:`'),
        (shape('mask', BOX, 'no base64!'), 'not a complete PNG'),
        (shape('mask', BOX, PIXEL[:-40]), 'not a complete PNG'),
        (shape('mask', BOX, png(np.ones((1, 1), np.uint8), 'BMP')), 'not a complete PNG'),
        (shape('mask', BOX, png(np.ones((2, 1), np.uint8))), 'is 1×2 pixels but its box 1×1'),
        (shape('mask', BOX, png(np.ones((1, 1, 3), np.uint8))), '3 channels'),
    ],
)  # fmt: skip
def test_a_damaged_shape_is_refused_in_one_line(broken: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        shape_mask(broken, 3, 4)
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)


@given(st.binary(max_size=60), st.integers(0, 80))
def test_a_corrupted_png_is_never_a_traceback(noise: bytes, position: int) -> None:
    data = bytearray(base64.b64decode(png(np.eye(5, dtype=np.uint8))))
    data[position : position + len(noise)] = noise
    damaged = shape('mask', [[0, 0], [4, 4]], base64.b64encode(bytes(data)).decode())
    try:
        mask = shape_mask(damaged, 5, 5)
    except InputError as error:
        assert '\n' not in str(error)  # noqa: PT017
    else:
        assert mask.shape == (5, 5)
