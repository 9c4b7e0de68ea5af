"""Regions of a mask, and their outlines along the edges of pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask

Binary = NDArray[np.bool_]
Box = tuple[int, int, int, int]
Loop = NDArray[np.int64]

STEPS = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])  # right, down, left, up, as x and y


def find_regions(mask: Mask, where: Binary, connectivity: int = 8) -> Iterator[tuple[int, Binary, Box]]:
    """Yield each region among the given pixels: value, pixels within its box, and box (left, top, width, height).

    Args:
        mask: Class indices, shape (H, W).
        where: The pixels that count, shape (H, W).
        connectivity: 8, or 4 for pixels that share an edge.
    """
    for value in np.unique(mask[where]):
        here = ((mask == value) & where).astype(np.uint8)
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(here, connectivity=connectivity)
        for number, (left, top, width, height) in enumerate(stats[1:, : cv2.CC_STAT_AREA].tolist(), 1):
            region = numbers[top : top + height, left : left + width] == number
            yield int(value), region, (left, top, width, height)


def trace_loops(region: Binary) -> list[Loop]:
    """Trace the outlines of pixels along their edges; filled by the even-odd rule, they give exactly these pixels.

    Args:
        region: Shape (H, W).

    Returns:
        A closed loop for each outline and each hole: its corners as x, y, shape (N, 2). Pixels that touch only at a
        corner are in separate loops.

    >>> trace_loops(np.array([[False, True, True]]))[0].tolist()
    [[1, 0], [3, 0], [3, 1], [1, 1]]
    """
    padded = np.pad(region, 1)
    outside = ~padded[:-2, 1:-1], ~padded[1:-1, 2:], ~padded[2:, 1:-1], ~padded[1:-1, :-2]  # above, right, below, left
    corners = (0, 0), (1, 0), (1, 1), (0, 1)  # where the edge on each side begins, so that the region is on its right
    starts, directions = [], []
    for direction, (free, corner) in enumerate(zip(outside, corners, strict=True)):
        rows, columns = np.nonzero(region & free)
        starts.append(np.stack([columns, rows], axis=1) + corner)
        directions.append(np.full(len(rows), direction))
    start, turn = np.concatenate(starts), np.concatenate(directions)
    width = region.shape[1] + 1
    keys = (start[:, 1] * width + start[:, 0]) * 4 + turn
    order = np.argsort(keys)
    start, turn, keys = start[order], turn[order], keys[order]
    end = start + STEPS[turn]
    ends = (end[:, 1] * width + end[:, 0]) * 4
    following = np.full(len(keys), -1)
    for change in (1, 0, 3):  # right, which stays with the same pixel; straight on; left
        wanted = ends + (turn + change) % 4
        found = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
        fits = (following < 0) & (keys[found] == wanted)
        following[fits] = found[fits]
    return _follow(start, turn, following.tolist())


def _follow(start: Loop, turn: NDArray[np.int64], following: Sequence[int]) -> list[Loop]:
    loops = []
    seen = bytearray(len(following))
    for first in range(len(following)):
        if seen[first]:
            continue
        edges = []
        edge = first
        while not seen[edge]:
            seen[edge] = 1
            edges.append(edge)
            edge = following[edge]
        turns = turn[edges]
        loops.append(start[edges][turns != np.roll(turns, 1)])
    return loops


def join_loops(loops: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Join loops into one polygon that, filled by the even-odd rule, gives the same pixels.

    Each loop is entered from the nearest corner of the earlier loops and left the same way. This path runs along rows
    and columns of pixel edges, so it meets the centre of no pixel, and whatever it crosses it crosses twice.

    Args:
        loops: Corners as x, y, whole numbers, shape (N, 2) each.

    Returns:
        Shape (M, 2).
    """
    polygon = np.asarray(loops[0], np.float64)
    for loop in loops[1:]:
        here, there = _nearest(polygon, loop)
        around = np.concatenate([np.roll(loop, -there, axis=0), loop[there : there + 1]])
        corner = np.array([[loop[there, 0], polygon[here, 1]]])
        way = np.concatenate([corner, around, corner, polygon[here : here + 1]])
        polygon = np.insert(polygon, here + 1, way, axis=0)
    return polygon


def _nearest(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[int, int]:
    """Return the positions of the two points, one from each array, that are nearest to each other."""
    best = (np.inf, 0, 0)
    step = max(1, 2_000_000 // len(b))  # which bounds the memory
    for first in range(0, len(a), step):
        apart = ((a[first : first + step, None] - b[None]) ** 2).sum(axis=2)
        position = int(apart.argmin())
        row, column = divmod(position, len(b))
        best = min(best, (float(apart[row, column]), first + row, column))
    return best[1], best[2]
