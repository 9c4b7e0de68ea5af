"""Drift: whether a split differs from the reference split.

Objects of one image are alike, so a test that takes them for independent finds drift where there is none. Here whole
images are reassigned at random to the two splits, and the distance of the true splits is compared with those of the
random ones (a permutation test; E. L. Lehmann and J. P. Romano, Testing Statistical Hypotheses, 3rd ed. 2005, chapter
15).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.eda.statistics.collect import Statistics
from mmseg_ext.eda.statistics.quantities import CLASS_QUANTITIES, IMAGE_QUANTITIES, Sample, sample
from mmseg_ext.errors import InputError

DEFAULT_REFERENCE = 'train'
MAX_CHUNK_VALUES = 2_000_000  # held at a time: 16 MB a table
MIN_PERMUTATIONS = 1999
PERMUTATIONS_PER_TEST = 40  # so that p can fall well below the bound of Holm's first step
FALSE_ALARM_RATE = 0.05  # of all comparisons together


@dataclass(frozen=True)
class Drift:
    """How far a quantity of one split lies from that of the reference split.

    Attributes:
        split: The split.
        class_index: The class, or None for a quantity of whole images.
        quantity: A name of `IMAGE_QUANTITIES` or `CLASS_QUANTITIES`.
        reference: Mean or median in the reference split.
        value: The same in ``split``.
        distance: Kolmogorov–Smirnov distance of the two distributions, 0–1.
        p: Of a permutation test over images; None where there are too few.
        significant: Whether it is drift at a probability of 5 % for one false alarm among all comparisons (Holm).
    """

    split: str
    class_index: int | None
    quantity: str
    reference: float
    value: float
    distance: float
    p: float | None
    significant: bool

    @property
    def difference(self) -> float:
        """``value`` − ``reference``."""
        return self.value - self.reference


def reference_split(statistics: Statistics, name: str = DEFAULT_REFERENCE) -> str:
    """Choose the split that the others are compared with: ``name``, or the first with masks if there is no train split.

    Raises:
        InputError: Another split is asked for, and it has no masks.
    """
    masked = statistics.masked_splits()
    if name in masked:
        return name
    if name != DEFAULT_REFERENCE:
        raise InputError(f'`reference={name}`', 'no such split with masks', f'choose from {", ".join(masked)}')
    return masked[0]


def measure_drift(statistics: Statistics, reference: str = DEFAULT_REFERENCE) -> list[Drift]:
    """Compare each split with the reference split, quantity by quantity.

    Args:
        statistics: From `collect_statistics`.
        reference: The split to compare with, as in `reference_split`.
    """
    reference = reference_split(statistics, reference)
    pairs = [
        (split, index, quantity, average)
        for split in statistics.splits
        if split != reference
        for index, names in [(None, IMAGE_QUANTITIES), *((c, CLASS_QUANTITIES) for c in statistics.object_classes)]
        for quantity, average in names.items()
    ]
    permutations = max(MIN_PERMUTATIONS, PERMUTATIONS_PER_TEST * len(pairs))
    found: list[Drift] = []
    for split, index, quantity, average in pairs:
        first = sample(statistics, quantity, reference, index)
        second = sample(statistics, quantity, split, index)
        if not len(first.values) or not len(second.values):
            continue
        here, there = (float(getattr(np, average)(values.values)) for values in (second, first))
        p = permutation_p(first, second, permutations=permutations)
        distance = ks_distance(first.values, second.values)
        found.append(Drift(split, index, quantity, there, here, distance, p, significant=False))
    significant = holm([drift.p for drift in found])
    return [replace(drift, significant=flag) for drift, flag in zip(found, significant, strict=True)]


def ks_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Compute the Kolmogorov–Smirnov distance: the largest gap between the two distribution functions, 0–1.

    For values 0 and 1 it is the difference of the shares of 1.

    Args:
        first: Shape (N,), at least one value.
        second: Shape (M,), at least one value.

    >>> ks_distance(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0, 5.0]))
    0.5
    """
    at = np.concatenate([first, second])
    gaps = [np.searchsorted(np.sort(values), at, side='right') / len(values) for values in (first, second)]
    return float(np.abs(gaps[0] - gaps[1]).max())


def permutation_p(
    first: Sample, second: Sample, *, permutations: int = MIN_PERMUTATIONS, seed: int = 0
) -> float | None:
    """Estimate how often images assigned at random to two splits give a KS distance at least as large as the true one.

    Args:
        first: One split.
        second: The other.
        permutations: Number of random assignments.
        seed: Seed of the assignments; equal seeds give equal results.

    Returns:
        p, from 1 / (``permutations`` + 1) to 1; None where a split has values of fewer than two images.
    """
    sizes = [len(np.unique(sample.images)) for sample in (first, second)]
    if min(sizes) < 2:
        return None
    values = np.concatenate([first.values, second.values])
    image = np.unique(np.concatenate([first.images, second.images + first.images.max() + 1]), return_inverse=True)[1]
    order = np.argsort(values, kind='stable')
    image, values = image[order], values[order]
    last = np.append(values[1:] != values[:-1], True)  # the last of equal values, where both functions are complete
    in_first = np.arange(sum(sizes)) < sizes[0]  # `unique` sorts, so the images of the first split come first
    true = _distances(in_first[None], image, last)[0]
    rng = np.random.default_rng(seed)
    as_far = 0
    chunk = max(1, MAX_CHUNK_VALUES // len(values))
    for start in range(0, permutations, chunk):
        assigned = rng.permuted(np.tile(in_first, (min(chunk, permutations - start), 1)), axis=1)
        as_far += int((_distances(assigned, image, last) >= true - 1e-12).sum())
    return (1 + as_far) / (1 + permutations)


def _distances(in_first: NDArray[np.bool_], image: NDArray[np.int64], last: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Compute KS distances, shape (P,), of P assignments (P, images), for sorted values from ``image`` (N,)."""
    first = np.cumsum(in_first[:, image], axis=1, dtype=np.float64)
    second = np.arange(1, len(image) + 1) - first
    gaps = first[:, last] / first[:, -1:] - second[:, last] / second[:, -1:]
    distances: NDArray[np.float64] = np.abs(gaps).max(axis=1)
    return distances


def holm(p_values: Sequence[float | None], alpha: float = FALSE_ALARM_RATE) -> list[bool]:
    """Return which of several tests are significant when the probability of even one false alarm shall be ``alpha``.

    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.

    >>> holm([0.01, 0.04, 0.03, 0.005])
    [True, False, False, True]
    """
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    significant = [False] * len(p_values)
    for rank, (p, index) in enumerate(known):
        if p > alpha / (len(known) - rank):
            break
        significant[index] = True
    return significant
