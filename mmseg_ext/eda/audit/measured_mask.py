"""A mask with its pixel counts, foreground and regions, each computed once for all checks.

Regions are found by following their borders, at a tenth of the cost of labelling every pixel. Pixel counts come from
the outlines by Pick's theorem: an outline through pixel centres that encloses the area A in B steps has A + B/2 + 1
pixels on or within it, and A - B/2 + 1 strictly within it. The theorem also holds for the degenerate outlines of thin
regions, which are followed there and back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data import Mask
from mmseg_ext.eda.audit.findings import Box

CORNER_TOLERANCE_PX = 1.5
MAX_FLOAT32_COUNT = 2**24  # OpenCV counts in float32, which is exact up to here
MAX_SINGLY_COUNTED_CLASSES = 6  # one pass for each class is faster than a histogram up to here


@dataclass(slots=True)
class Hole:
    """A 4-connected part of the background that a region encloses.

    Attributes:
        area: Pixels of background; regions that lie in the hole, and ignored pixels, are not counted.
        box: Left, top, width, height.
    """

    area: int
    box: Box


@dataclass
class Region:
    """An 8-connected region with its outline.

    Attributes:
        area: Pixels of the region, its holes not counted.
        box: Left, top, width, height.
        outline: Shape (N, 1, 2), int32: the pixels of the outer border in order, as x, y.
        holes: The holes in it.
    """

    area: int
    box: Box
    outline: NDArray[np.int32]
    holes: list[Hole] = field(default_factory=list)

    @cached_property
    def polygon(self) -> list[list[int]]:
        """The corners, as x, y, of a polygon that misses the outline by `CORNER_TOLERANCE_PX` at most."""
        corners: list[list[int]] = cv2.approxPolyDP(self.outline, CORNER_TOLERANCE_PX, True)[:, 0].tolist()
        return corners


class MeasuredMask:
    """One mask with the measurements that several checks use.

    The classes other than the background are the foreground. Ignored pixels and ids that are no class are neither.

    Args:
        values: The mask, shape (H, W), uint8.
        classes: Number of classes, background included.
        ignore_index: The value that means "unknown".
        background: 0, or None where no class is background: every class is then foreground, with regions of its own.

    >>> mask = MeasuredMask(np.array([[1, 1, 0], [0, 0, 0], [0, 0, 2]], np.uint8), classes=3)
    >>> mask.areas, mask.box, [region.area for region in mask.regions]
    ({1: 2, 2: 1}, (0, 0, 3, 3), [2, 1])
    """

    def __init__(self, values: Mask, classes: int, ignore_index: int = 255, background: int | None = 0) -> None:
        self.values = values
        self.classes = classes
        self.ignore_index = ignore_index
        self.background = background

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.values.shape[1], self.values.shape[0]

    @cached_property
    def counts(self) -> list[int]:
        """Pixels of each of the 256 values; a list, since for so few numbers Python is faster than NumPy."""
        values = self.values
        if 2 <= self.classes <= MAX_SINGLY_COUNTED_CLASSES and values.size and values.max() < self.classes:
            known = [int(np.count_nonzero(values == i)) for i in range(1, self.classes - 1)]
            area = int(np.count_nonzero(values))
            return [values.size - area, *known, area - sum(known)] + [0] * (256 - self.classes)
        if values.size >= MAX_FLOAT32_COUNT:
            counts: list[int] = np.bincount(values.reshape(-1), minlength=256).tolist()
            return counts
        return [int(count) for count in cv2.calcHist([values], [0], None, [256], [0, 256]).reshape(-1).tolist()]

    @cached_property
    def areas(self) -> dict[int, int]:
        """Pixels of each foreground class that occurs."""
        return {i: n for i, n in enumerate(self.counts[: self.classes]) if n and i != self.background}

    @cached_property
    def area(self) -> int:
        """Pixels of the foreground."""
        return sum(self.areas.values())

    @cached_property
    def unknown(self) -> int:
        """Pixels that are neither background nor foreground."""
        return self.values.size - sum(self.counts[: self.classes])

    @cached_property
    def present(self) -> int:
        """The values that occur, as a number whose bit v stands for value v."""
        return sum(1 << value for value, count in enumerate(self.counts) if count)

    @cached_property
    def foreground(self) -> NDArray[np.uint8]:
        """Shape (H, W), non-zero where a class other than the background is."""
        if not self.unknown:
            return self.values
        table = np.zeros(256, np.uint8)
        table[1 : self.classes] = 1
        return cv2.LUT(self.values, table).reshape(self.values.shape).astype(np.uint8, copy=False)

    @cached_property
    def regions(self) -> list[Region]:
        """The 8-connected regions of the foreground with their holes; without a background, those of each class."""
        if not self.area:
            return []
        if self.background is None:
            planes = [(self.values == value).astype(np.uint8) for value in self.areas]
            return [region for plane in planes for region in find_outlined_regions(plane)]
        ignored = (self.values >= self.classes).astype(np.uint8) if self.unknown else None
        return find_outlined_regions(self.foreground, ignored)

    def large_regions(self, share: float) -> list[Region]:
        """Return the regions that cover at least ``share`` of the image."""
        return [region for region in self.regions if region.area >= share * self.values.size]

    @cached_property
    def box(self) -> Box:
        """Bounding box of the foreground; of size 0 where there is none."""
        boxes = [region.box for region in self.regions]
        left, top = min((box[0] for box in boxes), default=0), min((box[1] for box in boxes), default=0)
        right = max((box[0] + box[2] for box in boxes), default=0)
        bottom = max((box[1] + box[3] for box in boxes), default=0)
        return left, top, right - left, bottom - top


def find_outlined_regions(foreground: NDArray[np.uint8], ignored: NDArray[np.uint8] | None = None) -> list[Region]:
    """Find the 8-connected regions of the non-zero pixels and their holes.

    Args:
        foreground: Shape (H, W), uint8.
        ignored: Same shape: 1 where it is not known what lies there, else 0; such pixels do not count as hole.

    Returns:
        The regions, ordered by their first pixel (from the top, then from the left).
    """
    contours, hierarchy = cv2.findContours(foreground, cv2.RETR_TREE, cv2.CHAIN_APPROX_NONE)
    if len(contours) < 2:  # the usual case: one region without holes
        return [Region(_pixels(contour, 1), _box(contour), contour) for contour in contours]
    parents = hierarchy[0, :, 3].tolist()
    is_hole: list[bool] = []
    for parent in parents:  # a parent stands before its children; outer borders and holes alternate down the tree
        is_hole.append(parent >= 0 and not is_hole[parent])
    filled = [_pixels(contour, -1 if hole else 1) for contour, hole in zip(contours, is_hole, strict=True)]
    if ignored is not None and any(is_hole):
        filled = [area - _pixels_within(contour, ignored) for area, contour in zip(filled, contours, strict=True)]
    own = list(filled)  # the filled outline minus the outlines directly within it
    for index, parent in enumerate(parents):
        if parent >= 0:
            own[parent] -= filled[index]
    regions: dict[int, Region] = {}
    for index, contour in enumerate(contours):
        if not is_hole[index]:
            regions[index] = Region(own[index], _box(contour), contour)
    for index, contour in enumerate(contours):
        if not is_hole[index]:
            continue
        left, top, width, height = _box(contour)  # of the region's pixels around the hole
        if own[index]:
            regions[parents[index]].holes.append(Hole(own[index], (left + 1, top + 1, width - 2, height - 2)))
    return sorted(regions.values(), key=_first_pixel)


def _pixels(contour: NDArray[np.int32], sign: int) -> int:
    """Count the pixels on and within an outer border (sign 1), or strictly within the border of a hole (sign -1)."""
    steps = len(contour) if len(contour) > 1 else 0
    return int(cv2.contourArea(contour) + sign * steps / 2) + 1


def _box(contour: NDArray[np.int32]) -> Box:
    left, top, width, height = cv2.boundingRect(contour)
    return left, top, width, height


def _first_pixel(region: Region) -> tuple[int, int]:
    top = region.box[1]
    if len(region.outline) == 1:
        return top, region.box[0]
    points = region.outline[:, 0]
    return top, int(points[points[:, 1] == top, 0].min())


def _pixels_within(contour: NDArray[np.int32], ignored: NDArray[np.uint8]) -> int:
    """Count the ignored pixels that an outline encloses."""
    left, top, width, height = _box(contour)
    painted = np.zeros((height, width), np.uint8)
    cv2.fillPoly(painted, [contour], 1, offset=(-left, -top))
    return int(np.count_nonzero(painted & ignored[top : top + height, left : left + width]))
