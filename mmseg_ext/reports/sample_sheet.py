"""Sheet of samples: the stored image, the image as a pipeline transforms it, and that with its mask, in one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.files import atomic_path
from mmseg_ext.reports.drawing import IGNORED, Palette, overlay

MARGIN_PX = 6
CAPTION_PX = 18
TEXT_COLOUR = (40, 40, 40)


@dataclass(frozen=True)
class Sample:
    """A sample of a pipeline.

    Attributes:
        stem: Stem of the image.
        stored: The image as it is on disk: RGB, shape (H, W, 3), uint8.
        image: The image as the network gets it: RGB, shape (H', W', 3), uint8.
        mask: Class indices, shape (H, W) or (H', W'), uint8; or the shares of the classes, shape
            (C, H', W'), float32, -1 in all channels of ignored pixels; None where there is no mask.
    """

    stem: str
    stored: NDArray[np.uint8]
    image: NDArray[np.uint8]
    mask: NDArray[Any] | None


def write_sheet(
    samples: Sequence[Sample],
    path: str | Path,
    palette: Palette,
    ignore_index: int = 255,
    height: int = 192,
    columns: int = 2,
    background: int | None = 0,
) -> None:
    """Write a PNG with three images per sample: stored, transformed, transformed with mask (ignored pixels are grey).

    Args:
        samples: At least one.
        path: The PNG, written atomically.
        palette: One RGB colour (0–255) per class.
        ignore_index: The value that means "unknown".
        height: Height of each image in pixels.
        columns: Samples side by side.
        background: The class that has no objects, or None.

    Raises:
        InputError: The file cannot be written.
    """
    from PIL import Image, ImageDraw, ImageFont

    rows = [_images(sample, palette, ignore_index, height, background) for sample in samples]
    width = max(sum(image.shape[1] + MARGIN_PX for image in row) for row in rows) + 2 * MARGIN_PX
    columns = min(columns, len(rows))
    step = height + CAPTION_PX + MARGIN_PX
    size = (columns * width, -(-len(rows) // columns) * step + MARGIN_PX)
    sheet = Image.new('RGB', size, 'white')
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (sample, row) in enumerate(zip(samples, rows, strict=True)):
        left, top = number % columns * width + MARGIN_PX, number // columns * step + MARGIN_PX
        draw.text((left, top), _fitting(sample.stem, draw, font, width - 2 * MARGIN_PX), fill=TEXT_COLOUR, font=font)
        for image in row:
            sheet.paste(Image.fromarray(image), (left, top + CAPTION_PX))
            left += image.shape[1] + MARGIN_PX
    with atomic_path(path) as temporary:
        sheet.save(temporary, 'PNG', optimize=True)


def _images(
    sample: Sample, palette: Palette, ignore_index: int, height: int, background: int | None
) -> list[NDArray[np.uint8]]:
    images = [sample.stored, sample.image]
    if sample.mask is not None and sample.mask.ndim == 3:
        images.append(_soft_overlay(sample.image, sample.mask, palette, background))
    elif sample.mask is not None:
        size = sample.image.shape[1::-1]  # val and test keep masks at the stored size, at which they are scored
        mask = cv2.resize(sample.mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
        images.append(overlay(sample.image, mask, palette, ignore_index=ignore_index, background=background))
    return [_scaled(image, height) for image in images]


def _soft_overlay(
    image: NDArray[np.uint8], shares: NDArray[np.float32], palette: Palette, background: int | None
) -> NDArray[np.uint8]:
    """Mix half the image with half the classes' colours, weighted by their shares; the background has no colour."""
    ignored = shares.max(0) < 0
    objects = [value for value in range(len(shares)) if value != background]
    weights = np.where(ignored, 0, shares)[objects]
    weights = np.concatenate([weights, ignored[None]]).astype(np.float32)
    colours = np.array([*(palette[value] for value in objects), IGNORED], np.float32)
    mixed = image * (1 - weights.sum(0)[..., None] / 2) + np.einsum('chw,cd->hwd', weights, colours) / 2
    return np.rint(mixed).clip(0, 255).astype(np.uint8)


def _scaled(image: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    width = max(1, round(image.shape[1] * height / image.shape[0]))
    shrinks = height < image.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=method), np.uint8)


def _fitting(text: str, draw: Any, font: Any, width: int) -> str:
    """Cut the text at its end if it is too long."""
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(f'{text}…', font) > width:
        text = text[:-1]
    return f'{text}…'
