"""Masks: class-index arrays of shape (H, W), uint8, and their PNG files."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path

if TYPE_CHECKING:
    from PIL import Image

Mask = NDArray[np.uint8]


def read_mask(path: str | Path) -> Mask:
    """Read a class-index PNG (grey of 1 to 8 bits, or palette) as its indices.

    Returns:
        Shape (H, W), uint8.

    Raises:
        InputError: The file is missing, damaged, or holds colours or 16-bit values instead of class indices.
    """
    from PIL import Image

    try:
        with Image.open(path) as file:
            if file.mode not in ('1', 'L', 'P'):
                raise InputError(
                    path,
                    f'mask has mode {file.mode}, expected 8-bit grey (L) or palette (P) holding class indices',
                    'convert it to one channel',
                )
            step = _grey_step(file)
            return np.asarray(file, dtype=np.uint8) // step
    except FileNotFoundError:
        raise InputError(path, 'mask not found') from None
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise InputError(path, f'mask cannot be read ({error})', 'write the file again') from error


def _grey_step(image: Any) -> int:
    """Return the factor by which Pillow multiplies a grey PNG of 2 or 4 bits to fill 0–255."""
    raw_mode = image.tile[0][3] if image.tile else ''
    return {'L;2': 85, 'L;4': 17}.get(raw_mode if isinstance(raw_mode, str) else raw_mode[0], 1)


def write_mask(path: str | Path, mask: Mask, palette: Sequence[Sequence[int]]) -> None:
    """Write class indices as a palette PNG, atomically: viewers show colours, readers get the indices back.

    Args:
        path: The PNG to write.
        mask: Shape (H, W), uint8.
        palette: One RGB colour (0–255) per class.
    """
    image = mask_image(mask, palette)
    with atomic_path(path) as temporary:
        image.save(temporary)


def mask_image(mask: Mask, palette: Sequence[Sequence[int]]) -> Image.Image:
    """Convert class indices to a Pillow image of mode P; arguments as of `write_mask`."""
    from PIL import Image

    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise ValueError(f'mask must be (H, W) uint8, got {mask.shape} {mask.dtype}')
    image = Image.fromarray(mask)
    colours = [int(value) for colour in palette for value in colour]
    # All 256, since for a short palette Pillow writes fewer bits a pixel, which folds the ignored 255 into the classes.
    image.putpalette(colours + [0] * (3 * 256 - len(colours)))
    return image
