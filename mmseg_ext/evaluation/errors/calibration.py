"""Does the model know when it is wrong? Calibration of its probabilities, and its confidence in each mask.

Chances and confidences lie in 0–1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.evaluation.errors.estimate import Estimate, Values, bootstrap_sums, with_interval

BINS = 15


def confidence_histogram(
    probabilities: NDArray[np.floating], truth: Mask, ignore_index: int = 255, bins: int = BINS
) -> NDArray[np.float64]:
    """How often the likeliest class is right, by its chance.

    Args:
        probabilities: Shape (K, H, W).
        truth: Class indices, shape (H, W), or ``ignore_index``.
        ignore_index: Value of the truth that is not judged.
        bins: B, of equal width; a chance on a limit belongs to the bin below it.

    Returns:
        Pixels, sum of their chances, and right ones, shape (B, 3).
    """
    valid = truth != ignore_index
    chance = probabilities.max(axis=0)[valid].astype(np.float64)
    right = probabilities.argmax(axis=0)[valid] == truth[valid]
    place = np.clip(np.ceil(chance * bins).astype(np.int64) - 1, 0, bins - 1)
    columns = [np.bincount(place, weights, bins) for weights in (None, chance, right)]
    return np.stack(columns, axis=1).astype(np.float64)


def expected_calibration_error(histograms: NDArray[np.float64], *, resamples: int = 2000, seed: int = 0) -> Estimate:
    """The mean gap of confidence and accuracy over the bins, weighted by their pixels (Guo et al. 2017, 1706.04599).

    Args:
        histograms: Of `confidence_histogram`, one an image, shape (N, B, 3).
        resamples: How often the images are drawn.
        seed: Of the draws.

    Returns:
        0–1. The error of a resample tends to be larger than that of all images, which the interval shows.
    """

    def statistic(sums: Values) -> Values:
        pixels = sums[..., 0].sum(axis=-1)
        gaps = np.abs(sums[..., 1] - sums[..., 2]).sum(axis=-1)
        return np.divide(gaps, pixels, out=np.full(pixels.shape, np.nan), where=pixels > 0)

    return bootstrap_sums(histograms, statistic, resamples=resamples, seed=seed)


def mask_confidence(probabilities: NDArray[np.floating], prediction: Mask, background: int | None = 0) -> float:
    """The Dice that the model itself expects of its mask, over all object classes together.

    2 Σ p / Σ (p + m) over pixels and object classes, where m is 1 where the mask has the class and p its chance; 1
    where the model sees no object at all.

    Args:
        probabilities: Shape (K, H, W).
        prediction: The mask, shape (H, W).
        background: The class that is no object, or None.
    """
    K = len(probabilities)
    objects = [value for value in range(K) if value != background]
    own = np.take_along_axis(probabilities, prediction[None].astype(np.intp), axis=0)[0]
    marked = np.isin(prediction, objects)
    expected = float(probabilities[objects].sum(dtype=np.float64)) + int(marked.sum())
    return float(2 * own[marked].sum(dtype=np.float64) / expected) if expected else 1.0


def rank_correlation(
    first: NDArray[np.float64], second: NDArray[np.float64], *, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """Spearman's rank correlation, −1 to 1, with its 95 % bootstrap interval; pairs with a NaN are left out."""
    known = ~(np.isnan(first) | np.isnan(second))
    pairs = np.stack([first[known], second[known]])
    if pairs.shape[1] < 3:
        return Estimate(np.nan, np.nan, np.nan)
    draws = np.random.default_rng(seed).integers(0, pairs.shape[1], (resamples, pairs.shape[1]))
    drawn = _spearman(pairs[:, draws])
    return with_interval(float(_spearman(pairs[:, None])[0]), drawn)


def _spearman(pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlations of (2, B, N) values over the last axis; NaN where one side is constant."""
    from scipy.stats import rankdata

    ranks = rankdata(pairs, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    norm = np.sqrt((ranks**2).sum(axis=-1).prod(axis=0))
    return np.divide((ranks[0] * ranks[1]).sum(axis=-1), norm, out=np.full(norm.shape, np.nan), where=norm > 0)


def caught_by_confidence(confidence: NDArray[np.float64], quality: NDArray[np.float64], share: float = 0.1) -> float:
    """Share of the worst masks among as many least confident ones; chance alone gives ``share``.

    Args:
        confidence: Shape (N,).
        quality: Shape (N,).
        share: Which part of the masks counts as worst, rounded to at least one.
    """
    known = np.flatnonzero(~(np.isnan(confidence) | np.isnan(quality)))
    if not len(known):
        return float('nan')
    count = max(1, round(share * len(known)))
    worst, doubted = (set(known[np.argsort(values[known], kind='stable')[:count]]) for values in (quality, confidence))
    return len(worst & doubted) / count
