from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.converters.crops import PAD_COLOUR, Box, bounding_box, crop, crop_box, resize


def test_the_box_around_a_mask() -> None:
    mask = np.zeros((6, 8), bool)
    mask[2, 3] = mask[4, 6] = True
    assert bounding_box(mask) == Box(3, 2, 7, 5)


@pytest.mark.parametrize(
    ('box', 'margin', 'expected'),
    [
        (Box(40, 40, 50, 60), 0.25, Box(30, 35, 60, 65)),  # 20 and 5 on each side
        (Box(0, 0, 10, 20), 0.25, Box(0, 0, 30, 30)),  # moved into the image
        (Box(90, 70, 100, 80), 0.5, Box(80, 60, 100, 80)),
        (Box(10, 0, 80, 80), 0.25, Box(5, 0, 85, 80)),  # no room for the margin
        (Box(0, 20, 100, 40), 0, Box(0, -10, 100, 90)),  # longer than the image is high
    ],
)
def test_squares(box: Box, margin: float, expected: Box) -> None:
    assert crop_box(box, 80, 100, margin, square=True) == expected


def test_as_it_is() -> None:
    assert crop_box(Box(40, 40, 50, 60), 80, 100, 0.25, square=False) == Box(35, 35, 55, 65)
    assert crop_box(Box(0, 2, 98, 80), 80, 100, 0.25, square=False) == Box(0, 0, 100, 80)


@given(st.data(), st.integers(1, 40), st.integers(1, 40), st.floats(0, 3), st.booleans())
def test_the_object_is_always_in_its_crop_box(
    data: st.DataObject, height: int, width: int, margin: float, square: bool
) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = Box(left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height)))
    chosen = crop_box(box, height, width, margin, square)
    assert chosen.encloses(box)
    inside = Box(0, 0, width, height).encloses(chosen)
    longer = max(box.right - box.left, box.bottom - box.top)
    assert inside or (square and longer > min(height, width))
    if square:
        assert chosen.right - chosen.left == chosen.bottom - chosen.top


def test_a_part_beyond_the_border_is_unknown() -> None:
    image = np.arange(36, dtype=np.uint8).reshape(3, 4, 3)
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    cropped, cropped_mask = crop(image, mask, Box(-1, 1, 3, 5), 255)
    expected = [[255, 4, 5, 6], [255, 8, 9, 10], [255] * 4, [255] * 4]
    np.testing.assert_array_equal(cropped_mask, expected)
    np.testing.assert_array_equal(cropped[:2, 1:], image[1:, :3])
    assert (cropped[cropped_mask == 255] == PAD_COLOUR).all()
    inner, inner_mask = crop(image, mask, Box(1, 0, 3, 2), 255)
    np.testing.assert_array_equal(inner, image[:2, 1:3])
    np.testing.assert_array_equal(inner_mask, [[1, 2], [5, 6]])


def test_resizing_keeps_ids_and_moves_image_and_mask_together() -> None:
    mask = np.repeat(np.repeat(np.array([[0, 1], [2, 255]], np.uint8), 6, 0), 6, 1)
    image = np.dstack([mask] * 3)
    for side in (4, 6, 24, 36):
        small, small_mask = resize(image, mask, (side, side))
        half = side // 2
        np.testing.assert_array_equal(small_mask, np.repeat(np.repeat([[0, 1], [2, 255]], half, 0), half, 1))
        if side < 12:
            np.testing.assert_array_equal(small[..., 0], small_mask)


def test_a_smaller_mask_holds_what_lies_in_the_middle_of_its_pixels() -> None:
    mask = np.tile(np.arange(12, dtype=np.uint8), (12, 1))
    np.testing.assert_array_equal(resize(np.dstack([mask] * 3), mask, (4, 4))[1], [[1, 4, 7, 10]] * 4)
