"""A number with its interval, and the bootstrap of ratios of sums over images."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval; NaN where it does not exist."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float | None]:
        """For JSON: ``value``, ``low``, ``high``, rounded to six decimals; None for NaN."""
        return {
            name: None if math.isnan(number) else round(number, 6)
            for name, number in (('value', self.value), ('low', self.low), ('high', self.high))
        }

    def text(self, decimals: int = 1, sign: bool = False) -> str:
        """For a reader: ``value (low to high)``, or a dash where it does not exist."""
        if math.isnan(self.value):
            return '–'
        plus = '+' if sign else ''
        if math.isnan(self.low):
            return f'{self.value:{plus}.{decimals}f}'
        ends = (f'{end:{plus}.{decimals}f}' for end in (self.low, self.high))
        return f'{self.value:{plus}.{decimals}f} ({" to ".join(ends)})'


NONE = Estimate(math.nan, math.nan, math.nan)


def bootstrap_sums(
    tables: NDArray[Any], statistic: Callable[[Values], Values], *, resamples: int = 2000, seed: int = 0
) -> Estimate:
    """Estimate a statistic of sums over images, with its percentile interval over images drawn with replacement.

    Args:
        tables: What is summed, one row an image, shape (N, …).
        statistic: Sums of shape (B, …) → values of shape (B,); NaN where it does not exist.
        resamples: B.
        seed: Of the draws; equal seeds draw equal images.
    """
    if not len(tables):
        return NONE
    flat = tables.reshape(len(tables), -1).astype(np.float64)
    value = float(statistic(tables.astype(np.float64).sum(axis=0)[None])[0])
    times = np.random.default_rng(seed).multinomial(len(tables), np.full(len(tables), 1 / len(tables)), size=resamples)
    drawn = statistic((times.astype(np.float64) @ flat).reshape(resamples, *tables.shape[1:]))
    return with_interval(value, drawn)


def with_interval(value: float, drawn: Values) -> Estimate:
    """A value with the 95 % percentile interval of resampled ones; NaN among them is left out."""
    drawn = drawn[~np.isnan(drawn)]
    if math.isnan(value) or not len(drawn):
        return Estimate(value, math.nan, math.nan)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def ratio_estimate(part: NDArray[Any], whole: NDArray[Any], *, resamples: int = 2000, seed: int = 0) -> Estimate:
    """Σ part / Σ whole over images, each of shape (N,)."""
    return bootstrap_sums(np.stack([part, whole], axis=1), divide, resamples=resamples, seed=seed)


def divide(sums: Values) -> Values:
    """Sums of shape (…, 2) → first / second, NaN where the second is 0."""
    result = np.full(sums.shape[:-1], np.nan)
    return np.divide(sums[..., 0], sums[..., 1], out=result, where=sums[..., 1] != 0)
