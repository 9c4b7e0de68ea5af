from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmseg_ext.evaluation.scores import CLASS_SCORES, MEAN_SCORES, absent_classes, scores_from_confusion

COUNTS = arrays(np.int64, st.tuples(st.just(3), st.just(3)), elements=st.integers(0, 6))


def score_slowly(counts: list[list[int]]) -> dict[str, list[Fraction | None]]:
    """The definitions in whole numbers, class by class."""
    classes = range(len(counts))
    scores: dict[str, list[Fraction | None]] = {name: [] for name in CLASS_SCORES}
    for index in classes:
        tp = counts[index][index]
        fn = sum(counts[index][other] for other in classes if other != index)
        fp = sum(counts[other][index] for other in classes if other != index)
        parts = {'Dice': (2 * tp, 2 * tp + fp + fn), 'IoU': (tp, tp + fp + fn), 'Acc': (tp, tp + fn)}
        parts |= {'Precision': (tp, tp + fp), 'Recall': (tp, tp + fn)}
        for name, (part, whole) in parts.items():
            scores[name].append(Fraction(part, whole) if whole else None)
    return scores


def test_two_classes_by_hand() -> None:
    # Background: 6 right, 2 taken for the object. Object: 1 missed, 3 found.
    scores = scores_from_confusion(np.array([[6, 2], [1, 3]]))
    assert scores['Dice'].tolist() == [12 / 15, 6 / 9]
    assert scores['IoU'].tolist() == [6 / 9, 3 / 6]
    assert scores['Acc'].tolist() == [6 / 8, 3 / 4]
    assert scores['Recall'].tolist() == [6 / 8, 3 / 4]
    assert scores['Precision'].tolist() == [6 / 7, 3 / 5]
    assert scores['mDice'] == pytest.approx((12 / 15 + 6 / 9) / 2)
    assert scores['aAcc'] == 9 / 12


def test_an_absent_class_has_no_score_and_no_part_in_the_mean() -> None:
    counts = np.array([[4, 0, 0], [0, 0, 0], [2, 0, 2]])
    scores = scores_from_confusion(counts)
    assert all(math.isnan(scores[name][1]) for name in CLASS_SCORES)
    assert scores['mDice'] == pytest.approx((8 / 10 + 4 / 6) / 2)
    assert absent_classes(counts).tolist() == [False, True, False]


def test_a_class_predicted_but_nowhere_true_has_dice_0_and_no_acc() -> None:
    counts = np.array([[4, 1], [0, 0]])
    scores = scores_from_confusion(counts)
    assert [scores[name][1] for name in ('Dice', 'IoU', 'Precision')] == [0, 0, 0]
    assert math.isnan(scores['Acc'][1])
    assert scores['mAcc'] == 4 / 5
    assert scores['mDice'] == pytest.approx((8 / 9 + 0) / 2)
    assert not absent_classes(counts).any()


def test_a_class_never_predicted_has_dice_0_and_no_precision() -> None:
    scores = scores_from_confusion(np.array([[4, 0], [3, 0]]))
    assert [scores[name][1] for name in ('Dice', 'IoU', 'Acc')] == [0, 0, 0]
    assert math.isnan(scores['Precision'][1])


def test_nothing_counted_is_nan_everywhere() -> None:
    scores = scores_from_confusion(np.zeros((2, 2), int))
    assert all(np.isnan(values).all() for values in scores.values())


@given(COUNTS)
def test_equal_to_the_definitions_in_fractions(counts: np.ndarray) -> None:
    scores = scores_from_confusion(counts)
    for name, expected in score_slowly(counts.tolist()).items():
        numbers = [math.nan if value is None else float(value) for value in expected]
        np.testing.assert_array_equal(scores[name], numbers)
        known = [value for value in expected if value is not None]
        mean = float(sum(known) / len(known)) if known else math.nan
        np.testing.assert_allclose(scores[f'm{name}'], mean, rtol=1e-15)


@given(arrays(np.int64, (2, 4, 3, 3), elements=st.integers(0, 6)))
def test_leading_axes_are_scored_one_by_one(counts: np.ndarray) -> None:
    scores = scores_from_confusion(counts)
    for i, j in np.ndindex(2, 4):
        for name, values in scores_from_confusion(counts[i, j]).items():
            np.testing.assert_array_equal(scores[name][i, j], values)


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=5))
def test_perfect_is_one(pixels: list[int]) -> None:
    scores = scores_from_confusion(np.diag(pixels))
    assert all(scores[name] == 1 for name in (*MEAN_SCORES, 'aAcc'))


def test_counts_beyond_what_float32_and_float64_sums_hold() -> None:
    counts = np.array([[2**40 + 1, 1], [1, 2**24 + 1]])
    scores = scores_from_confusion(counts)
    assert scores['Dice'][1] == float(Fraction(2 * (2**24 + 1), 2 * (2**24 + 1) + 2))
    assert scores['Acc'][0] == float(Fraction(2**40 + 1, 2**40 + 2)) < 1
