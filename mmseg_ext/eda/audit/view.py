"""A mask as the checks see it: pixel counts, foreground and regions, each computed once."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.audit.outlines import Box, Region, find_outlined_regions

EXACT_IN_FLOAT32 = 2**24
FEW_CLASSES = 6


class MaskView:
    """One mask with what several checks ask of it.

    Class 0 is the background, the other classes together are the foreground. Ignored pixels and ids that are no class
    are neither.

    Args:
        mask: Shape (H, W), uint8.
        classes: Number of classes, background included.
        ignore_index: The value that means "unknown".
    """

    def __init__(self, mask: Mask, classes: int, ignore_index: int = 255) -> None:
        self.mask = mask
        self.classes = classes
        self.ignore_index = ignore_index

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.mask.shape[1], self.mask.shape[0]

    @cached_property
    def counts(self) -> list[int]:
        """Pixels of each of the 256 values; a list, since for so few numbers Python is faster than NumPy."""
        if (
            2 <= self.classes <= FEW_CLASSES and self.mask.size and self.mask.max() < self.classes
        ):  # faster than a histogram
            known = [int(np.count_nonzero(self.mask == i)) for i in range(1, self.classes - 1)]
            area = int(np.count_nonzero(self.mask))
            return [self.mask.size - area, *known, area - sum(known)] + [0] * (256 - self.classes)
        if self.mask.size >= EXACT_IN_FLOAT32:
            counts: list[int] = np.bincount(self.mask.reshape(-1), minlength=256).tolist()
            return counts
        return [int(count) for count in cv2.calcHist([self.mask], [0], None, [256], [0, 256]).reshape(-1).tolist()]

    @cached_property
    def areas(self) -> dict[int, int]:
        """Pixels of each foreground class that is there."""
        return {i: count for i, count in enumerate(self.counts[1 : self.classes], 1) if count}

    @cached_property
    def area(self) -> int:
        """Pixels of the foreground."""
        return sum(self.areas.values())

    @cached_property
    def unknown(self) -> int:
        """Pixels that are neither background nor foreground."""
        return self.mask.size - self.counts[0] - self.area

    @cached_property
    def foreground(self) -> NDArray[np.uint8]:
        """Shape (H, W), non-zero where a class other than the background is."""
        if not self.unknown:
            return self.mask
        table = np.zeros(256, np.uint8)
        table[1 : self.classes] = 1
        return cv2.LUT(self.mask, table).reshape(self.mask.shape).astype(np.uint8, copy=False)

    @cached_property
    def regions(self) -> list[Region]:
        """The 8-connected regions of the foreground with their holes."""
        if not self.area:
            return []
        ignored = (self.mask >= self.classes).astype(np.uint8) if self.unknown else None
        return find_outlined_regions(self.foreground, ignored)

    def large_regions(self, share: float) -> list[Region]:
        """The regions that cover at least ``share`` of the image."""
        return [region for region in self.regions if region.area >= share * self.mask.size]

    @cached_property
    def box(self) -> Box:
        """Bounding box of the foreground; of no size where there is none."""
        boxes = [region.box for region in self.regions]
        left, top = min((box[0] for box in boxes), default=0), min((box[1] for box in boxes), default=0)
        right = max((box[0] + box[2] for box in boxes), default=0)
        bottom = max((box[1] + box[3] for box in boxes), default=0)
        return left, top, right - left, bottom - top
