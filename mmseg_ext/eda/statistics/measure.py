"""Measurements of one image and of each object in it.

An object is an 8-connected region of one class that covers at least 0.01 % of the image; smaller regions are scraps of
annotation, which an audit counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data import Mask
from mmseg_ext.eda.regions import find_regions

MIN_OBJECT_SHARE = 1e-4  # of the image's area
RING_WIDTH = 0.03  # of the ring of background around an object, over the square root of the image's area
GRID_SIDE = 32  # cells of a position heat map


@dataclass(frozen=True)
class ImageRow:
    """An image with the pixel counts of its mask.

    Attributes:
        split: Name of the split.
        stem: The file's stem.
        width: In pixels.
        height: In pixels.
        brightness: Mean luma, 0–255; NaN without an image.
        pixels: Pixels of each class, length K; None without a mask.
    """

    split: str
    stem: str
    width: int
    height: int
    brightness: float
    pixels: tuple[int, ...] | None


@dataclass(frozen=True)
class ObjectRow:
    """An object.

    Attributes:
        split: Name of the split.
        stem: The file's stem.
        class_index: Its class.
        area: Share of the image, in percent.
        brightness: Mean luma of its pixels, 0–255; NaN without an image.
        background: Mean luma of the ring of background around it; NaN where there is none.
        contrast: ``brightness`` − ``background``: negative for an object darker than its background.
        x: Its centre of mass, 0 (left edge of the image) to 1 (right edge).
        y: Its centre of mass, 0 (top edge) to 1 (bottom edge).
        at_border: Whether it touches the edge of the image, so that a part of it may be cut off.
        extent: The larger of its box's width and height, each as a share of the image's, 0–1.
    """

    split: str
    stem: str
    class_index: int
    area: float
    brightness: float
    background: float
    contrast: float
    x: float
    y: float
    at_border: bool
    extent: float = math.nan


def measure_objects(
    mask: Mask,
    luma: NDArray[np.uint8] | None,
    class_index: int,
    *,
    split: str = '',
    stem: str = '',
    background: int | None = 0,
    ignore_index: int = 255,
    min_area: float = MIN_OBJECT_SHARE,
) -> Iterator[ObjectRow]:
    """Measure the objects of one class in one image.

    Args:
        mask: Class indices (H, W).
        luma: Brightness (H, W), 0–255, or None where there is no image.
        class_index: The class whose regions are meant.
        split: Copied to the rows.
        stem: Copied to the rows.
        background: The background class; None where every pixel that is not ignored may be background.
        ignore_index: The value that is never background.
        min_area: Smallest share of the image that makes a region an object.

    Yields:
        One row for each object, in the order of the objects' first pixels.
    """
    height, width = mask.shape
    regions = find_regions(mask == class_index)
    is_background = mask == background if background is not None else mask != ignore_index
    reach = max(1, round(RING_WIDTH * math.sqrt(mask.size)))
    for index in np.flatnonzero(regions.areas >= min_area * mask.size):
        left, top, box_width, box_height = map(int, regions.boxes[index])
        rows = slice(max(0, top - reach), top + box_height + reach)
        columns = slice(max(0, left - reach), left + box_width + reach)
        region = regions.labels[rows, columns] == index + 1
        ys, xs = np.nonzero(region)
        inside, around = math.nan, math.nan
        if luma is not None:
            part = luma[rows, columns]
            inside = float(part[region].mean())
            ring = _grow(region, reach) & ~region & is_background[rows, columns]
            around = float(part[ring].mean()) if ring.any() else math.nan
        yield ObjectRow(
            split,
            stem,
            class_index,
            area=100 * len(ys) / mask.size,
            brightness=inside,
            background=around,
            contrast=inside - around,
            x=float(xs.mean() + columns.start + 0.5) / width,
            y=float(ys.mean() + rows.start + 0.5) / height,
            at_border=left == 0 or top == 0 or left + box_width == width or top + box_height == height,
            extent=max(box_width / width, box_height / height),
        )


def _grow(region: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Return the pixels within ``reach`` of a region."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return cv2.dilate(region.astype(np.uint8), disc).astype(bool)


def position_map(mask: Mask, class_index: int) -> NDArray[np.float32]:
    """Map where in the image a class is: the share of each cell that it covers, (GRID_SIDE, GRID_SIDE), 0–1."""
    covered = (mask == class_index).astype(np.float32)
    return np.asarray(cv2.resize(covered, (GRID_SIDE, GRID_SIDE), interpolation=cv2.INTER_AREA), np.float32)
