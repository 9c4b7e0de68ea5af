"""One picture of many samples: the photograph, what a pipeline makes of it, and that under its mask."""

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

MARGIN = 6
CAPTION = 18
TEXT = (40, 40, 40)


@dataclass(frozen=True)
class Sample:
    """A sample of a pipeline.

    Attributes:
        stem: Name of the photograph.
        photo: As it lies on disk: RGB, shape (H, W, 3), uint8.
        image: As the network is given it: RGB, shape (H', W', 3), uint8.
        mask: Class indices, shape (H, W) or (H', W'), uint8; or the shares of the classes, shape (C, H', W'),
            float32, -1 in all channels of ignored pixels; None where there is no mask.
    """

    stem: str
    photo: NDArray[np.uint8]
    image: NDArray[np.uint8]
    mask: NDArray[Any] | None


def write_sheet(
    samples: Sequence[Sample],
    path: str | Path,
    palette: Palette,
    ignore_index: int = 255,
    height: int = 192,
    columns: int = 2,
) -> None:
    """Write a PNG with three pictures a sample: photograph, image, image under its mask (ignored pixels are grey).

    Args:
        samples: At least one.
        path: The PNG, written atomically.
        palette: One RGB colour (0–255) a class.
        ignore_index: The value that means "unknown".
        height: Of each picture, in pixels.
        columns: Samples side by side.

    Raises:
        InputError: The file cannot be written.
    """
    from PIL import Image, ImageDraw, ImageFont

    rows = [_pictures(sample, palette, ignore_index, height) for sample in samples]
    width = max(sum(picture.shape[1] + MARGIN for picture in row) for row in rows) + 2 * MARGIN
    columns = min(columns, len(rows))
    step = height + CAPTION + MARGIN
    size = (columns * width, -(-len(rows) // columns) * step + MARGIN)
    sheet = Image.new('RGB', size, 'white')
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (sample, row) in enumerate(zip(samples, rows, strict=True)):
        left, top = number % columns * width + MARGIN, number // columns * step + MARGIN
        draw.text((left, top), _fitting(sample.stem, draw, font, width - 2 * MARGIN), fill=TEXT, font=font)
        for picture in row:
            sheet.paste(Image.fromarray(picture), (left, top + CAPTION))
            left += picture.shape[1] + MARGIN
    with atomic_path(path) as temporary:
        sheet.save(temporary, 'PNG', optimize=True)


def _pictures(sample: Sample, palette: Palette, ignore_index: int, height: int) -> list[NDArray[np.uint8]]:
    pictures = [sample.photo, sample.image]
    if sample.mask is not None and sample.mask.ndim == 3:
        pictures.append(_soft_overlay(sample.image, sample.mask, palette))
    elif sample.mask is not None:
        size = sample.image.shape[1::-1]  # val and test keep the mask at the photograph's size, where they are scored
        mask = cv2.resize(sample.mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
        pictures.append(overlay(sample.image, mask, palette, ignore_index=ignore_index))
    return [_scaled(picture, height) for picture in pictures]


def _soft_overlay(image: NDArray[np.uint8], shares: NDArray[np.float32], palette: Palette) -> NDArray[np.uint8]:
    """Half photograph, half the classes' colours by their shares; the background leaves the photograph."""
    ignored = shares.max(0) < 0
    weights = np.where(ignored, 0, shares)[1:]
    weights = np.concatenate([weights, ignored[None]]).astype(np.float32)
    colours = np.array([*palette[1 : len(shares)], IGNORED], np.float32)
    mixed = image * (1 - weights.sum(0)[..., None] / 2) + np.einsum('chw,cd->hwd', weights, colours) / 2
    return np.rint(mixed).clip(0, 255).astype(np.uint8)


def _scaled(picture: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    shrinks = height < picture.shape[0]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=method), np.uint8)


def _fitting(text: str, draw: Any, font: Any, width: int) -> str:
    """The text, cut at its end where it is too long."""
    if draw.textlength(text, font) <= width:
        return text
    while text and draw.textlength(f'{text}…', font) > width:
        text = text[:-1]
    return f'{text}…'
