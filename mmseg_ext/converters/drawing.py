"""Pixels of shapes in foreign formats: those whose centre the shape encloses.

The pixel in column x and row y spans (x, y) to (x + 1, y + 1). Each function returns a `Drawn`, and raises
`ValueError` with the reason if the shape is damaged or covers no pixel of the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.polygons import polygon_region

MAX_COORDINATE = 1_000_000  # pixels


class Drawn(NamedTuple):
    """Pixels of a shape within a box of the image.

    Attributes:
        top: First row of the box.
        left: First column of the box.
        pixels: The box, shape (h, w); it lies within the image.
    """

    top: int
    left: int
    pixels: NDArray[np.bool_]

    @property
    def place(self) -> tuple[slice, slice]:
        """The box as an index of the image."""
        height, width = self.pixels.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def draw_polygon(points: NDArray[np.float64], height: int, width: int) -> Drawn:
    """Fill a polygon by the even-odd rule.

    Args:
        points: Vertices as x, y, shape (N, 2).
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    >>> draw_polygon(np.array([[1, 0], [3, 0], [3, 1], [1, 1]], float), 4, 4)
    Drawn(top=0, left=1, pixels=array([[ True,  True]]))
    """
    check_points(points, 3)
    _box(points, height, width)
    return not_empty(Drawn(*polygon_region(points, height, width)))


def draw_box(
    left: float, top: float, right: float, bottom: float, height: int, width: int, rotation: float = 0
) -> Drawn:
    """Fill a box, turned clockwise around its centre by some degrees."""
    points = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
    check_points(points, 4)
    if rotation:
        angle = math.radians(rotation)
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        centre = points.mean(axis=0)
        points = (points - centre) @ turn + centre
    return draw_polygon(points, height, width)


def draw_ellipse(
    x: float, y: float, radius_x: float, radius_y: float, height: int, width: int, rotation: float = 0
) -> Drawn:
    """Fill an ellipse, turned clockwise around its centre by some degrees."""
    reach = max(radius_x, radius_y)
    corners = np.array([[x - reach, y - reach], [x + reach, y + reach]])
    check_points(corners, 2)
    if min(radius_x, radius_y) <= 0:
        raise ValueError('has no area')
    top, left, bottom, right = _box(corners, height, width)
    rows, columns = np.ogrid[top:bottom, left:right]
    angle = math.radians(rotation)
    dx, dy = columns + 0.5 - x, rows + 0.5 - y
    along, across = dx * math.cos(angle) + dy * math.sin(angle), dy * math.cos(angle) - dx * math.sin(angle)
    return not_empty(Drawn(top, left, (along / radius_x) ** 2 + (across / radius_y) ** 2 <= 1))


def draw_runs(runs: Sequence[int], box: tuple[int, int, int, int], height: int, width: int) -> Drawn:
    """Fill run lengths: pixels outside and inside in turn, beginning outside, row by row within a box.

    Args:
        runs: The lengths.
        box: Left, top, width and height, which must lie within the image.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    >>> draw_runs([1, 2, 1], (0, 0, 2, 2), 4, 4).pixels.astype(int)
    array([[0, 1],
           [1, 0]])
    """
    left, top, box_width, box_height = box
    if not (left >= 0 and top >= 0 and 1 <= box_width <= width - left and 1 <= box_height <= height - top):
        raise ValueError('the box of its run lengths extends beyond the image')
    if min(runs, default=0) < 0 or sum(runs) != box_width * box_height:
        raise ValueError('its run lengths do not add up to its box')
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, np.array(runs, np.int64))
    return not_empty(Drawn(top, left, inside.reshape(box_height, box_width)))


def check_points(points: NDArray[np.float64], least: int) -> None:
    """Check points as x, y, shape (N, 2): at least ``least`` of them, small enough to be drawn."""
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < least:
        raise ValueError(f'has fewer than {least} points')
    if not (np.abs(points) <= MAX_COORDINATE).all():  # also false for NaN
        raise ValueError('has a coordinate that is not a number or too large')


def _box(points: NDArray[np.float64], height: int, width: int) -> tuple[int, int, int, int]:
    """Return the part of the image that points span: top, left, bottom, right."""
    left, top = np.maximum(np.floor(points.min(axis=0)), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(points.max(axis=0)), (width, height)).astype(int).tolist()
    if right <= left or bottom <= top:
        flat = (np.ptp(points, axis=0) == 0).any()
        raise ValueError('has no area' if flat else 'lies outside the image')
    return top, left, bottom, right


def not_empty(drawn: Drawn) -> Drawn:
    """Return the shape if it covers a pixel of the image."""
    if not drawn.pixels.any():
        raise ValueError('covers no pixel')
    return drawn
