"""Crops of images and their masks around an object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask

PAD_COLOUR = (124, 116, 104)  # RGB; ImageNet's mean, which is about 0 after normalisation


class Box(NamedTuple):
    """Rectangle of pixels from (left, top) up to, but not including, (right, bottom). It may exceed the image."""

    left: int
    top: int
    right: int
    bottom: int

    def encloses(self, other: Box) -> bool:
        """Return whether another box is within this one."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and self.right >= other.right
            and self.bottom >= other.bottom
        )


def bounding_box(covered: NDArray[np.bool_]) -> Box:
    """Return the smallest box around the pixels of a mask (H, W) that is not empty.

    >>> bounding_box(np.array([[False, True, True], [False, False, True]]))
    Box(left=1, top=0, right=3, bottom=2)
    """
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def crop_box(box: Box, height: int, width: int, margin: float, square: bool) -> Box:
    """Choose the part of an image to crop for an object.

    Args:
        box: The box around the object.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        margin: Background on each side of the object, as a share of the box's longer side.
        square: Return a square. If the image is too small, it has less margin; it reaches beyond the image only
            if the object itself is longer than the image is wide or high. False returns the box and its margin,
            clipped to the image.
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
    """Return the start of a span of ``side`` pixels centred on start–stop, moved into the image if it fits."""
    if side > length:
        return (length - side) // 2
    return min(max((start + stop - side) // 2, 0), length - side)


def crop(image: NDArray[np.uint8], mask: Mask, box: Box, ignored: int) -> tuple[NDArray[np.uint8], Mask]:
    """Crop an image (H, W, 3) and its mask (H, W); beyond their border the mask has the value ``ignored``."""
    height, width = mask.shape
    left, top, right, bottom = max(box.left, 0), max(box.top, 0), min(box.right, width), min(box.bottom, height)
    pads = (top - box.top, box.bottom - bottom, left - box.left, box.right - right)
    image, mask = image[top:bottom, left:right], mask[top:bottom, left:right]
    if any(pads):
        image = np.asarray(cv2.copyMakeBorder(image, *pads, cv2.BORDER_CONSTANT, value=PAD_COLOUR), np.uint8)
        mask = np.asarray(cv2.copyMakeBorder(mask, *pads, cv2.BORDER_CONSTANT, value=[ignored]), np.uint8)
    return image, mask


def resize(image: NDArray[np.uint8], mask: Mask, size: Sequence[int]) -> tuple[NDArray[np.uint8], Mask]:
    """Resize an image (by averaged areas) and its mask (by the nearest value) to (width, height)."""
    shrinks = size[0] < mask.shape[1]
    smooth = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    nearest = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(smooth, np.uint8), np.asarray(nearest, np.uint8)
