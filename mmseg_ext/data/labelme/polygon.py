"""Pixels of polygons, as LabelMe files mean them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vertices = NDArray[np.int64]
Indices = NDArray[np.int64]

FIXED_BITS = 16  # fractional bits of a crossing
SCALE = 1 << FIXED_BITS  # of a crossing of 1 pixel


def fill_polygon(points: NDArray[np.float64], height: int, width: int) -> NDArray[np.bool_]:
    """Fill a polygon: the pixels on its outline, and those inside it by the even-odd rule.

    A vertex stands for the pixel that contains it, so its coordinates are truncated. The outline is the 8-connected
    line from vertex pixel to vertex pixel. The inside of a row reaches from crossing to crossing, each rounded half up.
    For a polygon within the image this is, pixel by pixel, what ``cv2.fillPoly`` of OpenCV 4 draws, which many
    converters of LabelMe files use. OpenCV 5 leaves out pixels whose centre lies half a pixel beyond the outline;
    therefore the rule is written out here and does not depend on the version.

    Args:
        points: Vertices as x, y in pixels, shape (N, 2), N ≥ 1; (0, 0) is the upper left corner of the first pixel.
            They may lie outside the image, up to some 10⁹ pixels.
        height: Height of the image.
        width: Width of the image.

    Returns:
        Shape (height, width).
    """
    vertices = np.trunc(points).astype(np.int64)
    return _outline(vertices, height, width) | _inside(vertices, height, width)


def _outline(vertices: Vertices, height: int, width: int) -> NDArray[np.bool_]:
    """Draw the lines from vertex to vertex; halfway between two pixels, a line stays with the one of its left end."""
    ends = np.roll(vertices, 1, axis=0)
    left_first = (vertices[:, 0] <= ends[:, 0])[:, None]
    left, right = np.where(left_first, vertices, ends), np.where(left_first, ends, vertices)
    steep = np.abs(right - left)[:, 1] > (right - left)[:, 0]
    outline = np.zeros((height, width), bool)
    columns, rows = _line_pixels(left[~steep], right[~steep], width)
    seen = (rows >= 0) & (rows < height)
    outline[rows[seen], columns[seen]] = True
    rows, columns = _line_pixels(left[steep][:, ::-1], right[steep][:, ::-1], height)
    seen = (columns >= 0) & (columns < width)
    outline[rows[seen], columns[seen]] = True
    return outline


def _line_pixels(start: Vertices, end: Vertices, limit: int) -> tuple[Indices, Indices]:
    """Return one pixel per step from start to end along the first, longer axis, within 0 and ``limit``."""
    run, rise = (end - start).T
    edge, along = _steps(np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0]) + 1, limit)
    length = np.maximum(np.abs(run), 1)[edge]
    taken = np.abs(along - start[edge, 0])
    across = (2 * taken * np.abs(rise)[edge] + length - 1) // (2 * length)
    return along, start[edge, 1] + np.sign(rise)[edge] * across


def _inside(vertices: Vertices, height: int, width: int) -> NDArray[np.bool_]:
    """Fill the inside by the even-odd rule."""
    rows, crossings = _crossings(vertices, height)
    order = np.lexsort((crossings, rows))
    # An outline that returns to its start crosses each row an even number of times, so that neighbours are pairs.
    rows = rows[order][::2]
    columns = (crossings[order] + SCALE // 2) >> FIXED_BITS
    first, last = np.clip(columns[::2], 0, width), np.clip(columns[1::2] + 1, 0, width)
    change = np.zeros((height, width + 1), np.int32)
    np.add.at(change, (rows, first), 1)
    np.add.at(change, (rows, last), -1)
    inside: NDArray[np.bool_] = change.cumsum(axis=1)[:, :width] > 0
    return inside


def _crossings(vertices: Vertices, height: int) -> tuple[Indices, Indices]:
    """Find where the edges cross the rows of the image: row and x in fixed point, both of shape (K,).

    An edge crosses the rows from its upper end to the one above its lower end.
    """
    ends = np.roll(vertices, 1, axis=0)
    upper_first = (vertices[:, 1] < ends[:, 1])[:, None]
    upper, lower = np.where(upper_first, vertices, ends), np.where(upper_first, ends, vertices)
    run, rise = (lower - upper).T
    slope = np.sign(run) * (np.abs(run) * SCALE // np.maximum(rise, 1))  # truncated towards zero, as in C
    edge, row = _steps(upper[:, 1], lower[:, 1], height)
    return row, upper[edge, 0] * SCALE + (row - upper[edge, 1]) * slope[edge]


def _steps(first: Indices, stop: Indices, limit: int) -> tuple[Indices, Indices]:
    """Count from ``first`` to below ``stop`` for each edge, within 0 and ``limit``: index of the edge, and count."""
    first = np.maximum(first, 0)
    count = np.maximum(np.minimum(stop, limit) - first, 0)
    edge = np.repeat(np.arange(len(count)), count)
    return edge, np.arange(len(edge)) - (count.cumsum() - count)[edge] + first[edge]
