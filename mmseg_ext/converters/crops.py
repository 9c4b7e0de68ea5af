"""Cutting objects out of photographs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask

PAD_COLOUR = (124, 116, 104)  # RGB; the mean of ImageNet, which a network sees as nothing


class Box(NamedTuple):
    """A rectangle of pixels, from (left, top) to before (right, bottom). It may reach beyond the image."""

    left: int
    top: int
    right: int
    bottom: int

    def encloses(self, other: Box) -> bool:
        """Whether another box lies within this one."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )


def bounding_box(covered: NDArray[np.bool_]) -> Box:
    """The smallest box around the pixels of a mask (H, W) that is not empty."""
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def frame(box: Box, height: int, width: int, margin: float, square: bool) -> Box:
    """The part of a photograph to cut out for an object.

    Args:
        box: Around the object.
        height: Height of the photograph in pixels.
        width: Width of the photograph in pixels.
        margin: Ground to show on each side of the object, as a share of the box's longer side.
        square: A square, which gives up margin first and reaches beyond the photograph only where the object itself is
            longer than the photograph is wide or high. Otherwise the box and its margin, as far as there is photograph.
    """
    longer = max(box.right - box.left, box.bottom - box.top)
    if not square:
        around = math.ceil(margin * longer)
        return Box(
            max(box.left - around, 0),
            max(box.top - around, 0),
            min(box.right + around, width),
            min(box.bottom + around, height),
        )
    side = max(min(math.ceil(longer * (1 + 2 * margin)), height, width), longer)
    left = _place(box.left, box.right, side, width)
    top = _place(box.top, box.bottom, side, height)
    return Box(left, top, left + side, top + side)


def _place(start: int, stop: int, side: int, length: int) -> int:
    """Where a stretch of ``side`` begins that has start–stop in its middle, moved into the photograph if it fits."""
    if side > length:
        return (length - side) // 2
    return min(max((start + stop - side) // 2, 0), length - side)


def cut(image: NDArray[np.uint8], mask: Mask, part: Box, ignored: int) -> tuple[NDArray[np.uint8], Mask]:
    """Cut a part out of an image (H, W, 3) and its mask (H, W); what lies beyond the border is ``ignored``."""
    height, width = mask.shape
    left, top, right, bottom = max(part.left, 0), max(part.top, 0), min(part.right, width), min(part.bottom, height)
    pads = (top - part.top, part.bottom - bottom, left - part.left, part.right - right)
    image, mask = image[top:bottom, left:right], mask[top:bottom, left:right]
    if any(pads):
        image = np.asarray(cv2.copyMakeBorder(image, *pads, cv2.BORDER_CONSTANT, value=PAD_COLOUR), np.uint8)
        mask = np.asarray(cv2.copyMakeBorder(mask, *pads, cv2.BORDER_CONSTANT, value=[ignored]), np.uint8)
    return image, mask


def resize(image: NDArray[np.uint8], mask: Mask, size: Sequence[int]) -> tuple[NDArray[np.uint8], Mask]:
    """Bring an image and its mask to (width, height): areas are averaged, values of the mask kept as they are."""
    shrinks = size[0] < mask.shape[1]
    smooth = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    nearest = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(smooth, np.uint8), np.asarray(nearest, np.uint8)
