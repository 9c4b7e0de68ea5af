"""Measurements that several cleaning rules share.

Masks are arrays of shape (H, W), uint8; class 0 is the background, and every other class is foreground.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data import Mask
from mmseg_ext.eda.regions import Regions, find_regions

Map = NDArray[np.bool_]
BACKGROUND = 0
# The steps to the eight neighbours, one of each pair of opposites, with weights near 1 : 1/√2, so that a weighted count
# of the neighbours that differ is proportional to the border's Euclidean length (Boykov & Kolmogorov 2003).
STEPS = (((0, 1), 7), ((1, 0), 7), ((1, 1), 5), ((1, -1), 5))
SEGMENTS = tuple(
    np.array(rows, np.uint8)
    for rows in ([[1, 1, 1]], [[1], [1], [1]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[0, 0, 1], [0, 1, 0], [1, 0, 0]])
)


def neighbours(array: NDArray[Any], step: tuple[int, int]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two views of the last two axes: each pixel, and the pixel one step (down, across) away from it.

    >>> first, second = neighbours(np.array([[1, 2, 3]]), (0, 1))
    >>> first.tolist(), second.tolist()
    ([[1, 2]], [[2, 3]])
    """
    height, width = array.shape[-2:]
    down, across = step
    first = array[..., : height - down, max(0, -across) : width - max(0, across)]
    second = array[..., down:, max(0, across) : width + min(0, across)]
    return first, second


def border_length(mask: Mask, known: Map) -> int:
    """Measure all borders between classes, in about 1/17 pixels; borders of unknown pixels do not count."""
    total = 0
    for step, weight in STEPS:
        first, second = neighbours(mask, step)
        both = np.logical_and(*neighbours(known, step))
        total += weight * int(np.count_nonzero((first != second) & both))
    return total


def contacts(region: Map, mask: Mask) -> NDArray[np.int64]:
    """Count the side-by-side pixel pairs that a region shares with each mask value outside of it, shape (256,)."""
    counts = np.zeros(256, np.int64)
    for step, _ in STEPS[:2]:
        inside, other = neighbours(region, step)
        first, second = neighbours(mask, step)
        counts += np.bincount(second[inside & ~other], minlength=256)
        counts += np.bincount(first[other & ~inside], minlength=256)
    return counts


def touches(regions: Regions, other: Map) -> Map:
    """Return which regions have a pixel of ``other`` among their eight neighbours, shape (K,)."""
    wide = cv2.dilate(other.astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.bincount(regions.labels[wide > 0], minlength=len(regions) + 1)[1:] > 0


def depth(binary: Map) -> NDArray[np.float32]:
    """Measure the distance in pixels from each pixel of a map to the nearest outside; beyond the image is outside."""
    padded = np.pad(binary, 1).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1], np.float32)


def around(box: NDArray[np.int32], margin: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the part of an image around a region's box (left, top, width, height), so that small regions are cheap."""
    left, top, width, height = (int(v) for v in box)
    rows = slice(max(0, top - margin), min(shape[0], top + height + margin))
    return rows, slice(max(0, left - margin), min(shape[1], left + width + margin))


def members(regions: Regions, chosen: Map) -> Map:
    """Return the pixels, shape (H, W), of the chosen regions (shape (K,), bool)."""
    return np.append(False, chosen)[regions.labels]


def find_holes(foreground: Map, unknown: Map) -> Regions:
    """Find the enclosed 4-connected parts of the background that touch no edge of the image and no unknown pixel."""
    background = np.pad(~foreground & ~unknown, 1, constant_values=True).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(background, connectivity=4)
    wide = cv2.dilate(np.pad(unknown, 1).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    enclosed = np.ones(len(stats), bool)
    enclosed[[0, labels[0, 0]]] = False
    enclosed[np.unique(labels[wide])] = False
    numbers = np.cumsum(enclosed).astype(np.int32) * enclosed
    boxes = stats[enclosed, : cv2.CC_STAT_AREA] - np.array([1, 1, 0, 0], np.int32)
    return Regions(numbers[labels][1:-1, 1:-1].astype(np.int32), stats[enclosed, cv2.CC_STAT_AREA], boxes)


def fine_detail(foreground: Map, unknown: Map, noise_area: int, pinhole_area: int) -> float:
    """Count the one-pixel gaps along the border of the foreground, per pixel of border.

    A mask that was drawn at the scale of single pixels (fur, blades of grass) has many; an outline made of polygons or
    a wide brush has next to none, so that a tiny region or hole in its mask is no detail but a mistake. Regions below
    ``noise_area`` and holes below ``pinhole_area`` pixels do not count, since they are what is judged.
    """
    regions = find_regions(foreground)
    solid = foreground & ~members(regions, regions.areas < noise_area)
    holes = find_holes(solid, unknown)
    solid |= members(holes, holes.areas < pinhole_area)
    padded = np.pad(solid, 2, mode='edge').astype(np.uint8)
    gaps = np.zeros(padded.shape, bool)
    for segment in SEGMENTS:
        gaps |= cv2.morphologyEx(padded, cv2.MORPH_CLOSE, segment) != padded
    border = sum(int(np.count_nonzero(np.not_equal(*neighbours(solid, step)))) for step, _ in STEPS[:2])
    return float(np.count_nonzero(gaps[2:-2, 2:-2] & ~unknown)) / max(border, 1)
