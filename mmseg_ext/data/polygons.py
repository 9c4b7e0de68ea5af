"""Pixels that a polygon encloses."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Region = tuple[int, int, NDArray[np.bool_]]  # top and left of a box within an image, and its pixels

MAX_COMPARED = 1 << 22  # rows × edges at a time, which bounds the memory of a polygon of many vertices


def fill_polygon(points: NDArray[np.float64], height: int, width: int) -> NDArray[np.bool_]:
    """Fill a polygon: the pixels whose centre it encloses, by the even-odd rule.

    The pixel in column x and row y spans (x, y) to (x + 1, y + 1). This is the area that a COCO polygon
    stands for. COCO's toolkit rounds the outline to a fifth of a pixel first, so the two may disagree in pixels
    that the outline crosses.

    Args:
        points: Vertices as x, y, shape (N, 2).
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        Shape (height, width).
    """
    return in_image(polygon_region(points, height, width), height, width)


def polygon_region(points: NDArray[np.float64], height: int, width: int) -> Region:
    """Fill a polygon like `fill_polygon`, within the box around it: its top, its left, and its pixels."""
    (x_low, y_low), (x_high, y_high) = points.min(axis=0), points.max(axis=0)
    left, right = clip(math.floor(x_low), width), clip(math.ceil(x_high), width)
    top, bottom = clip(math.floor(y_low), height), clip(math.ceil(y_high), height)
    rows, columns = bottom - top, right - left
    if not rows or not columns:
        return top, left, np.zeros((rows, columns), bool)
    crossed = np.zeros((rows, columns + 1), np.uint8)  # only the parity of a count matters
    (x0, y0), (x1, y1) = points.T, np.roll(points, -1, axis=0).T
    centre = np.arange(top, bottom)[:, None] + 0.5
    step = max(MAX_COMPARED // rows, 1)
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        row, edge = np.nonzero((y0[part] <= centre) != (y1[part] <= centre))
        edge += start
        along = (centre[row, 0] - y0[edge]) / (y1 - y0)[edge]
        crossing = x0[edge] + along * (x1 - x0)[edge]
        # The first centre at or beyond the crossing.
        column = np.clip(np.ceil(crossing - 0.5) - left, 0, columns).astype(np.int64)
        np.add.at(crossed, (row, column), 1)
    inside: NDArray[np.bool_] = np.bitwise_xor.accumulate(crossed & 1, axis=1)[:, :columns] == 1
    return top, left, inside


def in_image(region: Region, height: int, width: int) -> NDArray[np.bool_]:
    """Return the pixels of a region in an image that is otherwise False: shape (height, width)."""
    top, left, pixels = region
    filled = np.zeros((height, width), bool)
    filled[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return filled


def clip(value: int, limit: int) -> int:
    """Return the nearest number from 0 to a limit."""
    return min(max(value, 0), limit)
