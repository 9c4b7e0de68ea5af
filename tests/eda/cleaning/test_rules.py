"""Each rule on small masks whose right answer is known by hand."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.cleaning import RULES, Thresholds
from mmseg_ext.eda.cleaning.large_parts import find_step

LIMITS = Thresholds()
IGNORED = 255


def apply(rule: str, mask: Mask, limits: Thresholds = LIMITS) -> Mask:
    before = mask.copy()
    cleaned = RULES[rule](mask, mask != IGNORED, limits)
    np.testing.assert_array_equal(mask, before)
    assert cleaned.dtype == np.uint8
    return cleaned


def disc(radius: int = 30, size: int = 100, value: int = 1, centre: tuple[int, int] = (50, 50)) -> Mask:
    y, x = np.indices((size, size))
    return (((y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2) * value).astype(np.uint8)


def ragged() -> Mask:
    """A disc whose outline is full of gaps of one pixel."""
    mask = disc()
    mask[20:28, 30:70:4] = 0
    return mask


def test_pinholes_takes_the_class_around() -> None:
    mask = np.maximum(disc(), disc(8, value=2))
    spoilt = mask.copy()
    spoilt[50, 50] = 0  # inside class 2
    spoilt[50:53, 70:73] = 0  # nine pixels inside class 1
    np.testing.assert_array_equal(apply('pinholes', spoilt), mask)


def test_pinholes_leaves_larger_holes_ragged_outlines_and_unknown_neighbours() -> None:
    large, near_unknown, detailed = disc(), disc(), ragged()
    large[50:52, 50:55] = 0  # ten pixels
    near_unknown[50, 50:52] = 0, IGNORED
    detailed[60, 50] = 0
    for mask in (large, near_unknown, detailed):
        np.testing.assert_array_equal(apply('pinholes', mask), mask)
    cleaned = apply('pinholes', detailed, LIMITS.thorough())
    assert cleaned[60, 50] == 1
    assert np.count_nonzero(cleaned != detailed) == 1


def test_noise_at_a_smooth_outline() -> None:
    mask = disc()
    spoilt = mask.copy()
    spoilt[2:5, 2:5] = 2  # nine pixels
    spoilt[50, 82] = 1  # one background pixel away from the disc
    np.testing.assert_array_equal(apply('noise', spoilt), mask)
    spoilt[2, 5] = 2  # the tenth
    assert np.count_nonzero(apply('noise', spoilt)) == np.count_nonzero(mask) + 10


def test_noise_at_a_ragged_outline_needs_several_isolated_regions() -> None:
    mask = ragged()
    spoilt = mask.copy()
    spoilt[3, 3] = spoilt[3, 90] = 1
    np.testing.assert_array_equal(apply('noise', spoilt), spoilt)
    spoilt[90, 3] = 1
    spoilt[82, 50] = 1  # near the disc: may belong to it
    cleaned = apply('noise', spoilt)
    assert cleaned[82, 50] == 1
    cleaned[82, 50] = 0
    np.testing.assert_array_equal(cleaned, mask)
    # 1 % of the image's side is one pixel: all but that one are further away from any other region
    spoilt[90, 3] = 0
    np.testing.assert_array_equal(apply('noise', spoilt, replace(LIMITS, noise_isolation=0.01)), mask)


@pytest.mark.parametrize('rule', ['noise', 'scraps'])
def test_a_mask_without_a_large_region_is_left_to_a_person(rule: str) -> None:
    mask = np.zeros((50, 50), np.uint8)
    mask[10:19, 10:21] = 1  # 99 pixels
    mask[40, 40] = 1
    np.testing.assert_array_equal(apply(rule, mask, replace(LIMITS, scrap_share=0.5)), mask)
    mask[19, 10] = 1
    assert apply(rule, mask, replace(LIMITS, scrap_share=0.5))[40, 40] == 0


@pytest.mark.parametrize('rule', ['noise', 'scraps'])
def test_what_touches_an_unknown_pixel_stays(rule: str) -> None:
    mask = disc()
    mask[3, 3], mask[4, 4] = 1, IGNORED
    np.testing.assert_array_equal(apply(rule, mask), mask)


def test_scraps_are_tiny_compared_with_the_largest() -> None:
    mask = disc()  # 2821 pixels
    spoilt = mask.copy()
    spoilt[3:7, 3:10] = 2  # 28
    np.testing.assert_array_equal(apply('scraps', spoilt), mask)
    spoilt[7, 3] = 2  # 29
    np.testing.assert_array_equal(apply('scraps', spoilt), spoilt)
    detailed = ragged()
    detailed[3, 3] = 1
    np.testing.assert_array_equal(apply('scraps', detailed), detailed)


def test_hollow_fills_a_rim_and_leaves_a_handle() -> None:
    mask = disc()
    rim = np.where(disc(22) > 0, np.uint8(0), mask)
    np.testing.assert_array_equal(apply('hollow', rim), mask)
    handle = np.maximum(disc(30, 200, centre=(60, 60)), disc(34, 200, centre=(60, 115)))
    handle[disc(30, 200, centre=(60, 118)) > 0] = 0  # a thin ring at a body that is thick
    np.testing.assert_array_equal(apply('hollow', handle), handle)
    assert (apply('hollow', handle, replace(LIMITS, hollow_depth=1)) != handle).any()


def test_hollow_begins_at_its_share() -> None:
    square = np.zeros((30, 30), np.uint8)
    square[5:25, 5:25] = 1
    rim = square.copy()
    rim[10:20, 10:20] = 0  # 100 of 400 pixels
    np.testing.assert_array_equal(apply('hollow', rim), square)
    rim[10, 10] = 1
    np.testing.assert_array_equal(apply('hollow', rim), rim)


def test_hollow_leaves_other_classes_and_unknown_pixels_inside() -> None:
    rim = np.where(disc(22) > 0, np.uint8(0), disc())
    inhabited = np.where(disc(5) > 0, np.uint8(2), rim)
    np.testing.assert_array_equal(apply('hollow', inhabited), np.where(disc(5) > 0, np.uint8(2), disc()))
    rim[50, 50] = IGNORED
    rim[72, 50] = IGNORED  # at the inner border of the rim
    np.testing.assert_array_equal(apply('hollow', rim), rim)


@pytest.mark.parametrize('angle', [0, 17, 45, 80])
def test_cuts_closes_straight_cuts_in_two_directions(angle: float) -> None:
    mask = disc(60, 140, 3, (70, 70))
    y, x = np.indices(mask.shape) - 70.0
    turn = np.deg2rad(angle)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    gap = (np.abs(along) < 2) | (np.abs(np.abs(across) - 20) < 2)
    cut = np.where(gap, np.uint8(0), mask)
    cleaned = apply('cuts', cut)
    assert np.count_nonzero(cleaned != mask) <= 0.03 * np.count_nonzero(cut != mask)
    assert not ((cleaned == 3) & (mask == 0)).any()
    wide = np.where(cv2.dilate(gap.astype(np.uint8), np.ones((7, 7))) > 0, np.uint8(0), mask)
    np.testing.assert_array_equal(apply('cuts', wide), wide)


def test_cuts_leaves_a_few_pieces_curved_gaps_and_unknown_pixels() -> None:
    mask = disc(60, 140, 1, (70, 70))
    few = mask.copy()
    few[:, 69:71] = 0
    few[69:71] = 0  # four pieces
    np.testing.assert_array_equal(apply('cuts', few), few)
    curved = mask.copy()
    for radius in range(10, 60, 10):
        cv2.circle(curved, (70, 70), radius, 0, 2)
    np.testing.assert_array_equal(apply('cuts', curved), curved)
    ignored = mask.copy()
    for line in (50, 70, 90):
        ignored[line : line + 2] = ignored[:, line : line + 2] = IGNORED
    np.testing.assert_array_equal(apply('cuts', ignored), ignored)


def staircase_of(mask: Mask, side: int) -> Mask:
    coarse = np.pad(mask, (0, side), mode='edge')[side // 2 :: side, side // 2 :: side]
    return np.kron(coarse, np.ones((side, side), np.uint8))[: mask.shape[0], : mask.shape[1]]


@pytest.mark.parametrize('side', [3, 5, 8])
def test_staircase_finds_the_squares_and_rounds_them(side: int) -> None:
    mask = np.maximum(disc(60, 160, 1, (80, 70)), disc(30, 160, 2, (80, 120)))
    coarse = staircase_of(mask, side)
    known = np.ones(mask.shape, bool)
    assert find_step(coarse, known, LIMITS) == side
    assert find_step(np.roll(coarse, (1, 2), (0, 1)), known, LIMITS) == side  # wherever the grid begins
    cleaned = apply('staircase', coarse)
    assert np.count_nonzero(cleaned != mask) < 0.8 * np.count_nonzero(coarse != mask)
    assert find_step(cleaned, known, LIMITS) is None


@pytest.mark.parametrize(('side', 'pitch'), [(12, 24), (8, 20), (16, 24)])
def test_parts_on_a_grid_are_kept(side: int, pitch: int) -> None:
    cells = np.zeros((256, 256), np.uint8)
    for top in range(20, 236, pitch):
        for left in range(20, 236, pitch):
            cells[top : top + side, left : left + side] = 1
    assert find_step(cells, np.ones(cells.shape, bool), LIMITS) is not None
    for rule in ('staircase', 'cuts'):
        np.testing.assert_array_equal(apply(rule, cells), cells)


def test_staircase_keeps_a_mask_of_which_a_small_object_would_vanish() -> None:
    large = staircase_of(disc(60, 160, 1, (80, 80)), 8)
    assert (apply('staircase', large) != large).any()
    large[8:16, 8:16] = 1  # one square
    np.testing.assert_array_equal(apply('staircase', large), large)


def test_staircase_leaves_smooth_outlines_rectangles_and_unknown_pixels() -> None:
    rectangle = np.zeros((90, 90), np.uint8)
    rectangle[9:60, 12:81] = 1
    specked, two = rectangle.copy(), rectangle.copy()
    specked[[70, 80], [4, 86]] = 1
    two[66:84, 30:60] = 2
    for mask in (disc(), ragged(), rectangle, specked, two):
        np.testing.assert_array_equal(apply('staircase', mask), mask)
    coarse = staircase_of(disc(), 5)
    coarse[41:58, 71:88] = IGNORED  # its own border lies on no grid
    cleaned = apply('staircase', coarse)
    np.testing.assert_array_equal(cleaned == IGNORED, coarse == IGNORED)
    assert (cleaned != coarse).any()


def test_slivers_go_to_the_class_along_them() -> None:
    mask = disc()
    spoilt = mask.copy()
    spoilt[40:60, 60:62] = 2
    np.testing.assert_array_equal(apply('slivers', spoilt), mask)
    edge = mask.copy()
    edge[60, :40] = edge[61:] = 0
    straight = edge.copy()
    edge[60, 40:61] = straight[60, 40:61] = 1
    edge[60, 40:61] = 2  # along a straight edge: half of its border is background
    np.testing.assert_array_equal(apply('slivers', edge), straight)


def test_slivers_leaves_wide_short_and_loose_strips() -> None:
    for change in (np.s_[40:60, 60:63], np.s_[40:48, 60:62], np.s_[95, 30:60]):
        mask = disc()
        mask[change] = 2
        np.testing.assert_array_equal(apply('slivers', mask), mask)
    detailed = ragged()
    detailed[40:60, 60:62] = 2
    np.testing.assert_array_equal(apply('slivers', detailed), detailed)


def test_mixed_goes_to_the_majority_that_surrounds_it() -> None:
    mask = disc()  # 2821 pixels
    spoilt = mask.copy()
    spoilt[40:51, 40:51] = 2  # 121
    np.testing.assert_array_equal(apply('mixed', spoilt), mask)


def test_mixed_leaves_large_and_bordering_regions_and_ragged_outlines() -> None:
    large, bordering, detailed = disc(), disc(), ragged()
    large[40:52, 40:52] = 2  # 144 pixels: more than 5 %
    bordering[np.s_[75:90, 45:56]] = 2  # mostly next to the background
    detailed[45:50, 45:50] = 2
    for mask in (large, bordering, detailed):
        np.testing.assert_array_equal(apply('mixed', mask), mask)


def test_the_help_has_a_line_on_each_rule() -> None:
    for rule in RULES.values():
        assert (rule.__doc__ or '').splitlines()[0].endswith('.')
