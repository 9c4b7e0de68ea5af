from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmseg_ext.converters.coco_format import decode_counts, fill_runs, segmentation_mask
from mmseg_ext.data.polygons import fill_polygon

SQUARE = [[2.0, 2.0], [6.0, 2.0], [6.0, 6.0], [2.0, 6.0]]


def runs_of(mask: NDArray[np.bool_]) -> list[int]:
    """Run lengths down the columns, counted pixel by pixel."""
    counts, inside = [0], False
    for column in range(mask.shape[1]):
        for row in range(mask.shape[0]):
            if bool(mask[row, column]) != inside:
                counts.append(0)
                inside = not inside
            counts[-1] += 1
    return counts


def text_of(counts: list[int]) -> str:
    """Compressed run lengths, from the bits of each number in two's complement."""
    text = ''
    for position, count in enumerate(counts):
        number = count - counts[position - 2] if position > 2 else count
        digits = 1
        while not -(16 * 32 ** (digits - 1)) <= number < 16 * 32 ** (digits - 1):
            digits += 1
        bits = number % 32**digits  # two's complement
        for digit in range(digits):
            text += chr(48 + bits % 32 + (32 if digit < digits - 1 else 0))
            bits //= 32
    return text


masks = st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1), st.floats(0, 1)).map(
    lambda p: np.random.default_rng(p[2]).random((p[0], p[1])) < p[3]
)


@given(masks)
def test_run_lengths_give_the_mask_back(mask: NDArray[np.bool_]) -> None:
    size = list(mask.shape)
    for counts in (runs_of(mask), text_of(runs_of(mask))):
        np.testing.assert_array_equal(segmentation_mask({'size': size, 'counts': counts}, *mask.shape), mask)


@given(st.lists(st.integers(0, 10**7), max_size=12))
def test_compressed_numbers_of_any_size(counts: list[int]) -> None:
    assert decode_counts(text_of(counts)) == counts


def test_what_the_common_toolkit_wrote() -> None:
    # pycocotools 2.0.11: encode() of a 4×3 block with a hole in 7×5, of a full 4×3, and of a block in 300×400.
    block = np.zeros((7, 5), bool)
    block[1:5, 1:4] = True
    block[2, 2] = False
    np.testing.assert_array_equal(segmentation_mask({'size': [7, 5], 'counts': '843MN1226'}, 7, 5), block)
    assert segmentation_mask({'size': [4, 3], 'counts': '0<'}, 4, 3).all()
    assert decode_counts('R[m0X6T30') == [100 * 300 + 50, 200, 100, 200]


@given(masks, st.integers(0, 2**32 - 1))
def test_the_common_toolkit_agrees_on_run_lengths(mask: NDArray[np.bool_], seed: int) -> None:
    toolkit = pytest.importorskip('pycocotools.mask', reason='pycocotools is not installed')
    encoded = toolkit.encode(np.asfortranarray(mask.astype(np.uint8)))
    np.testing.assert_array_equal(
        segmentation_mask({'size': list(mask.shape), 'counts': encoded['counts'].decode()}, *mask.shape), mask
    )


@pytest.mark.parametrize('seed', range(20))
def test_the_common_toolkit_agrees_on_polygons_but_on_the_outline(seed: int) -> None:
    toolkit = pytest.importorskip('pycocotools.mask', reason='pycocotools is not installed')
    generator = np.random.default_rng(seed)
    angles = np.sort(generator.uniform(0, 2 * np.pi, generator.integers(3, 30)))
    points = 40 + generator.uniform(5, 38, len(angles))[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    ours = fill_polygon(points, 80, 80)
    theirs = toolkit.decode(toolkit.frPyObjects([points.reshape(-1).tolist()], 80, 80))[..., 0].astype(bool)
    outline = np.zeros((80, 80), np.uint8)
    cv2.polylines(outline, [np.rint((points - 0.5) * 16).astype(np.int32)], True, 1, shift=4)
    near = cv2.dilate(outline, np.ones((3, 3), np.uint8)) > 0
    assert not ((ours != theirs) & ~near).any()
    assert (ours != theirs).sum() <= 0.5 * outline.sum()


def test_polygons_by_hand() -> None:
    expected = np.zeros((10, 10), bool)
    expected[2:6, 2:6] = True
    np.testing.assert_array_equal(fill_polygon(np.array(SQUARE), 10, 10), expected)
    np.testing.assert_array_equal(fill_polygon(np.array(SQUARE) + 0.4, 10, 10), expected)
    np.testing.assert_array_equal(fill_polygon(np.array(SQUARE[::-1]) - 0.4, 10, 10), expected)
    np.testing.assert_array_equal(
        fill_polygon(np.array(SQUARE) + np.array([0.6, -0.6]), 10, 10), np.roll(expected, (-1, 1), (0, 1))
    )
    triangle = np.array([[1, 1], [5, 1], [1, 5]], float)
    rows = ['......', '.###..', '.##...', '.#....', '......']
    # The slanted side passes through centres: one at the right end of a row is outside.
    np.testing.assert_array_equal(fill_polygon(triangle, 5, 6), [[c == '#' for c in row] for row in rows])


@given(st.lists(st.tuples(st.integers(-30, 60), st.integers(-30, 60)), min_size=3, max_size=9))
def test_polygons_hold_the_centres_that_a_ray_says_they_hold(corners: list[tuple[int, int]]) -> None:
    points = np.array(corners) / 3 + 0.01  # no vertex and no side of few pixels passes through a centre by chance
    mask = fill_polygon(points, 9, 11)
    for row in range(9):
        for column in range(11):
            crossings = 0
            for (x0, y0), (x1, y1) in zip(points, np.roll(points, 1, axis=0), strict=True):
                if (y0 > row + 0.5) != (y1 > row + 0.5):
                    x = x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                    if abs(x - column - 0.5) < 1e-9:
                        return
                    crossings += x < column + 0.5
            assert mask[row, column] == crossings % 2


def test_the_union_of_polygons_counts() -> None:
    inner = [3, 3, 5, 3, 5, 5, 3, 5]
    mask = segmentation_mask([np.ravel(SQUARE).tolist(), inner, [7, 7, 9, 7, 9, 9, 7, 9]], 10, 10)
    assert mask.sum() == 16 + 4
    assert mask[3:5, 3:5].all()


@pytest.mark.parametrize(
    ('segmentation', 'words'),
    [
        ({'size': [4, 3], 'counts': [12]}, 'size'),
        ({'counts': [12]}, 'size'),
        ({'size': [3, 4], 'counts': [11]}, 'add up to 3 × 4'),
        ({'size': [3, 4], 'counts': [-1, 13]}, 'add up'),
        ({'size': [3, 4], 'counts': [1.5, 10.5]}, 'add up'),
        ({'size': [3, 4], 'counts': None}, 'add up'),
        ({'size': [3, 4], 'counts': ' '}, 'character'),
        ({'size': [3, 4], 'counts': 'R'}, 'cut short'),
        ([], 'has no segmentation'),
        ('polygon', 'not a list of polygons'),
        (None, 'has no segmentation'),
        ([[1, 2, 3, 4]], 'has 2 points'),
        ([[1, 2, 3, 4, 5, 6, 7]], 'alternating x and y'),
        ([[1, 2, 3, 4, 5, float('nan')]], 'not a number'),
    ],
)
def test_damage_is_refused(segmentation: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        segmentation_mask(segmentation, 3, 4)


def test_no_pixel_at_all() -> None:
    assert not fill_runs(np.array([12]), 3, 4).any()
    assert not fill_polygon(np.array(SQUARE) + 100, 3, 4).any()
