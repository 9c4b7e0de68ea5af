"""Pixels of polygons, by the rules of LabelMe files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.polygons import Region, clip, in_image

Vertices = NDArray[np.int64]
Indices = NDArray[np.int64]

FIXED_BITS = 16  # fractional bits of a crossing
SCALE = 1 << FIXED_BITS  # a crossing at 1 pixel
MAX_STEPS = 1 << 21  # pixels of the outline at a time, which bounds the memory of a polygon of many vertices


def fill_polygon(points: NDArray[np.float64], height: int, width: int) -> NDArray[np.bool_]:
    """Fill a polygon: the pixels on its outline, and those inside it by the even-odd rule.

    A vertex stands for the pixel that contains it, so its coordinates are truncated. The outline is the 8-connected
    line from vertex pixel to vertex pixel. The inside of a row reaches from crossing to crossing, each rounded half up.
    For a polygon within the image this is, pixel by pixel, what ``cv2.fillPoly`` of OpenCV 4 draws, which many
    converters of LabelMe files use. OpenCV 5 leaves out pixels whose centre lies half a pixel beyond the outline,
    so the rule is implemented here and does not depend on the version.

    Args:
        points: Vertices as x, y in pixels, shape (N, 2), N ≥ 1; (0, 0) is the upper left corner of the first pixel.
            They may lie outside the image, up to some 10⁹ pixels.
        height: Height of the image.
        width: Width of the image.

    Returns:
        Shape (height, width).
    """
    return in_image(outlined_region(points, height, width), height, width)


def outlined_region(points: NDArray[np.float64], height: int, width: int) -> Region:
    """Fill a polygon like `fill_polygon`, within the box around it: its top, its left, and its pixels."""
    vertices = np.trunc(points).astype(np.int64)
    (x_low, y_low), (x_high, y_high) = vertices.min(axis=0).tolist(), vertices.max(axis=0).tolist()
    left, right = clip(x_low, width), clip(x_high + 1, width)
    top, bottom = clip(y_low, height), clip(y_high + 1, height)
    filled = np.zeros((bottom - top, right - left), bool)
    if filled.size:
        vertices -= (left, top)
        _draw(vertices, filled)
    return top, left, filled


def outline_length(points: NDArray[np.float64], height: int, width: int) -> int:
    """Return an upper bound on the pixels that a polygon's outline sets in an image: the cost of filling it."""
    steps = np.abs(points - np.roll(points, 1, axis=0)).max(axis=1) + 1
    return int(np.minimum(steps, max(height, width)).sum())


def _draw(vertices: Vertices, filled: NDArray[np.bool_]) -> None:
    """Set the pixels of the outline and of the inside, some edges at a time."""
    height, width = filled.shape
    ends = np.roll(vertices, 1, axis=0)
    crossed = np.zeros((height, width + 1), np.uint8)  # only the parity of a count matters
    steps = np.minimum(np.abs(ends - vertices).max(axis=1), max(height, width)).cumsum() // MAX_STEPS
    borders = np.flatnonzero(np.diff(steps)) + 1
    for one, other in zip(np.split(vertices, borders), np.split(ends, borders), strict=True):
        _outline(one, other, filled)
        _count_crossings(one, other, crossed, filled)
    # Pixels between an odd-numbered crossing of a row and the next one are inside.
    filled |= np.bitwise_xor.accumulate(crossed & 1, axis=1)[:, :width] == 1


def _outline(vertices: Vertices, ends: Vertices, filled: NDArray[np.bool_]) -> None:
    """Draw the lines from vertex to vertex; halfway between two pixels, a line takes the one nearer its left end."""
    height, width = filled.shape
    left_first = (vertices[:, 0] <= ends[:, 0])[:, None]
    left, right = np.where(left_first, vertices, ends), np.where(left_first, ends, vertices)
    steep = np.abs(right - left)[:, 1] > (right - left)[:, 0]
    columns, rows = _line_pixels(left[~steep], right[~steep], width)
    seen = (rows >= 0) & (rows < height)
    filled[rows[seen], columns[seen]] = True
    rows, columns = _line_pixels(left[steep][:, ::-1], right[steep][:, ::-1], height)
    seen = (columns >= 0) & (columns < width)
    filled[rows[seen], columns[seen]] = True


def _line_pixels(start: Vertices, end: Vertices, limit: int) -> tuple[Indices, Indices]:
    """Return one pixel per step from start to end along the first, longer axis, within 0 and ``limit``."""
    run, rise = (end - start).T
    edge, along = _steps(np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0]) + 1, limit)
    length = np.maximum(np.abs(run), 1)[edge]
    taken = np.abs(along - start[edge, 0])
    across = (2 * taken * np.abs(rise)[edge] + length - 1) // (2 * length)
    return along, start[edge, 1] + np.sign(rise)[edge] * across


def _count_crossings(vertices: Vertices, ends: Vertices, crossed: NDArray[np.uint8], filled: NDArray[np.bool_]) -> None:
    """Count the crossings of edges and rows by row and rounded column, and set the pixels in which they lie.

    An edge crosses the rows from its upper end to the one above its lower end. Rounding keeps the order of the
    crossings of a row, so the inside follows from their number up to a column, without sorting them.
    """
    height, width = filled.shape
    upper_first = (vertices[:, 1] < ends[:, 1])[:, None]
    upper, lower = np.where(upper_first, vertices, ends), np.where(upper_first, ends, vertices)
    run, rise = (lower - upper).T
    slope = np.sign(run) * (np.abs(run) * SCALE // np.maximum(rise, 1))  # truncated towards zero, as in C
    edge, row = _steps(upper[:, 1], lower[:, 1], height)
    crossing = upper[edge, 0] * SCALE + (row - upper[edge, 1]) * slope[edge]
    column = (crossing + SCALE // 2) >> FIXED_BITS
    seen = (column >= 0) & (column < width)
    filled[row[seen], column[seen]] = True
    np.add.at(crossed, (row, np.clip(column, 0, width)), 1)


def _steps(first: Indices, stop: Indices, limit: int) -> tuple[Indices, Indices]:
    """Count from ``first`` to below ``stop`` for each edge, within 0 and ``limit``: index of the edge, and count."""
    first = np.maximum(first, 0)
    count = np.maximum(np.minimum(stop, limit) - first, 0)
    edge = np.repeat(np.arange(len(count)), count)
    return edge, np.arange(len(edge)) - (count.cumsum() - count)[edge] + first[edge]
