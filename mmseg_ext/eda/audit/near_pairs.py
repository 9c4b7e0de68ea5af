"""Pairs of hashes that differ in few bits, found without comparing all with all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BANDS = 16


def near_pairs(hashes: NDArray[np.uint8], distance: float) -> Iterator[tuple[int, int]]:
    """Find pairs of hashes that differ in at most ``distance`` bits and agree in a band.

    The bits are cut into 16 bands; only hashes that agree in one whole band are compared. So every pair of a distance
    up to 15 is found, and most of the farther ones, in about n log n steps. Equal hashes are compared with the first
    of them alone.

    Args:
        hashes: Shape (N, B), uint8, B a multiple of 16.
        distance: Most bits to differ.

    Yields:
        Index pairs with the lower index first, each once or more often.
    """
    if not len(hashes):
        return
    _, first, inverse = np.unique(hashes, axis=0, return_index=True, return_inverse=True)
    originals = first[inverse.reshape(-1)]
    repeated = np.flatnonzero(originals != np.arange(len(hashes)))
    yield from zip(originals[repeated].tolist(), repeated.tolist(), strict=True)
    first = np.sort(first)
    for left, right in _in_bands(hashes[first]):
        near = _bits_apart(hashes[first[left]], hashes[first[right]]) <= distance
        pairs = np.sort(np.stack([first[left[near]], first[right[near]]], axis=1), axis=1)
        yield from map(tuple, pairs.tolist())


def _in_bands(hashes: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Index pairs that agree in a band, some thousands at a time, so that memory stays linear."""
    for band in np.split(hashes, BANDS, axis=1):
        key = np.zeros(len(band), np.int64)
        for byte in band.T:
            key = key << 8 | byte
        order = np.argsort(key, kind='stable')
        key = key[order]
        start = np.arange(len(key) - 1)
        step = 1
        while len(start):  # neighbours in sorted order, then the ones after, as long as any still agree
            start = start[key[start] == key[start + step]]
            if len(start):
                yield order[start], order[start + step]
            step += 1
            start = start[start + step < len(key)]


def _bits_apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.bitwise_count(a ^ b).sum(axis=1, dtype=np.int64)
