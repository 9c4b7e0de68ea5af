from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.bootstrap import paired_bootstrap
from mmseg_ext.evaluation.paired import paired_test, paired_tests
from mmseg_ext.evaluation.scores import scores_from_confusion

Counts = NDArray[np.int64]


def counts(seed: int, right: int, images: int = 30) -> Counts:
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


def test_the_interval_is_that_of_the_house() -> None:
    first, second = counts(0, 40), counts(1, 60)
    result = paired_test(first, second, resamples=300, seed=4)
    expected = paired_bootstrap(first, second, resamples=300, seed=4)
    assert (result.difference, result.low, result.high) == pytest.approx(expected)


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
    assert there.low == pytest.approx(-back.high)


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
