"""Bootstrap intervals over images: how far scores depend on which images happened to be in the split.

B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993: chapter 13 for the percentile interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.scores import Scores, scores_from_confusion

Interval = tuple[NDArray[np.float64], NDArray[np.float64]]

CHUNK_VALUES = 4_000_000  # numbers held at a time: 32 MB
EXACT_IN_FLOAT = 2**53


def bootstrap_intervals(
    confusion: NDArray[Any], *, resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> dict[str, Interval]:
    """Percentile intervals of all scores, over images drawn with replacement.

    The counts of the drawn images are summed and then scored, as for the whole split. A resample in which a score does
    not exist (no image of a rare class was drawn) does not count for that score.

    Args:
        confusion: Counts of each image, shape (N, K, K).
        resamples: B, how often N images are drawn.
        seed: Seed of the draws; equal seeds give equal intervals.
        level: Share of the resamples between the ends.

    Returns:
        For each name of `scores_from_confusion` the lower and the upper end, in [0, 1] or NaN, shapes (K,) or ().

    Raises:
        InputError: No images.
    """
    confusion = _checked(confusion)
    parts = [scores_from_confusion(sums) for (sums,) in _resampled([confusion], resamples, seed)]
    drawn: Scores = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: _percentile_interval(values, level) for name, values in drawn.items()}


def paired_bootstrap(
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    score: str = 'mDice',
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float, float]:
    """Difference of two runs on the same images, and its percentile interval.

    Both runs are scored on the same drawn images, so what makes an image hard for both cancels out.

    Args:
        first: Counts of one run, shape (N, K, K).
        second: Counts of the other run for the same N images in the same order.
        score: A name of `scores_from_confusion` with one value a run.
        resamples: B, how often N images are drawn.
        seed: Seed of the draws.
        level: Share of the resamples between the ends.

    Returns:
        The score of ``second`` minus that of ``first`` on all images, its lower and its upper end, in [−1, 1] or NaN.

    Raises:
        InputError: No images, or not the same number for both runs.
    """
    first, second = _checked(first), _checked(second)
    if first.shape != second.shape:
        raise InputError(
            f'runs with counts of shape {first.shape} and {second.shape} cannot be paired; '
            'score both on the same images and classes'
        )
    value = scores_from_confusion(second.sum(0))[score] - scores_from_confusion(first.sum(0))[score]
    drawn = [
        scores_from_confusion(b)[score] - scores_from_confusion(a)[score]
        for a, b in _resampled([first, second], resamples, seed)
    ]
    low, high = _percentile_interval(np.concatenate(drawn), level)
    return float(value), float(low), float(high)


def _checked(confusion: NDArray[Any]) -> NDArray[Any]:
    confusion = np.asarray(confusion)
    if confusion.ndim != 3 or confusion.shape[1] != confusion.shape[2]:
        raise ValueError(f'counts must be (N, K, K), got {confusion.shape}')
    if not len(confusion):
        raise InputError('no images to draw from; a bootstrap interval needs at least one scored image')
    return confusion


def _resampled(runs: list[NDArray[Any]], resamples: int, seed: int) -> Iterator[list[NDArray[Any]]]:
    """For each run the summed counts of the same drawn images, shape (b, K, K), in pieces of b resamples."""
    images, classes, _ = runs[0].shape
    rng = np.random.default_rng(seed)
    share = np.full(images, 1 / images)
    # Sums below 2^53 are exact in float64, whose matrix product is many times faster than that of int64.
    exact = all(images * int(run.max()) < EXACT_IN_FLOAT for run in runs)
    tables = [run.reshape(images, -1).astype(np.float64 if exact else np.int64) for run in runs]
    piece = max(1, CHUNK_VALUES // (images + 4 * classes * classes))
    for start in range(0, resamples, piece):
        # How often each image is drawn is all that the sum needs.
        times = rng.multinomial(images, share, size=min(piece, resamples - start))
        yield [(times.astype(table.dtype) @ table).reshape(-1, classes, classes) for table in tables]


def _percentile_interval(values: NDArray[np.float64], level: float) -> Interval:
    """The ends over the first axis, NaN left out (and no warning where all are NaN)."""
    known = ~np.isnan(values).all(axis=0)
    ends = np.full((2, *values.shape[1:]), np.nan)
    tail = (1 - level) / 2
    ends[:, known] = np.nanquantile(values[:, known], [tail, 1 - tail], axis=0)
    return ends[0], ends[1]
