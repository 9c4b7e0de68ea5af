"""Bootstrap intervals and tests over images.

Images are drawn with replacement, their counts are summed, and the sums are scored like those of the whole split. The
intervals are percentile intervals.

All are conditional on the classes of the split. A resample without a true pixel of a class that the split has says
nothing about that class. The class's scores are then taken from the next resample that has it (for both runs, if two
are compared). So each mean covers the same classes in every resample as on the whole split, and its interval holds no
value that the classes' intervals rule out. Leaving the class out instead, as if the mean over the others were the same
quantity, would let the interval reach 100 for a split with a class of Dice 0.

B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993: chapter 13 for the percentile interval, chapter
15 for the significance level that a bootstrap distribution gives to a hypothesis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.scores import CLASS_SCORES, MEAN_SCORES, Scores, mean_of_defined, scores_from_confusion

Values = NDArray[np.float64]
Interval = tuple[Values, Values]

MAX_VALUES_IN_MEMORY = 4_000_000  # 32 MB
MAX_EXACT_FLOAT64 = 2**53  # whole numbers below it are exact
TEST_RESAMPLES = 10_000
MAX_RUNS_PER_DRAW = 8  # runs share the draws, which cost more than the sums; more runs would need more memory


@dataclass(frozen=True)
class PairedTest:
    """Score of a second run minus that of a first.

    Attributes:
        difference: On all images, in [−1, 1]; NaN where a score is undefined.
        low: Lower end of the percentile interval.
        high: Upper end.
        p_value: Two-sided, in (0, 1], see `paired_test`; NaN where there is no difference to test.
    """

    difference: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval; NaN where it is undefined."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float | None]:
        """Return ``value``, ``low`` and ``high`` for JSON: rounded to six decimals, None for NaN."""
        return {
            name: None if math.isnan(number) else round(number, 6)
            for name, number in (('value', self.value), ('low', self.low), ('high', self.high))
        }

    def text(self, decimals: int = 1, sign: bool = False) -> str:
        """Format as ``value (low to high)``; a dash where the value is undefined.

        >>> Estimate(1.25, -0.5, 3).text(2, sign=True)
        '+1.25 (-0.50 to +3.00)'
        """
        if math.isnan(self.value):
            return '–'
        plus = '+' if sign else ''
        if math.isnan(self.low):
            return f'{self.value:{plus}.{decimals}f}'
        ends = (f'{end:{plus}.{decimals}f}' for end in (self.low, self.high))
        return f'{self.value:{plus}.{decimals}f} ({" to ".join(ends)})'

    def in_percent(self) -> Estimate:
        """Return the estimate times 100."""
        return Estimate(100 * self.value, 100 * self.low, 100 * self.high)


UNDEFINED = Estimate(math.nan, math.nan, math.nan)


def bootstrap_intervals(
    confusion: NDArray[Any], *, resamples: int = 2000, seed: int = 0, level: float = 0.95
) -> dict[str, Interval]:
    """Compute the percentile intervals of all scores over images.

    The classes of a mean are the same in every resample; see the module's docstring.

    Args:
        confusion: Counts of each image, shape (N, K, K).
        resamples: B, how often N images are drawn.
        seed: Seed of the draws; equal seeds give equal intervals.
        level: Share of the resamples between the ends, 0–1.

    Returns:
        For each name of `scores_from_confusion` the lower and the upper end, in [0, 1] or NaN, shapes (K,) or ().

    Raises:
        InputError: No images.

    >>> counts = np.array([[[90, 10], [0, 20]], [[70, 10], [20, 20]]])
    >>> low, high = bootstrap_intervals(counts)['IoU']
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.7, 0.4], [0.9, 0.667])
    """
    (drawn,) = _drawn_scores([_checked(confusion)], [*CLASS_SCORES, 'aAcc'], resamples, seed)
    return {name: _percentile_interval(values, level) for name, values in drawn.items()}


def paired_test(
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    score: str = 'mDice',
    resamples: int = TEST_RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> PairedTest:
    """Compare two runs on the same images.

    Both runs are scored on the same drawn images, so whatever makes an image hard for both cancels out. With the
    differences ``d_b`` of the resamples, ``p = 2 (min(#{d_b ≤ 0}, #{d_b ≥ 0}) + 1) / (B + 1)``, at most 1: the level
    at which the percentile interval just touches 0, with one resample added so that p is never 0.

    Args:
        first: Counts of one run, shape (N, K, K).
        second: Counts of the other run for the same N images in the same order.
        score: A name of `scores_from_confusion` with one value per run.
        resamples: B, how often N images are drawn. The smallest p-value is 2 / (B + 1).
        seed: Seed of the draws.
        level: Share of the resamples between the ends of the interval, 0–1.

    Raises:
        InputError: No images, or not the same number for both runs.

    >>> first = np.array([[[90, 10], [0, 20]], [[70, 10], [20, 20]]])
    >>> better = first + [[5, -5], [0, 0]]
    >>> test = paired_test(first, better)
    >>> round(test.difference, 3), test.low > 0, round(test.p_value, 4)
    (0.045, True, 0.0002)
    """
    return paired_tests([first, second], score=score, resamples=resamples, seed=seed, level=level)[0, 1]


def paired_tests(
    runs: Sequence[NDArray[Any]],
    *,
    score: str = 'mDice',
    resamples: int = TEST_RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> dict[tuple[int, int], PairedTest]:
    """Compare each run with each later one, as `paired_test` does, on the same draws.

    Returns:
        (i, j) with i < j → the score of run j minus that of run i.

    Raises:
        InputError: No images, or not the same number for all runs.
    """
    checked = [_checked(run) for run in runs]
    shapes = {run.shape for run in checked}
    if len(shapes) > 1:
        raise InputError(
            f'runs with counts of shape {" and ".join(map(str, sorted(shapes)))}',
            'cannot be paired',
            'score all on the same images and classes',
        )
    values = [float(scores_from_confusion(run.sum(0))[score]) for run in checked]
    drawn: list[Values] = []
    name = score.removeprefix('m') if score in MEAN_SCORES else score
    for start in range(0, len(checked), MAX_RUNS_PER_DRAW):
        parts = _drawn_scores(checked[start : start + MAX_RUNS_PER_DRAW], [name], resamples, seed)
        drawn += [part[score] for part in parts]
    return {
        (i, j): _test(values[j] - values[i], drawn[j] - drawn[i], level) for i, j in combinations(range(len(runs)), 2)
    }


def bootstrap_sums(
    tables: NDArray[Any], statistic: Callable[[Values], Values], *, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """Estimate a statistic of sums over images.

    Args:
        tables: The values to sum, one row per image, shape (N, …).
        statistic: Sums of shape (B, …) → values of shape (B,); NaN where the statistic is undefined.
        resamples: B, how often N images are drawn.
        seed: Seed of the draws; equal seeds draw equal images.
    """
    if not len(tables):
        return UNDEFINED
    value = float(statistic(tables.astype(np.float64).sum(axis=0)[None])[0])
    drawn = [statistic(sums) for (sums,) in _resampled_sums([tables.astype(np.float64)], resamples, seed)]
    return estimate_from_draws(value, np.concatenate(drawn))


def estimate_from_draws(value: float, drawn: Values) -> Estimate:
    """Combine a value with the 95 % percentile interval of its resamples (B,), leaving out NaN."""
    drawn = drawn[~np.isnan(drawn)]
    if math.isnan(value) or not len(drawn):
        return Estimate(value, math.nan, math.nan)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def ratio_estimate(part: NDArray[Any], whole: NDArray[Any], *, resamples: int = 2000, seed: int = 0) -> Estimate:
    """Estimate Σ part / Σ whole over images; both have shape (N,).

    >>> ratio_estimate(np.array([1, 9]), np.array([2, 90])).text(2)
    '0.11 (0.10 to 0.50)'
    """
    return bootstrap_sums(np.stack([part, whole], axis=1), divide, resamples=resamples, seed=seed)


def divide(sums: Values) -> Values:
    """Divide the first of two sums by the second: shape (…, 2) → (…), NaN where the second is 0."""
    result = np.full(sums.shape[:-1], np.nan)
    return np.divide(sums[..., 0], sums[..., 1], out=result, where=sums[..., 1] != 0)


def _checked(confusion: NDArray[Any]) -> NDArray[Any]:
    confusion = np.asarray(confusion)
    if confusion.ndim != 3 or confusion.shape[1] != confusion.shape[2]:
        raise ValueError(f'counts must be (N, K, K), got {confusion.shape}')
    if not len(confusion):
        raise InputError('no images to draw from', remedy='a bootstrap interval needs at least one scored image')
    return confusion


def _resampled_sums(runs: Sequence[NDArray[Any]], resamples: int, seed: int) -> Iterator[list[NDArray[Any]]]:
    """Sum tables (N, …) over drawn images.

    The draws depend only on the seed and N.

    Yields:
        For each run the sums over the same draws, shape (b, …), in chunks of b resamples.
    """
    images, *shape = runs[0].shape
    width = math.prod(shape)
    rng = np.random.default_rng(seed)
    probabilities = np.full(images, 1 / images)
    # Sums below 2^53 are exact in float64, whose matrix product is many times faster than that of int64.
    as_float = all(run.dtype.kind == 'f' or images * int(run.max()) < MAX_EXACT_FLOAT64 for run in runs)
    tables = [run.reshape(images, -1).astype(np.float64 if as_float else np.int64) for run in runs]
    chunk = max(1, MAX_VALUES_IN_MEMORY // (images + 4 * width))
    for start in range(0, resamples, chunk):
        # The sum needs to know only how often each image is drawn.
        times = rng.multinomial(images, probabilities, size=min(chunk, resamples - start))
        yield [(times.astype(table.dtype) @ table).reshape(-1, *shape) for table in tables]


def _percentile_interval(values: Values, level: float) -> Interval:
    """Compute the ends over the first axis without NaN (and without a warning where all values are NaN)."""
    known = ~np.isnan(values).all(axis=0)
    ends = np.full((2, *values.shape[1:]), np.nan)
    tail = (1 - level) / 2
    ends[:, known] = np.nanquantile(values[:, known], [tail, 1 - tail], axis=0)
    return ends[0], ends[1]


def _drawn_scores(runs: Sequence[NDArray[Any]], names: Sequence[str], resamples: int, seed: int) -> list[Scores]:
    """Score each run (N, K, K) in each resample.

    Args:
        runs: Counts of the runs.
        names: Scores of classes, for which the means are added, or scores of a run.
        resamples: B.
        seed: Seed of the draws.

    Returns:
        One dictionary per run, with values of shape (B, K) or (B,).
    """
    drawn: list[dict[str, list[NDArray[Any]]]] = [{name: [] for name in names} for _ in runs]
    has_class: list[list[NDArray[np.bool_]]] = [[] for _ in runs]
    for sums_of_runs in _resampled_sums(runs, resamples, seed):
        for number, sums in enumerate(sums_of_runs):
            scores = scores_from_confusion(sums)
            has_class[number].append(sums.sum(axis=-1) > 0)
            for name in names:
                drawn[number][name].append(scores[name])
    result = []
    for run, chunks, has in zip(runs, drawn, has_class, strict=True):
        scores = {name: np.concatenate(values) for name, values in chunks.items()}
        total = run.sum(0)
        usable = np.concatenate(has) | (total.sum(axis=-1) == 0)  # no true pixels in the split: keep what is predicted
        whole = scores_from_confusion(total)
        for name in filter(CLASS_SCORES.__contains__, names):
            scores[name] = _fill_from_next(np.where(usable, scores[name], np.nan), whole[name])
            scores[f'm{name}'] = mean_of_defined(scores[name])
        result.append(scores)
    return result


def _fill_from_next(values: Values, otherwise: Values) -> Values:
    """Replace each NaN of a column (B,) by the next known value below it, starting again at the top.

    A column without one becomes ``otherwise``.
    """
    known = ~np.isnan(values)
    rows = np.arange(2 * len(values))[:, None]
    following = np.where(np.tile(known, (2, 1)), rows, len(rows))
    following = np.minimum.accumulate(following[::-1])[::-1][: len(values)] % len(values)
    return np.where(known.any(axis=0), np.take_along_axis(values, following, axis=0), otherwise)


def _test(difference: float, drawn: Values, level: float) -> PairedTest:
    low, high = _percentile_interval(drawn, level)
    known = drawn[~np.isnan(drawn)]
    p_value = np.nan
    if len(known) and not np.isnan(difference):
        rarer = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0))
        p_value = min(1.0, 2 * (rarer + 1) / (len(known) + 1))
    return PairedTest(difference, float(low), float(high), float(p_value))
