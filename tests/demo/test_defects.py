"""Every planted defect does what its name says, measured independently of the code that plants it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ext.demo.defects import DEFECTS, plant
from mmseg_ext.demo.scene import render_scene

KINDS = [
    'specks', 'fragments', 'holes', 'partial_mask', 'shifted_mask', 'oversized_polygon', 'wrong_class', 'other_object',
    'scrap', 'jagged_border',
]  # fmt: skip
SIZE = 64
NOTHING = np.zeros((SIZE, SIZE), bool)


def disc(radius: int = 14, value: int = 1) -> np.ndarray:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.circle(mask, (32, 30), radius, value, cv2.FILLED)
    return mask


def components(region: np.ndarray) -> list[int]:
    """Areas of the 8-connected components."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    return sorted(int(area) for area in stats[1:, cv2.CC_STAT_AREA])


def corrupt(kind: str, mask: np.ndarray, seed: int = 0, objects: np.ndarray = NOTHING) -> tuple[np.ndarray, dict]:
    return plant(kind, mask, objects, np.random.default_rng(seed))


def test_the_registry_holds_the_kinds_of_a_hasty_set() -> None:
    assert sorted(DEFECTS) == sorted(KINDS)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 2**32 - 1),
    x=st.integers(6, 58),
    y=st.integers(6, 58),
    radius=st.integers(2, 22),
    value=st.sampled_from([1, 2]),
    second=st.booleans(),
)
def test_every_defect_changes_the_mask_and_nothing_else(
    kind: str, seed: int, x: int, y: int, radius: int, value: int, second: bool
) -> None:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    if second:
        cv2.rectangle(mask, (2, 40), (20, 60), 3 - value, cv2.FILLED)
    cv2.circle(mask, (x, y), radius, value, cv2.FILLED)
    before = mask.copy()
    corrupted, record = corrupt(kind, mask, seed)
    np.testing.assert_array_equal(mask, before)
    assert corrupted.shape == mask.shape
    assert corrupted.dtype == np.uint8
    assert set(np.unique(corrupted)) <= {0, 1, 2}
    assert record['kind'] == kind
    assert record['changed_pixels'] == np.count_nonzero(corrupted != mask) > 0
    again, same = corrupt(kind, mask, seed)
    np.testing.assert_array_equal(corrupted, again)
    assert record == same


@pytest.mark.parametrize('kind', KINDS)
def test_every_defect_works_on_real_scenes(kind: str) -> None:
    for seed in range(6):
        scene = render_scene(np.random.default_rng(seed), SIZE, 1 + seed % 2)
        corrupted, _ = corrupt(kind, scene.mask, seed, scene.objects)
        assert (corrupted != scene.mask).any()


@pytest.mark.parametrize('seed', range(5))
def test_specks_are_small_islands_on_the_background(seed: int) -> None:
    mask = disc()
    corrupted, record = corrupt('specks', mask, seed)
    np.testing.assert_array_equal(corrupted[mask > 0], mask[mask > 0])
    islands = components(corrupted > 0)[:-1]
    assert len(islands) == record['count'] >= 3
    assert max(islands) < 10


@pytest.mark.parametrize('seed', range(5))
def test_fragments_break_an_animal_into_pieces(seed: int) -> None:
    mask = disc(20)
    corrupted, _ = corrupt('fragments', mask, seed)
    assert len(components(corrupted > 0)) > 5
    np.testing.assert_array_equal(corrupted[corrupted > 0], mask[corrupted > 0])


@pytest.mark.parametrize('seed', range(5))
def test_holes_leave_a_rim_around_a_large_hole(seed: int) -> None:
    mask = disc(20)
    corrupted, _ = corrupt('holes', mask, seed)
    outlines, hierarchy = cv2.findContours(corrupted, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    assert len(outlines) == 2
    assert hierarchy[0, :, 3].max() == 0  # the second outline lies inside the first
    missing = np.count_nonzero((mask > 0) & (corrupted == 0)) / np.count_nonzero(mask)
    assert 0.25 < missing < 0.7


@pytest.mark.parametrize('seed', range(5))
def test_partial_mask_keeps_one_side(seed: int) -> None:
    mask = disc(20)
    corrupted, record = corrupt('partial_mask', mask, seed)
    assert np.count_nonzero(corrupted) / np.count_nonzero(mask) == pytest.approx(record['kept_share'], abs=0.05)
    assert len(components(corrupted > 0)) == 1
    np.testing.assert_array_equal(corrupted[corrupted > 0], mask[corrupted > 0])


def test_shifted_mask_is_the_same_mask_elsewhere() -> None:
    mask = disc(10)
    corrupted, record = corrupt('shifted_mask', mask, 1)
    np.testing.assert_array_equal(corrupted, np.roll(mask, (record['dy'], record['dx']), axis=(0, 1)))
    assert np.hypot(record['dx'], record['dy']) >= 2


@pytest.mark.parametrize('seed', range(5))
def test_oversized_polygon_holds_the_animal_and_much_more(seed: int) -> None:
    mask = disc(12)
    corrupted, record = corrupt('oversized_polygon', mask, seed)
    assert (corrupted[mask > 0] == 1).all()
    assert np.count_nonzero(corrupted) > 1.1 * np.count_nonzero(mask)
    outlines, _ = cv2.findContours(corrupted, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    assert len(cv2.approxPolyDP(outlines[0], 1.5, closed=True)) <= record['corners'] + 2


def test_wrong_class_renames_one_animal() -> None:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[5:15, 5:15] = 1
    mask[30:60, 30:60] = 2
    corrupted, record = corrupt('wrong_class', mask)
    expected = mask.copy()
    expected[mask == record['true_class']] = record['labelled_as']
    np.testing.assert_array_equal(corrupted, expected)


def test_other_object_covers_the_thing_instead_of_the_animal() -> None:
    mask = disc(10, value=2)
    objects = NOTHING.copy()
    objects[50:60, 4:20] = True
    corrupted, record = corrupt('other_object', mask, 0, objects)
    np.testing.assert_array_equal(corrupted, np.where(objects, 2, 0))
    assert record['target'] == 'object'


def test_other_object_falls_on_the_background_where_there_is_no_thing() -> None:
    mask = disc(8)
    corrupted, record = corrupt('other_object', mask)
    assert record['target'] == 'ground'
    assert np.count_nonzero(corrupted) > 20
    assert not corrupted[mask > 0].any()


@pytest.mark.parametrize('seed', range(5))
def test_scrap_leaves_next_to_nothing(seed: int) -> None:
    mask = disc(20)
    corrupted, _ = corrupt('scrap', mask, seed)
    assert 1 <= np.count_nonzero(corrupted) <= 37  # a disc of radius 3
    np.testing.assert_array_equal(corrupted[corrupted > 0], mask[corrupted > 0])


@pytest.mark.parametrize('seed', range(5))
def test_jagged_border_is_made_of_square_blocks(seed: int) -> None:
    mask = disc(20)
    corrupted, record = corrupt('jagged_border', mask, seed)
    steps = SIZE // record['step'] + 1
    assert np.count_nonzero((np.diff(corrupted.astype(int), axis=0) != 0).any(axis=1)) <= steps
    assert np.count_nonzero((np.diff(corrupted.astype(int), axis=1) != 0).any(axis=0)) <= steps
    overlap = np.count_nonzero((corrupted > 0) & (mask > 0)) / np.count_nonzero((corrupted > 0) | (mask > 0))
    assert 0.8 < overlap < 1


def test_an_empty_mask_cannot_be_corrupted() -> None:
    with pytest.raises(ValueError, match='background only'):
        corrupt('holes', np.zeros((SIZE, SIZE), np.uint8))


def test_a_draw_that_changes_nothing_is_drawn_again() -> None:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[30:33, 30:33] = 1  # a scrap of radius 3 covers it all, one of radius 1 leaves five of nine pixels
    for seed in range(20):
        corrupted, record = corrupt('scrap', mask, seed)
        assert record['changed_pixels'] == 9 - np.count_nonzero(corrupted) > 0


def test_a_mask_that_a_defect_cannot_change_is_refused() -> None:
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[30, 30] = 1
    with pytest.raises(ValueError, match='scrap cannot change this mask of 1 animal pixels'):
        corrupt('scrap', mask)
