from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation import bootstrap
from mmseg_ext.evaluation.bootstrap import bootstrap_intervals, paired_bootstrap
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
        expected = np.quantile([one[name] for one in drawn], [0.025, 0.975], axis=0)
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
    monkeypatch.setattr(bootstrap, 'CHUNK_VALUES', 400)
    again = bootstrap_intervals(counts, resamples=300, seed=4)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert first['mDice'] != other['mDice']


def test_sums_too_large_for_float64_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = make_counts(6)
    expected = bootstrap_intervals(counts, resamples=50)
    monkeypatch.setattr(bootstrap, 'EXACT_IN_FLOAT', 1)
    for name, ends in bootstrap_intervals(counts, resamples=50).items():
        np.testing.assert_array_equal(ends, expected[name])
    monkeypatch.undo()
    huge = np.array([[[2**55 + 1]], [[2**55 + 1]]])
    (sums,) = next(bootstrap._resampled([huge], 3, 0))
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


def test_no_images() -> None:
    with pytest.raises(InputError, match='at least one scored image'):
        bootstrap_intervals(np.zeros((0, 3, 3), np.int64))
    with pytest.raises(ValueError, match=r'must be \(N, K, K\)'):
        bootstrap_intervals(np.zeros((3, 3), np.int64))


def test_equal_runs_differ_by_nothing() -> None:
    counts = make_counts(10)
    assert paired_bootstrap(counts, counts, resamples=50) == (0, 0, 0)


def test_a_small_but_steady_gain_is_seen_by_the_paired_interval_alone() -> None:
    first = make_counts(40, 2)
    second = first.copy()
    moved = first[:, 0, 1] // 4  # some false positives fewer on every image
    second[:, 0, 1] -= moved
    second[:, 0, 0] += moved
    value, low, high = paired_bootstrap(first, second, resamples=500)
    expected = scores_from_confusion(second.sum(0))['mDice'] - scores_from_confusion(first.sum(0))['mDice']
    assert value == pytest.approx(expected)
    assert 0 < low < value < high
    single = bootstrap_intervals(first, resamples=500)['mDice']
    assert single[1] - single[0] > 3 * (high - low)
    back = paired_bootstrap(second, first, resamples=500)
    assert back == pytest.approx((-value, -high, -low))


def test_runs_on_other_images_cannot_be_paired() -> None:
    with pytest.raises(InputError, match='cannot be paired'):
        paired_bootstrap(make_counts(3), make_counts(4))
