from __future__ import annotations

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.reports.drawing import (
    ADDED,
    CHANGED_CLASS,
    IGNORED,
    INVALID,
    REMOVED,
    colourize,
    difference,
    draw_boxes,
    line_width,
    overlay,
)

PALETTE = [(0, 0, 0), (200, 40, 20), (10, 100, 250)]
MASKS = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0, 1, 2, 255]))


def grey(height: int, width: int, value: int = 100) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_each_value_gets_its_colour() -> None:
    mask = np.array([[0, 1, 2], [255, 3, 254]], np.uint8)
    expected = [[PALETTE[0], PALETTE[1], PALETTE[2]], [IGNORED, INVALID, INVALID]]
    assert colourize(mask, PALETTE).tolist() == [[list(colour) for colour in row] for row in expected]


def test_the_ignored_value_can_be_another() -> None:
    mask = np.array([[3, 255]], np.uint8)
    assert colourize(mask, PALETTE, ignore_index=3).tolist() == [[list(IGNORED), list(INVALID)]]


def test_an_overlay_blends_the_classes_and_leaves_the_background() -> None:
    mask = np.array([[0, 1, 2]], np.uint8)
    blended = overlay(grey(1, 3), mask, PALETTE, opacity=0.25, outline=False)
    # 100 + (200 − 100) / 4 = 125, 100 + (40 − 100) / 4 = 85, 100 + (20 − 100) / 4 = 80; the second class likewise.
    assert blended.tolist() == [[[100, 100, 100], [125, 85, 80], [78, 100, 138]]]


@pytest.mark.parametrize('opacity', [0.0, 1.0])
def test_the_ends_of_the_opacity(opacity: float) -> None:
    mask = np.array([[1, 2, 1]], np.uint8)
    expected = colourize(mask, PALETTE) if opacity else grey(1, 3)
    assert np.array_equal(overlay(grey(1, 3), mask, PALETTE, opacity, outline=False), expected)


@given(MASKS)
def test_the_outline_is_where_a_neighbour_differs(mask: np.ndarray) -> None:
    drawn = overlay(grey(*mask.shape), mask, PALETTE, opacity=0)
    around = np.pad(mask, 1, mode='edge').astype(int)
    centre = around[1:-1, 1:-1]
    neighbours = [around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]]
    border = np.any([neighbour != centre for neighbour in neighbours], axis=0) & (mask > 0)
    expected = np.where(border[..., None], colourize(mask, PALETTE), grey(*mask.shape))
    assert np.array_equal(drawn, expected)


def test_lines_grow_with_the_image() -> None:
    assert [line_width((side, 50, 3)) for side in (8, 256, 599, 800, 4000)] == [1, 1, 1, 2, 10]


def test_sizes_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match=r'differ in size: \(4, 5\) and \(4, 4\)'):
        overlay(grey(4, 5), np.zeros((4, 4), np.uint8), PALETTE)
    with pytest.raises(ValueError, match=r'differ in size: \(4, 5\) and \(4, 4\)'):
        difference(np.zeros((4, 5), np.uint8), np.zeros((4, 4), np.uint8), PALETTE)


def test_a_frame_is_around_its_box_and_hides_nothing_of_it() -> None:
    image = grey(20, 30)
    drawn = draw_boxes(image, [(10, 8, 4, 3)], colour=(255, 0, 255))
    assert np.array_equal(image, grey(20, 30))
    frame = np.all(drawn == (255, 0, 255), axis=2)
    rows, columns = np.nonzero(frame)
    # Three pixels outwards of columns 10–13 and rows 8–10: the gap of two and the line.
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (7, 16, 5, 13)
    assert frame.sum() == 2 * 10 + 2 * 7
    assert np.array_equal(drawn[8:11, 10:14], image[8:11, 10:14])
    assert drawn[4, 10].tolist() == [50, 50, 50]  # the darkened rim


def test_frames_at_the_border_stay_in_the_image() -> None:
    drawn = draw_boxes(grey(12, 16), [(0, 0, 16, 12)])
    frame = np.all(drawn == (255, 0, 255), axis=2)
    assert frame[0].all()
    assert frame[-1].all()
    assert frame[:, 0].all()
    assert frame[:, -1].all()
    assert not frame[1:-1, 1:-1].any()


def test_boxes_may_be_numpy_integers_and_none() -> None:
    boxes = np.array([[3, 3, 2, 2]], np.int32)
    assert np.array_equal(draw_boxes(grey(9, 9), boxes), draw_boxes(grey(9, 9), [(3, 3, 2, 2)]))
    assert np.array_equal(draw_boxes(grey(9, 9), []), grey(9, 9))


def test_a_view_with_reversed_channels_is_drawn_on() -> None:
    assert draw_boxes(grey(9, 9)[..., ::-1], [(3, 3, 2, 2)]).shape == (9, 9, 3)


def test_each_kind_of_difference_has_its_colour() -> None:
    first = np.array([[0, 0, 1, 1, 1]], np.uint8)
    second = np.array([[0, 1, 0, 2, 1]], np.uint8)
    drawn = difference(first, second, PALETTE)
    assert drawn[0, 1:4].tolist() == [list(ADDED), list(REMOVED), list(CHANGED_CLASS)]
    assert drawn[0, 0].max() < drawn[0, 4].max() < 110
    assert len(set(drawn[0, 4].tolist())) == 1  # grey


@given(MASKS, st.data())
def test_strong_colours_are_where_the_masks_differ_and_only_there(first: np.ndarray, data: st.DataObject) -> None:
    second = data.draw(hnp.arrays(np.uint8, first.shape, elements=st.sampled_from([0, 1, 2, 255])))
    drawn = difference(first, second, PALETTE)
    assert np.array_equal(np.ptp(drawn, axis=2) > 0, first != second)
    back = difference(second, first, PALETTE)
    assert np.array_equal(np.all(drawn == ADDED, axis=2), np.all(back == REMOVED, axis=2))


def test_without_a_background_the_first_class_is_drawn_too() -> None:
    image, mask = np.full((4, 4, 3), 200, np.uint8), np.zeros((4, 4), np.uint8)
    red = [(220, 0, 0), (0, 0, 220)]
    np.testing.assert_array_equal(overlay(image, mask, red, 1, outline=False), image)
    assert (overlay(image, mask, red, 1, outline=False, background=None) == (220, 0, 0)).all()
    other = mask.copy()
    other[0, 0] = 1
    assert tuple(difference(mask, other, red)[0, 0]) == ADDED
    assert tuple(difference(mask, other, red, background=None)[0, 0]) == CHANGED_CLASS
