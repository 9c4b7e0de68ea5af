"""Does a split differ from the train split?

Objects of one image are alike, so a test that takes them for independent finds drift where there is none. Here whole
images are dealt anew to the two splits, and the distance of the true splits is compared with those of the dealt ones
(a permutation test; E. L. Lehmann and J. P. Romano, Testing Statistical Hypotheses, 3rd ed. 2005, chapter 15).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK_VALUES = 2_000_000  # numbers held at a time: 16 MB a table
PERMUTATIONS = 1999
ALPHA = 0.05


@dataclass(frozen=True)
class Sample:
    """Values of one quantity in one split.

    Attributes:
        values: Shape (N,), without NaN.
        images: Shape (N,), which image each value comes from.
    """

    values: NDArray[np.float64]
    images: NDArray[np.int64]


def ks_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The Kolmogorov–Smirnov distance: the largest gap between the two distribution functions, 0–1.

    For values 0 and 1 it is the difference of the shares of 1.

    Args:
        first: Shape (N,), at least one value.
        second: Shape (M,), at least one value.
    """
    at = np.concatenate([first, second])
    gaps = [np.searchsorted(np.sort(values), at, side='right') / len(values) for values in (first, second)]
    return float(np.abs(gaps[0] - gaps[1]).max())


def permutation_p(first: Sample, second: Sample, *, permutations: int = PERMUTATIONS, seed: int = 0) -> float | None:
    """How often images dealt at random to two splits give a KS distance at least as large as the true one.

    Args:
        first: One split.
        second: The other.
        permutations: How often the images are dealt.
        seed: Of the dealing; equal seeds give equal results.

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
    last = np.append(values[1:] != values[:-1], True)  # of equal values: only there both functions are complete
    in_first = np.arange(sum(sizes)) < sizes[0]  # `unique` sorts, so the images of the first split come first
    true = _distances(in_first[None], image, last)[0]
    rng = np.random.default_rng(seed)
    as_far = 0
    piece = max(1, CHUNK_VALUES // len(values))
    for start in range(0, permutations, piece):
        dealt = rng.permuted(np.tile(in_first, (min(piece, permutations - start), 1)), axis=1)
        as_far += int((_distances(dealt, image, last) >= true - 1e-12).sum())
    return (1 + as_far) / (1 + permutations)


def _distances(in_first: NDArray[np.bool_], image: NDArray[np.int64], last: NDArray[np.bool_]) -> NDArray[np.float64]:
    """KS distances, shape (P,), of P ways (P, images) to deal images whose sorted values come from ``image`` (N,)."""
    mine = np.cumsum(in_first[:, image], axis=1, dtype=np.float64)
    theirs = np.arange(1, len(image) + 1) - mine
    gaps = mine[:, last] / mine[:, -1:] - theirs[:, last] / theirs[:, -1:]
    distances: NDArray[np.float64] = np.abs(gaps).max(axis=1)
    return distances


def holm(p_values: Sequence[float | None], alpha: float = ALPHA) -> list[bool]:
    """Which of several tests stand when the chance of even one false alarm shall be ``alpha``.

    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979.
    """
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    standing = [False] * len(p_values)
    for rank, (p, index) in enumerate(known):
        if p > alpha / (len(known) - rank):
            break
        standing[index] = True
    return standing
