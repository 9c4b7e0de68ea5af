"""Objects of a mask, as run lengths and polygons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.coco_format import BITS, FIRST_CHARACTER, MORE, SIGN
from mmseg_ext.converters.drawing import draw_polygon
from mmseg_ext.converters.regions import Binary, Box, find_regions, join_loops, trace_loops
from mmseg_ext.data.masks import Mask

Points = NDArray[np.float64]
Canvas = NDArray[np.integer[Any]]  # mask (H, W) that a reader gets, with a value outside uint8 where it has nothing


@dataclass(frozen=True)
class Region:
    """Region of one class.

    Attributes:
        value: Its class.
        pixels: Its pixels within its box, shape (h, w).
        box: Left, top, width, height.
    """

    value: int
    pixels: Binary
    box: Box

    @property
    def area(self) -> int:
        """Number of its pixels."""
        return int(self.pixels.sum())


def regions_of(mask: Mask, values: Sequence[int]) -> Iterator[Region]:
    """Yield the 8-connected regions of some values of a mask (H, W)."""
    for found in find_regions(mask, np.isin(mask, values)):
        yield Region(*found)


def runs_by_row(pixels: Binary) -> list[int]:
    """Return run lengths of pixels outside and inside in turn, beginning outside, row by row.

    >>> runs_by_row(np.array([[True, False], [True, True]]))
    [0, 1, 1, 2]
    """
    flat = np.concatenate([[False], pixels.reshape(-1)])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    lengths: list[int] = np.diff([0, *changes, pixels.size]).tolist()
    return lengths


def runs_by_column(region: Region, height: int, width: int) -> list[int]:
    """Return run lengths in the whole image, column by column, as in COCO."""
    left, top, _, _ = region.box
    columns, rows = np.nonzero(region.pixels.T)
    places = (columns + left) * height + rows + top
    breaks = np.flatnonzero(np.diff(places) != 1)
    starts, ends = places[np.r_[0, breaks + 1]], places[np.r_[breaks, len(places) - 1]] + 1
    bounds = np.stack([starts, ends], axis=1).reshape(-1)
    lengths: list[int] = np.diff([0, *bounds, height * width]).tolist()
    return lengths if lengths[-1] else lengths[:-1]


def encode_counts(counts: Sequence[int]) -> str:
    """Compress run lengths as COCO does; see `mmseg_ext.converters.coco_format.decode_counts`."""
    text = []
    for position, count in enumerate(counts):
        value = count - counts[position - 2] if position > 2 else count
        while True:
            part = value & (MORE - 1)
            value >>= BITS
            last = value == (-1 if part & SIGN else 0)
            text.append(chr(FIRST_CHARACTER + (part if last else part | MORE)))
            if last:
                break
    return ''.join(text)


def pieces(region: Region, tolerance: float = 0) -> list[list[Points]]:
    """Outline a region along the edges of its pixels: loops for each piece of pixels that share an edge.

    Args:
        region: The region.
        tolerance: Distance in pixels by which a loop may leave the outline to have fewer corners; 0 is exact.

    Returns:
        For each piece its outline and its holes, as x and y in the image, shape (N, 2), N ≥ 3. Loops that ``tolerance``
        leaves without area are missing.
    """
    left, top, _, _ = region.box
    found = []
    whole = np.ones(region.pixels.shape, bool)
    for value, pixels, (x, y, _, _) in find_regions(region.pixels.astype(np.uint8), whole, 4):
        if value:
            loops = [_simplify(loop, tolerance) + np.array([left + x, top + y], float) for loop in trace_loops(pixels)]
            found.append([loop for loop in loops if len(loop) >= 3])
    return [loops for loops in found if loops]


def _simplify(loop: NDArray[np.int64], tolerance: float) -> Points:
    if tolerance > 0:
        return np.asarray(cv2.approxPolyDP(loop.astype(np.int32)[:, None], tolerance, closed=True)[:, 0], np.float64)
    return loop.astype(np.float64)


def polygons(region: Region, tolerance: float = 0) -> list[Points]:
    """Outline each piece of a region by one polygon, with holes connected by cuts of zero width."""
    return [join_loops(loops) for loops in pieces(region, tolerance)]


def paint(canvas: Canvas, value: int, outlines: Sequence[Points]) -> None:
    """Paint polygons into a mask (H, W), like a reader of the exported file."""
    for points in outlines:
        try:
            drawn = draw_polygon(points, *canvas.shape)
        except ValueError:  # a tolerance has left it without a pixel
            continue
        canvas[drawn.place][drawn.pixels] = value
