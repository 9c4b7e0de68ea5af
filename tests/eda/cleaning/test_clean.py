from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.cleaning import DEFAULT_RULES, RULES, Change, Thresholds, clean_mask
from mmseg_ext.eda.cleaning.geometry import border_length

IGNORED = 255


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """Masks of squares of one size with sprinkled pixels: many classes, ignored pixels, any shape."""
    height, width, side = draw(st.integers(1, 36)), draw(st.integers(1, 36)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = np.array([0, 1, 2, 7, IGNORED], np.uint8)
    coarse = rng.choice(values, size=(-(-height // side), -(-width // side)), p=rng.dirichlet([2, 2, 1, 0.5, 0.3]))
    mask = np.kron(coarse, np.ones((side, side), np.uint8))[:height, :width]
    sprinkled = rng.random(mask.shape) < rng.choice([0, 0.02, 0.1])
    return np.where(sprinkled, rng.choice(values, size=mask.shape), mask)


@settings(max_examples=150)
@given(masks(), st.booleans(), st.sets(st.sampled_from(sorted(RULES)), min_size=1))
@example(np.zeros((1, 1), np.uint8), True, set(RULES))
@example(np.full((4, 4), IGNORED, np.uint8), True, set(RULES))
def test_a_second_cleaning_changes_nothing(mask: Mask, thorough: bool, rules: set[str]) -> None:
    before = mask.copy()
    limits = Thresholds().thorough() if thorough else Thresholds()
    once = clean_mask(mask, rules=sorted(rules), limits=limits)
    twice = clean_mask(once.mask, rules=sorted(rules), limits=limits)
    np.testing.assert_array_equal(twice.mask, once.mask)
    assert twice.changes == ()
    np.testing.assert_array_equal(mask, before)
    np.testing.assert_array_equal(once.mask == IGNORED, mask == IGNORED)
    assert set(np.unique(once.mask)) <= set(np.unique(mask)) | {0}
    assert {change.rule for change in once.changes} <= rules
    assert bool(once.changes) == bool((once.mask != mask).any())
    known = mask != IGNORED
    assert border_length(once.mask, known) <= border_length(mask, known)


def test_each_change_is_counted() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[10:40, 10:40] = 1
    true = mask.copy()
    mask[20, 20] = 0
    mask[50:52, 50:52] = 2
    cleaned = clean_mask(mask)
    np.testing.assert_array_equal(cleaned.mask, true)
    assert cleaned.changes == (Change('pinholes', 1, 2, 2), Change('noise', 4, 2, 1))
    assert clean_mask(mask, rules=['noise']).changes == (Change('noise', 4, 2, 1),)


def test_the_order_of_the_names_does_not_matter() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[10:40, 10:40] = 1
    mask[20, 20] = 0
    mask[50, 50] = 2
    assert (
        clean_mask(mask, rules=['noise', 'pinholes']).changes == clean_mask(mask, rules=['pinholes', 'noise']).changes
    )


def test_the_rules_are_applied_until_none_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call of this rule takes one pixel away; the last, which would lengthen the border, is refused."""

    def eat(mask: Mask, known: np.ndarray, limits: Thresholds) -> Mask:
        left = np.flatnonzero(mask)
        eaten = mask.copy()
        eaten.flat[left[-1] if len(left) else 0] = 0 if len(left) else 1
        return eaten

    monkeypatch.setitem(RULES, 'noise', eat)
    mask = np.zeros((3, 9), np.uint8)
    mask[1, 1:7] = 1
    cleaned = clean_mask(mask, rules=['noise'])
    assert [change.pixels for change in cleaned.changes] == [1] * 6
    assert not cleaned.mask.any()


def test_a_rule_that_only_moves_a_border_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Mask] = []

    def move(mask: Mask, known: np.ndarray, limits: Thresholds) -> Mask:
        calls.append(mask)
        return np.roll(mask, 1, axis=1) if len(calls) < 5 else mask

    monkeypatch.setitem(RULES, 'noise', move)
    mask = np.zeros((9, 30), np.uint8)
    mask[3:6, 3:6] = 1
    assert clean_mask(mask, rules=['noise']).changes == ()
    assert len(calls) == 1


def test_another_value_can_mean_unknown() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[10:40, 10:40] = 1
    mask[20, 20] = 9
    np.testing.assert_array_equal(clean_mask(mask, ignore_index=9, rules=['mixed']).mask, mask)
    assert clean_mask(mask, rules=['mixed']).mask[20, 20] == 1


@pytest.mark.parametrize('rules', [DEFAULT_RULES, tuple(RULES)])
def test_no_class_is_removed_from_a_mask(rules: tuple[str, ...]) -> None:
    liver = np.zeros((256, 256), np.uint8)
    cv2.ellipse(liver, (125, 125), (80, 55), 10, 0, 360, 1, -1)
    cv2.circle(liver, (100, 110), 6, 2, -1)  # a tumour
    road = np.zeros((240, 320), np.uint8)
    road[150:] = 1
    for x in (50, 125, 200):
        cv2.ellipse(road, (x, 100), (3, 7), 0, 0, 360, 2, -1)  # people far away
    line = np.zeros((128, 256), np.uint8)
    line[50:] = 1
    cv2.line(line, (125, 50), (100, 127), 2, 2)
    for mask in (liver, road, line):
        np.testing.assert_array_equal(clean_mask(mask, rules=rules).mask, mask)


def test_the_default_rules_leave_small_parts_of_another_class() -> None:
    mask = np.zeros((128, 128), np.uint8)
    cv2.circle(mask, (64, 64), 50, 1, -1)
    for x, radius in ((45, 4), (80, 14)):
        cv2.circle(mask, (x, 64), radius, 2, -1)
    np.testing.assert_array_equal(clean_mask(mask).mask, mask)
    assert [change.rule for change in clean_mask(mask, rules=tuple(RULES)).changes] == ['mixed']


def test_wrong_arrays_and_rules_are_refused() -> None:
    with pytest.raises(ValueError, match='uint8'):
        clean_mask(np.zeros((4, 4), np.int64))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r'\(H, W\)'):
        clean_mask(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(ValueError, match='polish'):
        clean_mask(np.zeros((4, 4), np.uint8), rules=['polish'])
