"""Is one run better than another, or were the images kind to it? Bootstrap tests over images that both have scored.

B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993: chapter 15 for the level that a bootstrap
distribution gives to a hypothesis, here the level at which the percentile interval just touches zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.bootstrap import _checked, _percentile_interval, _resampled
from mmseg_ext.evaluation.scores import scores_from_confusion

RESAMPLES = 10_000
RUNS_A_DRAW = 8  # share the draws, which cost more than the sums; more would hold more memory


@dataclass(frozen=True)
class PairedTest:
    """The second run's score minus the first's.

    Attributes:
        difference: On all images, in [−1, 1]; NaN where a score does not exist.
        low: Lower end of the percentile interval.
        high: Upper end.
        p_value: Two-sided, in (0, 1]: twice the share of the resamples in which the difference is zero or has the rarer
            sign, each of them and one more counted, so that it is never 0. NaN where there is no difference to test.
    """

    difference: float
    low: float
    high: float
    p_value: float


def paired_test(
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    score: str = 'mDice',
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> PairedTest:
    """Test two runs on the same images.

    Images are drawn with replacement, the same ones for both runs; their counts are summed and then scored, as for the
    whole split. What makes an image hard for both runs cancels out.

    Args:
        first: Counts of one run, shape (N, K, K).
        second: Counts of the other run for the same N images in the same order.
        score: A name of `scores_from_confusion` with one value a run.
        resamples: B, how often N images are drawn. The smallest p-value is 2 / (B + 1).
        seed: Seed of the draws.
        level: Share of the resamples between the ends.

    Raises:
        InputError: No images, or not the same number for both runs.
    """
    return paired_tests([first, second], score=score, resamples=resamples, seed=seed, level=level)[0, 1]


def paired_tests(
    runs: Sequence[NDArray[Any]],
    *,
    score: str = 'mDice',
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> dict[tuple[int, int], PairedTest]:
    """Test each run against each later one; as `paired_test`, with the same draws for all.

    Returns:
        (i, j) with i < j → the score of run j minus that of run i.

    Raises:
        InputError: No images, or not the same number for all runs.
    """
    checked = [_checked(run) for run in runs]
    shapes = {run.shape for run in checked}
    if len(shapes) > 1:
        raise InputError(
            f'runs with counts of shape {" and ".join(map(str, sorted(shapes)))} cannot be paired; '
            'score all on the same images and classes'
        )
    values = [float(scores_from_confusion(run.sum(0))[score]) for run in checked]
    drawn: list[NDArray[np.float64]] = []
    for start in range(0, len(checked), RUNS_A_DRAW):
        drawn += _drawn_scores(checked[start : start + RUNS_A_DRAW], score, resamples, seed)
    return {
        (i, j): _test(values[j] - values[i], drawn[j] - drawn[i], level) for i, j in combinations(range(len(runs)), 2)
    }


def _drawn_scores(runs: list[NDArray[Any]], score: str, resamples: int, seed: int) -> list[NDArray[np.float64]]:
    """For each run its score in each resample, shape (B,); the draws depend on seed and number of images alone."""
    pieces = [[scores_from_confusion(sums)[score] for sums in drawn] for drawn in _resampled(runs, resamples, seed)]
    return [np.concatenate(parts) for parts in zip(*pieces, strict=True)]


def _test(difference: float, drawn: NDArray[np.float64], level: float) -> PairedTest:
    low, high = _percentile_interval(drawn, level)
    known = drawn[~np.isnan(drawn)]
    p_value = np.nan
    if len(known) and not np.isnan(difference):
        rarer = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0))
        p_value = min(1.0, 2 * (rarer + 1) / (len(known) + 1))
    return PairedTest(difference, float(low), float(high), float(p_value))
