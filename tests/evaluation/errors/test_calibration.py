from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from mmseg_ext.evaluation.errors.calibration import (
    caught_by_confidence,
    confidence_histogram,
    expected_calibration_error,
    mask_confidence,
    rank_correlation,
)


def test_histogram_and_error_by_hand() -> None:
    probabilities = np.array([[0.9, 0.9, 0.6, 1.0], [0.1, 0.1, 0.4, 0.0]])[:, None, :]
    truth = np.array([[0, 1, 0, 255]], np.uint8)
    table = confidence_histogram(probabilities, np.zeros_like(truth), truth, bins=10)
    np.testing.assert_allclose(table[8], [2, 1.8, 1])  # (0.8, 0.9]
    np.testing.assert_allclose(table[5], [1, 0.6, 1])
    assert table.sum(0)[0] == 3
    error = expected_calibration_error(table[None], resamples=20)
    assert error.value == pytest.approx((abs(1.8 - 1) + abs(0.6 - 1)) / 3)
    assert (error.low, error.high) == (pytest.approx(error.value), pytest.approx(error.value))  # one image only


def test_a_calibrated_model_has_a_small_error_and_a_sure_one_a_large() -> None:
    rng = np.random.default_rng(0)
    first = rng.uniform(0, 1, (200, 200))
    probabilities = np.stack([first, 1 - first])
    truth = (rng.random(first.shape) > first).astype(np.uint8)
    prediction = probabilities.argmax(0).astype(np.uint8)
    table = confidence_histogram(probabilities, prediction, truth)
    assert expected_calibration_error(table[None], resamples=2).value < 0.01
    table = confidence_histogram(np.round(probabilities), prediction, truth)
    assert expected_calibration_error(table[None], resamples=2).value > 0.2


def test_where_rounded_probabilities_are_equal_the_mask_tells_what_was_predicted() -> None:
    probabilities = np.array([0.2, 0.4, 0.4])[:, None, None].repeat(5, axis=2)
    prediction = np.array([[1, 2, 2, 2, 2]], np.uint8)
    truth = np.array([[2, 2, 2, 1, 255]], np.uint8)
    assert confidence_histogram(probabilities, prediction, truth).sum(0).tolist() == pytest.approx([4, 1.6, 2])


def test_confidence_of_a_mask() -> None:
    mask = np.array([[0, 1], [2, 2]], np.uint8)
    sure = np.moveaxis(np.eye(3)[mask], -1, 0)
    assert mask_confidence(sure, mask) == 1
    # Class 1: 0.5 of its pixel; class 2: 1 + 1; elsewhere 0.5 of class 2 is expected.
    doubtful = sure.copy()
    doubtful[:, 0, 1] = [0, 0.5, 0.5]
    assert mask_confidence(doubtful, mask) == pytest.approx(2 * 2.5 / (3 + 3))
    assert mask_confidence(sure, np.zeros_like(mask)) == 0
    nothing = np.zeros_like(mask)
    assert mask_confidence(np.moveaxis(np.eye(3)[nothing], -1, 0), nothing) == 1
    assert mask_confidence(doubtful, mask, background=None) == pytest.approx(2 * 3.5 / 8)


def test_rank_correlation_is_that_of_scipy() -> None:
    rng = np.random.default_rng(1)
    first = rng.integers(0, 6, 60).astype(float)  # with ties
    second = first + rng.normal(0, 2, 60)
    found = rank_correlation(first, second, resamples=200)
    assert found.value == pytest.approx(spearmanr(first, second).statistic)
    assert found.low < found.value < found.high
    with_gap = rank_correlation(np.append(first, np.nan), np.append(second, 1.0), resamples=200)
    assert with_gap.value == found.value
    assert math.isnan(rank_correlation(np.ones(5), np.arange(5.0)).value)
    assert math.isnan(rank_correlation(np.arange(2.0), np.arange(2.0)).value)


def test_how_many_of_the_worst_are_caught() -> None:
    quality = np.arange(20.0)
    assert caught_by_confidence(quality, quality) == 1
    assert caught_by_confidence(-quality, quality) == 0
    half = quality.copy()
    half[1] = 50
    assert caught_by_confidence(half, quality) == 0.5


def test_ignored_pixels_say_nothing_about_the_confidence() -> None:
    mask = np.array([[1, 1, 0]], np.uint8)
    probabilities = np.array([[[0.2, 0.5, 0.5]], [[0.8, 0.5, 0.5]]])
    valid = np.array([[True, False, True]])
    # 2 · 0.8 over the probabilities 0.8 and 0.5 and the one marked pixel.
    assert mask_confidence(probabilities, mask, valid=valid) == pytest.approx(1.6 / (0.8 + 0.5 + 1))


def test_the_size_of_the_chunks_does_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    first, second = rng.random((2, 7))
    whole = rank_correlation(first, second, resamples=23, seed=5)
    monkeypatch.setattr('mmseg_ext.evaluation.errors.calibration.MAX_VALUES_IN_MEMORY', 7 * 5)
    assert rank_correlation(first, second, resamples=23, seed=5) == whole
    monkeypatch.setattr('mmseg_ext.evaluation.errors.calibration.MAX_VALUES_IN_MEMORY', 1)
    assert rank_correlation(first, second, resamples=23, seed=5) == whole
