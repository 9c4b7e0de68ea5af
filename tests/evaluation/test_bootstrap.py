from __future__ import annotations

import math
import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation import bootstrap
from mmseg_ext.evaluation.bootstrap import (
    UNDEFINED,
    Estimate,
    PairedTest,
    bootstrap_intervals,
    bootstrap_sums,
    paired_test,
    paired_tests,
    ratio_estimate,
)
from mmseg_ext.evaluation.scores import scores_from_confusion


def make_counts(images: int, classes: int = 3, seed: int = 0) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 50, (images, classes, classes)) + np.eye(classes, dtype=int) * rng.integers(
        0, 400, (images, 1, 1)
    )


def test_equal_to_drawing_the_images_one_by_one() -> None:
    """Another generator and another way to draw: the ends agree within what 4000 resamples leave open."""
    counts = make_counts(30)
    rng = np.random.default_rng(99)
    drawn = [scores_from_confusion(counts[rng.integers(0, 30, 30)].sum(0)) for _ in range(4000)]
    intervals = bootstrap_intervals(counts, resamples=4000)
    for name in ('mDice', 'Dice', 'IoU', 'Acc', 'aAcc'):
        expected = np.quantile([scores[name] for scores in drawn], [0.025, 0.975], axis=0)
        width = expected[1] - expected[0]
        assert np.all(np.abs(np.array(intervals[name]) - expected) < 0.08 * width), name


def test_close_to_the_normal_interval_of_a_mean() -> None:
    """Images of equal size: aAcc of a split is the mean of the images' shares, whose standard error is known."""
    rng = np.random.default_rng(3)
    right = rng.integers(600, 1000, 200)
    counts = np.zeros((200, 2, 2), np.int64)
    counts[:, 0, 0], counts[:, 0, 1] = right, 1000 - right
    low, high = bootstrap_intervals(counts, resamples=4000)['aAcc']
    shares = right / 1000
    error = shares.std() / np.sqrt(200)
    assert low == pytest.approx(shares.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(shares.mean() + 1.96 * error, abs=0.15 * error)


def test_a_lower_level_is_narrower() -> None:
    counts = make_counts(20)
    wide = bootstrap_intervals(counts, resamples=500)['mDice']
    narrow = bootstrap_intervals(counts, resamples=500, level=0.5)['mDice']
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_equal_seeds_give_equal_intervals_whatever_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = make_counts(12)
    first = bootstrap_intervals(counts, resamples=300, seed=4)
    other = bootstrap_intervals(counts, resamples=300, seed=5)
    monkeypatch.setattr(bootstrap, 'MAX_VALUES_IN_MEMORY', 400)
    again = bootstrap_intervals(counts, resamples=300, seed=4)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert first['mDice'] != other['mDice']


def test_sums_too_large_for_float64_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = make_counts(6)
    expected = bootstrap_intervals(counts, resamples=50)
    monkeypatch.setattr(bootstrap, 'MAX_EXACT_FLOAT64', 1)
    for name, ends in bootstrap_intervals(counts, resamples=50).items():
        np.testing.assert_array_equal(ends, expected[name])
    monkeypatch.undo()
    huge = np.array([[[2**55 + 1]], [[2**55 + 1]]])
    (sums,) = next(bootstrap._resampled_sums([huge], 3, 0))
    assert sums.ravel().tolist() == [2**56 + 2] * 3


def test_one_image_is_its_own_interval() -> None:
    counts = make_counts(1)
    for name, (low, high) in bootstrap_intervals(counts, resamples=20).items():
        np.testing.assert_array_equal(low, scores_from_confusion(counts[0])[name])
        np.testing.assert_array_equal(low, high)


def test_a_class_of_one_image_counts_where_it_is_drawn() -> None:
    counts = np.zeros((5, 3, 3), np.int64)
    counts[:, 0, 0] = 10
    counts[2, 1, 1], counts[2, 1, 0] = 6, 4  # class 1: Acc 0.6 whenever it is drawn; class 2 nowhere
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        low, high = bootstrap_intervals(counts, resamples=200)['Acc']
    np.testing.assert_array_equal(low, [1, 0.6, np.nan])
    np.testing.assert_array_equal(high, [1, 0.6, np.nan])


def rare_counts(images: int, seed: int, *, missed: bool) -> NDArray[np.int64]:
    """Classes 0 and 1 everywhere, class 2 in one image: never predicted (``missed``), or also predicted elsewhere."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((images, 3, 3), np.int64)
    counts[:, :2, :2] = rng.integers(1, 60, (images, 2, 2)) + 300 * np.eye(2, dtype=int)
    counts[0, 2] = [90, 5, 0] if missed else [20, 0, 60]
    counts[images // 2, 0, 2] = 0 if missed else 30
    return counts


def test_the_mean_over_a_class_that_resamples_lack_by_a_loop() -> None:
    """Class by class: a resample without a true pixel of it has the class's score of the next resample with one."""
    counts, resamples, images = rare_counts(9, 0, missed=False), 40, 9
    times = np.random.default_rng(3).multinomial(images, np.full(images, 1 / images), size=resamples)
    totals = [sum(count * table for count, table in zip(row, counts, strict=True)) for row in times]
    assert 5 < sum(total[2].sum() == 0 for total in totals) < 25
    assert any(total[2].sum() == 0 < total[:, 2].sum() for total in totals)  # predicted alone: would be Dice 0
    means = []
    for number in range(resamples):
        dice = []
        for k in range(3):
            later = [totals[(number + step) % resamples] for step in range(resamples)]
            total = next(total for total in later if total[k].sum())
            dice.append(2 * total[k, k] / (total[k].sum() + total[:, k].sum()))
        means.append(np.mean(dice))
    low, high = bootstrap_intervals(counts, resamples=resamples, seed=3)['mDice']
    assert (low, high) == tuple(pytest.approx(end) for end in np.quantile(means, [0.025, 0.975]))


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 14), st.integers(2, 6), st.floats(0, 0.9))
def test_the_interval_of_a_mean_holds_only_what_the_classes_allow(
    seed: int, images: int, classes: int, missing: float
) -> None:
    """With classes that images lack, in the ground truth, the prediction, or both."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 50, (images, classes, classes))
    counts *= (rng.random((images, classes, 1)) >= missing) & (rng.random((images, 1, classes)) >= missing / 2)
    whole = scores_from_confusion(counts.sum(0))
    intervals = bootstrap_intervals(counts, resamples=200, level=1)
    for name in ('Dice', 'IoU', 'Acc', 'Precision', 'Recall'):
        scored = ~np.isnan(whole[name])
        low, high = intervals[name]
        np.testing.assert_array_equal(~np.isnan(low), scored)
        if scored.any():
            mean_low, mean_high = intervals[f'm{name}']
            assert low[scored].mean() - 1e-9 <= mean_low <= mean_high <= high[scored].mean() + 1e-9
            assert mean_high <= 1 - np.mean(high[scored] == 0) + 1e-9  # a class of Dice 0 costs its share
    paired = paired_test(counts, counts + 5 * np.eye(classes, dtype=int), resamples=50)
    assert math.isnan(paired.difference) or not math.isnan(paired.low)


def test_a_class_that_is_never_found_keeps_the_mean_down() -> None:
    counts = rare_counts(12, 1, missed=True)
    low, high = bootstrap_intervals(counts)['mDice']
    assert high < 2 / 3
    better = counts.copy()
    better[0, 2] = [10, 5, 80]
    gain = paired_test(counts, better)
    assert gain.low > 0.25  # a third of the class's Dice of 0.91, in every resample
    assert low < scores_from_confusion(counts.sum(0))['mDice'] < high


def test_the_interval_covers_the_mean_of_the_population() -> None:
    """A class in a fifth of 80 images: nine intervals of ten or more hold the mDice of all images."""
    rng = np.random.default_rng(5)
    images = 4000
    population = np.zeros((images, 3, 3), np.int64)
    population[:, 0, 0], population[:, 0, 1], population[:, 1, 0] = 800, rng.integers(0, 90, images), 20
    population[:, 1, 1] = rng.integers(10, 90, images)
    shown = rng.random(images) < 0.2
    found = rng.integers(0, 100, images)
    population[shown, 2, 2], population[shown, 2, 0] = found[shown], 100 - found[shown]
    population[rng.random(images) < 0.05, 0, 2] += 20
    truth = scores_from_confusion(population.sum(0))['mDice']
    held = []
    for number in range(150):
        low, high = bootstrap_intervals(population[rng.integers(0, images, 80)], resamples=200, seed=number)['mDice']
        held.append(low <= truth <= high)
    assert 0.9 < np.mean(held) < 0.99


def test_no_images() -> None:
    with pytest.raises(InputError, match='at least one scored image'):
        bootstrap_intervals(np.zeros((0, 3, 3), np.int64))
    with pytest.raises(ValueError, match=r'must be \(N, K, K\)'):
        bootstrap_intervals(np.zeros((3, 3), np.int64))


def test_equal_runs_differ_by_nothing() -> None:
    counts = make_counts(10)
    assert paired_test(counts, counts, resamples=50) == PairedTest(0, 0, 0, 1)


def test_a_small_but_steady_gain_is_seen_by_the_paired_interval_alone() -> None:
    first = make_counts(40, 2)
    second = first.copy()
    moved = first[:, 0, 1] // 4  # some false positives fewer on every image
    second[:, 0, 1] -= moved
    second[:, 0, 0] += moved
    test = paired_test(first, second, resamples=500)
    expected = scores_from_confusion(second.sum(0))['mDice'] - scores_from_confusion(first.sum(0))['mDice']
    assert test.difference == pytest.approx(expected)
    assert 0 < test.low < test.difference < test.high
    single = bootstrap_intervals(first, resamples=500)['mDice']
    assert single[1] - single[0] > 3 * (test.high - test.low)


def counts(seed: int, right: int, images: int = 30) -> NDArray[np.int64]:
    """Counts of images whose diagonals are larger by up to ``right`` pixels."""
    rng = np.random.default_rng(seed)
    matrix = rng.integers(1, 50, (images, 3, 3))
    return matrix + rng.integers(0, right + 1, (images, 1, 1)) * np.eye(3, dtype=np.int64)


def test_against_a_loop_over_resamples() -> None:
    first, second = counts(0, 40), counts(1, 62)
    resamples, images = 500, len(first)
    rng = np.random.default_rng(7)
    differences = []
    for times in rng.multinomial(images, np.full(images, 1 / images), size=resamples):
        drawn = [image for image, count in enumerate(times) for _ in range(count)]
        dice = []
        for run in (first, second):
            total = sum(run[image] for image in drawn)
            dice.append(np.mean([2 * total[k, k] / (total[k].sum() + total[:, k].sum()) for k in range(3)]))
        differences.append(dice[1] - dice[0])
    below, above = sum(d <= 0 for d in differences), sum(d >= 0 for d in differences)
    result = paired_test(first, second, resamples=resamples, seed=7)
    assert result.p_value == pytest.approx(2 * (min(below, above) + 1) / (resamples + 1))
    assert result.low == pytest.approx(np.quantile(differences, 0.025))
    assert result.high == pytest.approx(np.quantile(differences, 0.975))
    assert 0.01 < result.p_value < 0.9  # or the comparison would say little


def test_against_scipy() -> None:
    stats = pytest.importorskip('scipy.stats')
    first, second = counts(3, 40, 60), counts(4, 44, 60)
    place = np.arange(60)

    def statistic(drawn: NDArray[np.int64], axis: int = -1) -> NDArray[np.float64]:
        a, b = (scores_from_confusion(run[drawn].sum(axis=-3))['mDice'] for run in (first, second))
        return b - a

    theirs = stats.bootstrap((place,), statistic, n_resamples=4000, method='percentile', rng=1)
    ours = paired_test(first, second, resamples=4000)
    width = ours.high - ours.low
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.08 * width)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.08 * width)
    drawn = theirs.bootstrap_distribution
    assert 0.05 < ours.p_value < 0.9
    assert ours.p_value == pytest.approx(2 * min((drawn <= 0).mean(), (drawn >= 0).mean()), abs=0.03)


def test_equal_runs_and_a_run_that_is_better_on_every_image() -> None:
    run = counts(0, 10)
    assert paired_test(run, run, resamples=100).p_value == 1
    better = run + 1000 * np.eye(3, dtype=np.int64)
    result = paired_test(run, better, resamples=99)
    assert result.p_value == pytest.approx(2 / 100)
    assert result.low > 0


def test_the_other_way_round_is_the_same_with_another_sign() -> None:
    first, second = counts(0, 40), counts(0, 60)
    there, back = paired_test(first, second, resamples=400), paired_test(second, first, resamples=400)
    assert there.p_value == back.p_value
    assert there.difference == pytest.approx(-back.difference)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_many_runs_are_tested_as_each_pair_alone() -> None:
    runs = [counts(seed, 30, 12) for seed in range(11)]  # more than share one draw
    tests = paired_tests(runs, resamples=200, seed=2)
    assert list(tests) == list(combinations(range(11), 2))
    for (i, j), result in tests.items():
        assert result == paired_test(runs[i], runs[j], resamples=200, seed=2)


def test_a_score_that_does_not_exist() -> None:
    nothing = np.zeros((4, 2, 2), np.int64)
    some = nothing.copy()
    some[:, 0, 0] = 5
    assert math.isnan(paired_test(nothing, some, resamples=20).p_value)


def test_runs_that_cannot_be_paired() -> None:
    with pytest.raises(InputError, match='cannot be paired'):
        paired_tests([counts(0, 1, 5), counts(0, 1, 6)])
    with pytest.raises(InputError, match='no images'):
        paired_test(np.zeros((0, 2, 2)), np.zeros((0, 2, 2)))


def test_a_ratio_of_sums_and_not_a_mean_of_ratios() -> None:
    found = ratio_estimate(np.array([1, 9]), np.array([2, 90]), resamples=500)
    assert found.value == pytest.approx(10 / 92)
    assert (found.low, found.high) == (pytest.approx(0.1), pytest.approx(0.5))  # one image drawn twice


def test_the_interval_is_as_wide_as_theory_says() -> None:
    rng = np.random.default_rng(0)
    part = rng.normal(5, 1, 400)
    found = ratio_estimate(part, np.ones(400))
    assert found.high - found.low == pytest.approx(2 * 1.96 * part.std() / 20, rel=0.1)
    assert ratio_estimate(part, np.ones(400)) == found
    assert ratio_estimate(part, np.ones(400), seed=1) != found


def test_what_does_not_exist() -> None:
    assert math.isnan(ratio_estimate(np.zeros(3), np.zeros(3)).value)
    assert bootstrap_sums(np.zeros((0, 2)), lambda sums: sums[:, 0]) is UNDEFINED
    assert UNDEFINED.as_dict() == {'value': None, 'low': None, 'high': None}
    assert UNDEFINED.text() == '–'
    estimate = ratio_estimate(
        np.array([1.0, 0.0]), np.array([2.0, 0.0]), resamples=300
    )  # 0 / 0 in a quarter of the draws
    assert (estimate.value, estimate.low, estimate.high) == (0.5, 0.5, 0.5)


def test_for_a_reader() -> None:
    assert Estimate(1.25, -0.5, 3).text(1) == '1.2 (-0.5 to 3.0)'
    assert Estimate(1.25, -0.5, 3).text(2, sign=True) == '+1.25 (-0.50 to +3.00)'
    assert Estimate(1, math.nan, math.nan).text() == '1.0'
