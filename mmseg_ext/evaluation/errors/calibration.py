"""Calibration of the probabilities, and confidence in whole masks; both are in 0–1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.evaluation.bootstrap import (
    MAX_VALUES_IN_MEMORY,
    UNDEFINED,
    Estimate,
    Values,
    bootstrap_sums,
    estimate_from_draws,
)

BINS = 15


def confidence_histogram(
    probabilities: NDArray[np.floating], prediction: Mask, truth: Mask, ignore_index: int = 255, bins: int = BINS
) -> NDArray[np.float64]:
    """Count the pixels, and the correct ones, by confidence: the probability of the likeliest class.

    Args:
        probabilities: Shape (K, H, W).
        prediction: The predicted mask, shape (H, W). Stored probabilities are rounded, so where two are equal they do
            not tell which class it has.
        truth: Class indices, shape (H, W), or ``ignore_index``.
        ignore_index: Value of the ground truth that is not counted.
        bins: B, of equal width; a confidence on a limit belongs to the bin below.

    Returns:
        Pixels, sum of their confidences, and correct pixels, shape (B, 3).
    """
    valid = truth != ignore_index
    confidence = probabilities.max(axis=0)[valid].astype(np.float64)
    correct = prediction[valid] == truth[valid]
    index = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    columns = [np.bincount(index, weights, bins) for weights in (None, confidence, correct)]
    return np.stack(columns, axis=1).astype(np.float64)


def expected_calibration_error(histograms: NDArray[np.float64], *, resamples: int = 2000, seed: int = 0) -> Estimate:
    """Compute the expected calibration error (ECE) of pixels.

    ECE = Σ_b n_b / n · |accuracy_b − confidence_b| over the bins b (Guo et al. 2017, arXiv 1706.04599).

    Args:
        histograms: Results of `confidence_histogram`, one per image, shape (N, B, 3).
        resamples: How often the images are drawn.
        seed: Seed of the draws.

    Returns:
        0–1. The error of a resample tends to be larger than the error of all images, which shows in the interval.

    >>> probabilities = np.array([[[0.9, 0.9, 0.6]], [[0.1, 0.1, 0.4]]])
    >>> prediction, truth = np.array([[0, 0, 0]], np.uint8), np.array([[0, 1, 0]], np.uint8)
    >>> histogram = confidence_histogram(probabilities, prediction, truth, bins=10)
    >>> round(expected_calibration_error(histogram[None]).value, 3)  # (|2 · 0.9 − 1| + |0.6 − 1|) / 3
    0.4
    """

    def statistic(sums: Values) -> Values:
        pixels = sums[..., 0].sum(axis=-1)
        gaps = np.abs(sums[..., 1] - sums[..., 2]).sum(axis=-1)
        return np.divide(gaps, pixels, out=np.full(pixels.shape, np.nan), where=pixels > 0)

    return bootstrap_sums(histograms, statistic, resamples=resamples, seed=seed)


def mask_confidence(
    probabilities: NDArray[np.floating],
    prediction: Mask,
    background: int | None = 0,
    valid: NDArray[np.bool_] | None = None,
) -> float:
    """Compute the Dice that the model itself expects of its mask, over all object classes together.

    2 Σ p m / Σ (p + m) over pixels and object classes, where m is 1 if the mask has the class, else 0, and p is the
    probability of the class; 1 if neither mask nor probabilities hold an object.

    Args:
        probabilities: Shape (K, H, W).
        prediction: The mask, shape (H, W).
        background: The class that has no objects, or None.
        valid: The pixels that count, shape (H, W); all by default.
    """
    counted = np.ones(prediction.shape, bool) if valid is None else valid
    K = len(probabilities)
    objects = [value for value in range(K) if value != background]
    own = np.take_along_axis(probabilities, prediction[None].astype(np.intp), axis=0)[0]
    marked = np.isin(prediction, objects) & counted
    expected = float(probabilities[objects].sum(axis=0, dtype=np.float64)[counted].sum()) + int(marked.sum())
    return float(2 * own[marked].sum(dtype=np.float64) / expected) if expected else 1.0


def rank_correlation(
    first: NDArray[np.float64], second: NDArray[np.float64], *, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """Compute Spearman's rank correlation of values (N,), −1 to 1; pairs with a NaN are left out."""
    known = ~(np.isnan(first) | np.isnan(second))
    pairs = np.stack([first[known], second[known]])
    count = pairs.shape[1]
    if count < 3:
        return UNDEFINED
    rng = np.random.default_rng(seed)
    chunk = max(1, MAX_VALUES_IN_MEMORY // count)  # does not change the draws
    drawn = [
        _spearman(pairs[:, rng.integers(0, count, (min(chunk, resamples - start), count))])
        for start in range(0, resamples, chunk)
    ]
    return estimate_from_draws(float(_spearman(pairs[:, None])[0]), np.concatenate(drawn))


def _spearman(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlate values (2, B, N) over the last axis; NaN where one side is constant."""
    from scipy.stats import rankdata

    ranks = rankdata(pairs, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    norm = np.sqrt((ranks**2).sum(axis=-1).prod(axis=0))
    return np.divide((ranks[0] * ranks[1]).sum(axis=-1), norm, out=np.full(norm.shape, np.nan), where=norm > 0)


def caught_by_confidence(confidence: NDArray[np.float64], quality: NDArray[np.float64], share: float = 0.1) -> float:
    """Compute the share of the worst masks that are among the least confident ones, equally many of each.

    Random confidences give ``share`` on average.

    Args:
        confidence: Shape (N,).
        quality: Shape (N,).
        share: Share of the masks that counts as worst, 0–1, rounded to at least one mask.

    >>> caught_by_confidence(np.array([0.9, 0.3, 0.8, 0.7]), np.array([0.9, 0.2, 0.4, 0.9]), share=0.5)
    0.5
    """
    known = np.flatnonzero(~(np.isnan(confidence) | np.isnan(quality)))
    if not len(known):
        return float('nan')
    count = max(1, round(share * len(known)))
    worst, uncertain = (
        set(known[np.argsort(values[known], kind='stable')[:count]]) for values in (quality, confidence)
    )
    return len(worst & uncertain) / count
