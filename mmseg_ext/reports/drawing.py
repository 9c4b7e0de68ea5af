"""Drawings of masks: colours, overlays, boxes, differences. Images are (H, W, 3) RGB, masks (H, W), all uint8."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.errors import InputError

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Colour = tuple[int, int, int]
Palette = Sequence[Sequence[int]]
Box = Sequence[int]

IGNORED: Colour = (150, 150, 150)
INVALID: Colour = (255, 0, 255)

# Okabe & Ito 2008: distinct also with a colour vision deficiency.
ADDED: Colour = (86, 180, 233)
REMOVED: Colour = (230, 120, 0)
CHANGED_CLASS: Colour = (240, 228, 66)
DIFFERENCE_LEGEND = 'blue: only in the second mask; orange: only in the first; yellow: different class'


def drawn_as(classes: Classes) -> dict[str, Any]:
    """Return the arguments of `overlay` that depend on a data set."""
    return {'ignore_index': classes.ignore_index, 'background': classes.background}


def colourize(mask: Mask, palette: Palette, ignore_index: int = 255) -> Image:
    """Give each class its colour, ignored pixels grey, and values that are no class magenta.

    Args:
        mask: Class indices, shape (H, W), uint8.
        palette: One RGB colour (0–255) per class.
        ignore_index: The value that means "unknown".

    Returns:
        RGB, shape (H, W, 3), uint8.
    """
    return _colour_table(palette, ignore_index)[mask]


def overlay(
    image: Image,
    mask: Mask,
    palette: Palette,
    opacity: float = 0.5,
    outline: bool = True,
    ignore_index: int = 255,
    background: int | None = 0,
) -> Image:
    """Lay the classes over an image; the background stays as it is.

    Args:
        image: RGB, shape (H, W, 3), uint8.
        mask: Class indices, shape (H, W), uint8.
        palette: One RGB colour (0–255) per class.
        opacity: From 0 (image only) to 1 (colour only) inside a class.
        outline: Draw the border of each class, just inside it, in its full colour.
        ignore_index: The value that means "unknown".
        background: The class that has no objects, or None.

    Returns:
        RGB, shape (H, W, 3), uint8.

    Raises:
        ValueError: Image and mask differ in size.
    """
    if image.shape[:2] != mask.shape:
        raise ValueError(f'image and mask differ in size: {image.shape[:2]} and {mask.shape}')
    colours = colourize(mask, palette, ignore_index)
    objects = is_object(mask, background)
    weight = np.where(objects, np.float32(opacity), np.float32(0))
    if outline:
        cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
        gradient = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, cross, iterations=line_width(mask.shape))
        weight[(gradient > 0) & objects] = 1
    blended = image + weight[..., None] * (colours.astype(np.float32) - image)
    return np.round(blended).astype(np.uint8)


def overlay_or_mask(
    image: Image | None,
    mask: Mask,
    palette: Palette,
    opacity: float = 0.5,
    ignore_index: int = 255,
    background: int | None = 0,
) -> Image:
    """Lay the classes over the image, or colour the mask alone where there is no image of its size.

    Args:
        image: RGB, shape (H, W, 3), uint8, or None.
        mask: Class indices, shape (H, W), uint8.
        palette: One RGB colour (0–255) per class.
        opacity: As for `overlay`.
        ignore_index: The value that means "unknown".
        background: The class that has no objects, or None.

    Returns:
        RGB, shape (H, W, 3), uint8.
    """
    if image is None or image.shape[:2] != mask.shape:
        return colourize(mask, palette, ignore_index)
    return overlay(image, mask, palette, opacity, ignore_index=ignore_index, background=background)


def draw_boxes(image: Image, boxes: Sequence[Box], colour: Colour = (255, 0, 255)) -> Image:
    """Draw a frame around each box on a copy of the image.

    The frame is two pixels away from the box, so that it hides nothing of a small region, and has a darkened rim, so
    that it is visible on any image. At the border of the image it is drawn on the outermost pixels.

    Args:
        image: RGB, shape (H, W, 3), uint8.
        boxes: Left, top, width and height in pixels.
        colour: RGB, 0–255.

    Returns:
        RGB, shape (H, W, 3), uint8.
    """
    canvas = np.ascontiguousarray(image).copy()
    width = line_width(image.shape)
    gap = width + 2
    right, bottom = canvas.shape[1] - 1, canvas.shape[0] - 1
    corners = [
        ((max(0, x - gap), max(0, y - gap)), (min(right, x + w - 1 + gap), min(bottom, y + h - 1 + gap)))
        for x, y, w, h in (map(int, box) for box in boxes)
    ]
    rim = np.zeros(canvas.shape[:2], np.uint8)
    for first, last in corners:
        cv2.rectangle(rim, first, last, 1, width + 2)
    canvas[rim > 0] //= 2
    for first, last in corners:
        cv2.rectangle(canvas, first, last, colour, width)
    return canvas


def difference(first: Mask, second: Mask, palette: Palette, background: int | None = 0) -> Image:
    """Draw where two masks differ: strong colours (`DIFFERENCE_LEGEND`) on a dim grey of what they share.

    Args:
        first: Class indices, shape (H, W), uint8.
        second: The same shape.
        palette: One RGB colour (0–255) per class; its brightness is what remains of a class that did not change.
        background: The class that has no objects, or None.

    Returns:
        RGB, shape (H, W, 3), uint8.

    Raises:
        ValueError: The masks differ in size.
    """
    if first.shape != second.shape:
        raise ValueError(f'masks differ in size: {first.shape} and {second.shape}')
    grey = colourize(first, palette).mean(axis=2)
    before, after = is_object(first, background), is_object(second, background)
    dim = np.where(before, 40 + grey * 0.25, 16).astype(np.uint8)
    drawn = np.repeat(dim[..., None], 3, axis=2)
    drawn[~before & after] = ADDED
    drawn[before & ~after] = REMOVED
    drawn[before & after & (first != second)] = CHANGED_CLASS
    return drawn


def is_object(mask: Mask, background: int | None) -> NDArray[np.bool_]:
    """Return where a mask (H, W) holds anything but the background."""
    return np.ones(mask.shape, bool) if background is None else mask != background


def read_or_none(read: Callable[[Path], NDArray[np.uint8]], path: Path | None) -> NDArray[np.uint8] | None:
    """Read an image or mask for a page; None where there is none, or where it cannot be read."""
    try:
        return None if path is None else read(path)
    except InputError:
        return None


def line_width(shape: Sequence[int]) -> int:
    """Choose the width of a line in pixels: 1 for an image below 600 pixels a side, then growing with its size.

    >>> line_width((480, 599)), line_width((4000, 3000))
    (1, 10)
    """
    return max(1, round(max(shape[:2]) / 400))


def _colour_table(palette: Palette, ignore_index: int) -> NDArray[np.uint8]:
    """Return the colour of each value that a mask can hold, shape (256, 3)."""
    table = np.full((256, 3), INVALID, np.uint8)
    table[: len(palette)] = np.asarray(palette, np.uint8).reshape(-1, 3)
    table[ignore_index] = IGNORED
    return table
