"""Masks: class-index arrays of shape (H, W), uint8, and their PNG files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.images import (
    SEVERAL_PAGES,
    check_pixels,
    describe_error,
    load_image_bytes,
    open_header,
    pixel_limit,
)
from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path

if TYPE_CHECKING:
    from PIL import Image

Mask = NDArray[np.uint8]
Colour = tuple[int, int, int]
INDEX_MODES = ('1', 'L', 'P')  # of Pillow: one channel of at most 8 bits


def read_mask(path: str | Path) -> Mask:
    """Read a class-index PNG (grey of 1 to 8 bits, or palette) as its indices.

    Returns:
        Shape (H, W), uint8.

    Raises:
        InputError: The file is missing, damaged, has more pixels than `pixel_limit`, or holds colours or 16-bit values
            instead of class indices.
    """
    return read_palette_mask(path)[0]


def read_palette_mask(path: str | Path) -> tuple[Mask, list[Colour] | None]:
    """Read a class-index PNG like `read_mask`, and the colours of its palette; None for a grey one.

    Raises:
        InputError: As for `read_mask`.
    """
    with open_mask(path) as file:
        if file.mode not in INDEX_MODES:
            kind, way = _kind_of(file)
            raise InputError(
                path,
                f'mask has mode {file.mode} ({kind}), expected 8-bit grey (L) or palette (P) holding class indices',
                f'convert it: mmseg-ext remap --{way} (docs/remap.md)',
            )
        return read_indices(file), palette_of(file)


def _kind_of(image: Image.Image) -> tuple[str, str]:
    """Say what a mask holds instead of class indices, and which option of ``remap`` converts it."""
    if image.mode.startswith(('I', 'F')):
        return 'wide values', 'map'
    if image.mode in ('LA', 'La', 'PA'):
        return 'values and transparency', 'map'
    if image.mode in ('RGB', 'RGBA'):
        red, green, blue = (image.getchannel(channel).tobytes() for channel in 'RGB')
        if red == green == blue:
            return 'the same values in three channels', 'map'
    return 'colours', 'by-colour'


def palette_of(image: Image.Image) -> list[Colour] | None:
    """Return the colours of an opened palette image, or None for another mode."""
    values = (image.getpalette('RGB') or []) if image.mode == 'P' else None
    return None if values is None else list(zip(values[::3], values[1::3], values[2::3], strict=True))


@contextmanager
def open_mask(path: str | Path) -> Iterator[Image.Image]:
    """Open a mask file of any kind after checking its header; decoding it may fail within the block, too.

    Raises:
        InputError: The file is missing, damaged, or has more pixels than `pixel_limit`.
    """
    try:
        with open_header(load_image_bytes(path)) as file:
            check_pixels(file, str(path), pixel_limit())
            if getattr(file, 'n_frames', 1) > 1:
                raise InputError(path, SEVERAL_PAGES, 'save the intended page as its own file')
            yield file
    except FileNotFoundError:
        raise InputError(path, 'mask not found') from None
    except InputError:
        raise
    except Exception as error:  # the bytes are untrusted: a decoder may fail on them in any way
        raise InputError(path, f'mask cannot be read ({describe_error(error)})', 'write the file again') from error


def read_indices(image: Image.Image) -> Mask:
    """Decode an opened image of one of `INDEX_MODES` as the values in the file.

    Pillow multiplies grey values of 2 or 4 bits to fill 0–255, and no longer knows this once it has decoded them.
    """
    tile = getattr(image, 'tile', None)
    raw_mode = tile[0][3] if tile else ''
    step = {'L;2': 85, 'L;4': 17}.get(raw_mode if isinstance(raw_mode, str) else raw_mode[0], 1)
    return np.asarray(image, np.uint8) // step


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
    """Convert class indices to a Pillow image of mode P; arguments as in `write_mask`."""
    from PIL import Image

    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise ValueError(f'mask must be (H, W) uint8, got {mask.shape} {mask.dtype}')
    image = Image.fromarray(mask)
    colours = [int(value) for colour in palette for value in colour]
    # All 256: with a short palette, Pillow writes fewer bits per pixel, which folds the ignored 255 into the classes.
    image.putpalette(colours + [0] * (3 * 256 - len(colours)))
    return image
