"""Perceptual hash of images (256 signs of a cosine transform), and the pairs of hashes that differ in few bits.

The sign of a low frequency survives compression, scaling, and changes of brightness and contrast. The idea is that of
"pHash" (C. Zauner, Implementation and benchmarking of perceptual image hash functions, 2010), here with 16×16 instead
of 8×8 frequencies, so that large sets have few accidental matches.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

FREQUENCIES = 16  # a side
THUMBNAIL_SIDE_PX = 32
HASH_BYTES = FREQUENCIES * FREQUENCIES // 8
BANDS = 16

# Low frequencies first: they are the steadiest, and neighbouring bits make up a band of the look-up.
_ROWS, _COLUMNS = np.indices((FREQUENCIES, FREQUENCIES)).reshape(2, -1)
_ORDER = np.lexsort((_ROWS, _ROWS + _COLUMNS))


def grey_thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shrink an image of shape (H, W, 3), RGB, to 32×32, grey 0–255; its proportions are not kept."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    side = THUMBNAIL_SIDE_PX
    return cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)


def hash_image(image: NDArray[np.uint8]) -> bytes:
    """Hash an image of shape (H, W, 3), RGB, uint8, into `HASH_BYTES` bytes; similar images differ in few bits.

    >>> image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    >>> len(hash_image(image)), hash_image(image) == hash_image(image[::-1])
    (32, False)
    """
    frequencies = cv2.dct(grey_thumbnail(image))[:FREQUENCIES, :FREQUENCIES].reshape(-1)[_ORDER]
    return np.packbits(frequencies > 0).tobytes()


def find_near_pairs(hashes: NDArray[np.uint8], distance: float) -> Iterator[tuple[int, int]]:
    """Find pairs of hashes that differ in at most ``distance`` bits, without comparing all with all.

    The bits are cut into 16 bands; only hashes that agree in one whole band are compared. So every pair of a distance
    up to 15 is found, and most of the farther ones, in about n log n steps. Equal hashes are compared only with the
    first of them.

    Args:
        hashes: Shape (N, B), uint8, B a multiple of 16.
        distance: Largest number of bits to differ.

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
    for left, right in _pairs_in_bands(hashes[first]):
        near = _bits_apart(hashes[first[left]], hashes[first[right]]) <= distance
        pairs = np.sort(np.stack([first[left[near]], first[right[near]]], axis=1), axis=1)
        yield from map(tuple, pairs.tolist())


def _pairs_in_bands(hashes: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield index pairs that agree in a band, some thousands at a time, so that memory stays linear."""
    for band in np.split(hashes, BANDS, axis=1):
        key = np.zeros(len(band), np.int64)
        for byte in band.T:
            key = key << 8 | byte
        order = np.argsort(key, kind='stable')
        key = key[order]
        start = np.arange(len(key) - 1)
        step = 1
        while len(start):  # neighbours in sorted order, then the next ones, as long as any still agree
            start = start[key[start] == key[start + step]]
            if len(start):
                yield order[start], order[start + step]
            step += 1
            start = start[start + step < len(key)]


def _bits_apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.bitwise_count(a ^ b).sum(axis=1, dtype=np.int64)
