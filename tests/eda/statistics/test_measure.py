"""Images of 20×20 pixels, so that the ring around an object is one pixel wide and can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from mmseg_ext.eda.statistics.measure import GRID_SIDE, ObjectRow, measure_objects, position_map


def square(top: int = 2, left: int = 10, side: int = 4) -> NDArray[np.uint8]:
    mask = np.zeros((20, 20), np.uint8)
    mask[top : top + side, left : left + side] = 1
    return mask


def only(mask: NDArray[np.uint8], luma: NDArray[np.uint8] | None, **options: object) -> ObjectRow:
    (row,) = measure_objects(mask, luma, 1, **options)  # type: ignore[arg-type]
    return row


def test_a_square_by_hand() -> None:
    mask = square()
    luma = np.full((20, 20), 50, np.uint8)
    luma[1:7, 9:15] = 100  # the ring
    luma[2:6, 10:14] = 200  # the object
    row = only(mask, luma, split='train', stem='a')
    assert (row.split, row.stem, row.class_index, row.at_border) == ('train', 'a', 1, False)
    assert row.area == 4.0  # 16 of 400 pixels
    assert (row.brightness, row.background, row.contrast) == (200, 100, 100)
    assert (row.x, row.y) == (12 / 20, 4 / 20)


def test_another_class_and_ignored_pixels_are_no_background() -> None:
    mask = square()
    luma = np.where(mask == 1, 30, 90).astype(np.uint8)
    mask[2:6, 14], luma[2:6, 14] = 2, 255
    mask[2:6, 9], luma[2:6, 9] = 255, 255
    assert only(mask, luma).background == 90
    everything = only(
        mask, luma, background=None
    ).background  # now the other class is background too, the ignored is not
    assert 90 < everything < 255
    assert everything == pytest.approx((4 * 255 + 8 * 90) / 12)  # the disc of reach 1 is a cross: no corners


def test_a_second_object_of_the_class_is_no_background() -> None:
    mask = square()
    mask[7, 10:14] = 1  # one row of background between them
    luma = np.where(mask == 1, 255, 0).astype(np.uint8)
    assert [row.background for row in measure_objects(mask, luma, 1)] == [0, 0]


def test_what_cannot_be_measured_is_nan() -> None:
    full = np.ones((20, 20), np.uint8)
    row = only(full, full)
    assert (row.area, row.brightness, row.at_border) == (100, 1, True)
    assert math.isnan(row.background)
    assert math.isnan(row.contrast)
    assert math.isnan(only(square(), None).brightness)


def test_touching_corners_join_and_small_regions_are_left_out() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[0, 0] = mask[1, 1] = mask[2, 2] = mask[3, 3] = 1  # one region, 1 % of the image
    mask[10, 10:13] = 1  # 0.75 %
    assert [row.area for row in measure_objects(mask, None, 1)] == [1.0, 0.75]
    assert [row.area for row in measure_objects(mask, None, 1, min_area=0.01)] == [1.0]
    assert [row.area for row in measure_objects(mask, None, 2)] == []


@pytest.mark.parametrize(('top', 'left'), [(0, 5), (5, 0), (16, 5), (5, 16)])
def test_an_object_at_each_edge_is_at_the_border(top: int, left: int) -> None:
    luma = np.arange(400, dtype=np.int64).reshape(20, 20).astype(np.uint8)
    row = only(square(top, left), luma)
    assert row.at_border
    assert row.area == 4.0
    assert row.brightness == luma[top : top + 4, left : left + 4].mean()


def test_the_ring_grows_with_the_image() -> None:
    mask, luma = np.zeros((200, 200), np.uint8), np.zeros((200, 200), np.uint8)
    mask[90:110, 90:110] = 1
    luma[100, 84] = 255  # 6 pixels to the left of the object: 3 % of 200
    luma[100, 116] = 255  # 7 to the right
    with_both = only(mask, luma).background
    luma[100, 116] = 0
    assert only(mask, luma).background == with_both > 0
    luma[100, 84] = 0
    assert only(mask, luma).background == 0


def test_a_position_map_is_the_share_of_each_cell() -> None:
    mask = np.zeros((2 * GRID_SIDE, 4 * GRID_SIDE), np.uint8)
    mask[:, : 2 * GRID_SIDE] = 1  # the left half
    mask[0, -1] = 1  # one of the eight pixels of the last cell of the first row
    expected = np.zeros((GRID_SIDE, GRID_SIDE))
    expected[:, : GRID_SIDE // 2] = 1
    expected[0, -1] = 1 / 8
    np.testing.assert_allclose(position_map(mask, 1), expected, atol=1e-6)
