"""Overlapping tiles of an image, and the weighted mean of their logits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Tile = tuple[int, int, int, int]  # top, left, bottom, right


def place_tiles(height: int, width: int, tile: int, stride: int) -> list[Tile]:
    """Place squares of side ``tile`` every ``stride`` pixels; the last ones are moved back to end at the border.

    A side shorter than ``tile`` is covered by one tile of its length.

    >>> place_tiles(4, 9, tile=4, stride=3)
    [(0, 0, 4, 4), (0, 3, 4, 7), (0, 5, 4, 9)]
    """
    return [
        (top, left, min(top + tile, height), min(left + tile, width))
        for top in _starts(height, tile, stride)
        for left in _starts(width, tile, stride)
    ]


def _starts(length: int, tile: int, stride: int) -> list[int]:
    last = max(0, length - tile)
    return [*range(0, last, stride), last]


def tile_cores(height: int, width: int, tile: int, stride: int) -> list[Tile]:
    """Return the part of each tile of `place_tiles` that is nearest to its centre; together they cover each pixel once.

    >>> tile_cores(4, 9, tile=4, stride=3)
    [(0, 0, 4, 3), (0, 3, 4, 6), (0, 6, 4, 9)]
    """
    rows, columns = (_cores(_starts(length, tile, stride), tile, length) for length in (height, width))
    return [(top, left, bottom, right) for top, bottom in rows for left, right in columns]


def _cores(starts: list[int], tile: int, length: int) -> list[tuple[int, int]]:
    """Divide a length in the middle of each overlap."""
    inner = [(start + before + tile) // 2 for before, start in pairwise(starts)]
    return list(pairwise([0, *inner, length]))


def tile_weights(height: int, width: int) -> NDArray[np.float32]:
    """Return weights of a tile's pixels, shape (H, W), above 0 and up to 1, that fall towards its border.

    A network has less context for a pixel near the border of its tile, so the tile in which the pixel lies farther
    inside counts more, and there is no step where a tile ends.
    """
    rows, columns = (1 - np.abs((np.arange(n) + 0.5) * 2 / n - 1) for n in (height, width))
    weights: NDArray[np.float32] = np.outer(rows, columns).astype(np.float32)
    return weights


class TileMean:
    """Weighted mean of overlapping tiles' logits.

    Args:
        height: Height of the whole canvas in pixels.
        width: Width of the canvas in pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        self._shape = height, width
        self._total: NDArray[np.float32] | None = None
        self._weight: NDArray[np.float32] | None = None

    def add(self, tile: Tile, logits: NDArray[np.float32]) -> None:
        """Add the logits of a tile, shape (K, h, w)."""
        top, left, bottom, right = tile
        if (bottom - top, right - left) == self._shape:  # one tile covers everything: no mean to take
            self._total = logits
            return
        if self._total is None or self._weight is None:
            self._total = np.zeros((len(logits), *self._shape), np.float32)
            self._weight = np.zeros(self._shape, np.float32)
        weights = tile_weights(bottom - top, right - left)
        self._total[:, top:bottom, left:right] += logits * weights
        self._weight[top:bottom, left:right] += weights

    def result(self) -> NDArray[np.float32]:
        """Return the mean, shape (K, H, W).

        Raises:
            ValueError: No tile has been added.
        """
        if self._total is None:
            raise ValueError('no tile has been added')
        return self._total if self._weight is None else self._total / self._weight
