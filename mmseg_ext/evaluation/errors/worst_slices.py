"""The search for the slices that are segmented worst, corrected for how many were looked at.

Looked at are all slices of one feature and all combinations of two features with enough objects. A slice's statistic is
how far its object Dice lies below that of the rest, over the standard error of this difference. For its p-value the
scores are dealt anew to the objects many times, and each deal is searched as the true scores are: p is the share of the
deals whose *largest* statistic, of all slices, reaches that of the slice (Westfall and Young, Resampling-Based Multiple
Testing, 1993). So the chance that a list of slices with p ≤ 0.05 holds even one that is there by chance is 5 %.

Objects of one image are alike, so the scores of whole images are dealt, among images with equally many objects; the
test thus says nothing of the number of objects itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.evaluation.errors.slices import Slice

PERMUTATIONS = 1999
LEAST_OBJECTS, LEAST_SHARE = 8, 0.05
ADDS_NOTHING = 0.95  # a second feature that keeps this part of a slice
ALIKE = 0.75  # two slices that share this part of their objects (Jaccard) tell the same story


@dataclass(frozen=True)
class WorstSlice:
    """A slice below the rest.

    Attributes:
        slice: The slice; that of two features is named by both.
        statistic: How many standard errors its object Dice lies below that of the rest.
        p: Corrected for all slices that were looked at, 0–1.
    """

    slice: Slice
    statistic: float
    p: float


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes:
        worst: The worst slices, the worst first, without those that hold nearly the same objects as a worse one.
        tried: How many slices were looked at.
        least: How many objects a slice needed.
    """

    worst: list[WorstSlice]
    tried: int
    least: int


def search_worst(
    slices: Sequence[Slice],
    parts: NDArray[np.float64],
    images: NDArray[np.int64],
    *,
    least: int | None = None,
    top: int = 10,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Search:
    """Search slices and their combinations by two.

    Args:
        slices: Of one feature each.
        parts: Of `dice_parts`, shape (O, 2).
        images: The image of each object, shape (O,).
        least: Objects that a slice and its rest need at least; 8 or 5 % of them by default, whichever is more.
        top: How many slices to return.
        permutations: How often the scores are dealt.
        seed: Of the dealing.
    """
    count = len(parts)
    least = max(LEAST_OBJECTS, int(np.ceil(LEAST_SHARE * count))) if least is None else least
    candidates = _candidates(slices, least)
    if not candidates:
        return Search([], 0, least)
    inside = np.array([one.members for one in candidates], np.float64)
    outside = np.array([one.known & ~one.members for one in candidates], np.float64)
    statistics = _statistics(inside, outside, parts)
    rng = np.random.default_rng(seed)
    highest = np.array([
        _statistics(inside, outside, parts[_deal(images, rng)]).max() for _ in range(permutations)
    ])  # fmt: skip
    worst: list[WorstSlice] = []
    for index in np.argsort(-statistics, kind='stable'):
        if len(worst) == top or statistics[index] <= 0:
            break
        one = candidates[index]
        if any(_jaccard(one.members, other.slice.members) >= ALIKE for other in worst):
            continue
        p = (1 + int((highest >= statistics[index] - 1e-9).sum())) / (1 + permutations)
        worst.append(WorstSlice(one, float(statistics[index]), p))
    return Search(worst, len(candidates), least)


def _candidates(slices: Sequence[Slice], least: int) -> list[Slice]:
    pairs = [
        Slice(
            f'{a.feature} and {b.feature}',
            f'{a.name}, {b.name}',
            ', '.join(filter(None, (a.limits, b.limits))),
            a.members & b.members,
            a.known & b.known,
        )
        for a, b in combinations(slices, 2)
        if a.feature != b.feature and _narrows(a, b)
    ]
    return [one for one in (*slices, *pairs) if least <= one.members.sum() <= one.known.sum() - least]


def _narrows(a: Slice, b: Slice) -> bool:
    """Whether two slices together are another group than either alone."""
    both = int((a.members & b.members).sum())
    return both < ADDS_NOTHING * min(int(a.members.sum()), int(b.members.sum()))


def _statistics(
    inside: NDArray[np.float64], outside: NDArray[np.float64], parts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How many standard errors each of S slices (S, O) lies below its rest (S, O); parts (O, 2)."""
    ratios, variances = zip(*(_ratio_and_variance(members, parts) for members in (inside, outside)), strict=True)
    result: NDArray[np.float64] = (ratios[1] - ratios[0]) / np.sqrt(variances[0] + variances[1] + 1e-12)
    return result


def _ratio_and_variance(
    members: NDArray[np.float64], parts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Σ a / Σ b of each slice and its variance by linearisation (Cochran, Sampling Techniques, 1977, section 2.11)."""
    a, b = parts.T
    sums = members @ np.stack([a, b, a * a, a * b, b * b], axis=1)
    count = members.sum(axis=1)
    whole = np.maximum(sums[:, 1], 1e-12)
    ratio = sums[:, 0] / whole
    residual = np.maximum(sums[:, 2] - 2 * ratio * sums[:, 3] + ratio**2 * sums[:, 4], 0)
    return ratio, count / np.maximum(count - 1, 1) * residual / whole**2


def _deal(images: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """For each object the object whose score it gets: whole images change places with others of as many objects."""
    order = np.argsort(images, kind='stable')
    _, starts, sizes = np.unique(images[order], return_index=True, return_counts=True)
    source = np.empty(len(images), np.int64)
    for size in np.unique(sizes):
        blocks = order[starts[sizes == size][:, None] + np.arange(size)]
        source[blocks] = rng.permutation(blocks)
    return source


def _jaccard(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())
