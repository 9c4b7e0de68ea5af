"""Photographs of any kind as upright RGB pixels, or one clear line that says why not."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmseg_ext.errors import InputError

FORMATS = ('BMP', 'GIF', 'JPEG', 'PNG', 'TIFF', 'WEBP')
ORIENTATION_TAG = 0x0112
WITH_ALPHA = ('LA', 'La', 'PA', 'RGBA', 'RGBa')
WIDE = ('I', 'F')  # 32 bits: the range of the values is nowhere stated

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class PhotoRules:
    """What is accepted, and what transparent pixels become.

    Attributes:
        most_pixels: A photograph with more is refused before it is decoded (a small file can hold a huge one).
        background: RGB colour (0–255) behind transparent pixels.
    """

    most_pixels: int = 80_000_000
    background: tuple[int, int, int] = (255, 255, 255)


@dataclass(frozen=True)
class Photo:
    """A photograph as a viewer shows it.

    Attributes:
        pixels: Upright, shape (H, W, 3), RGB, 0–255.
        orientation: The EXIF orientation (1–8) that has been applied to what a decoder gives.
    """

    pixels: Pixels
    orientation: int = 1


def read_photo(source: str | Path | bytes, rules: PhotoRules | None = None, name: str | None = None) -> Photo:
    """Decode a photograph and turn it upright.

    Grey becomes RGB, a palette and CMYK too; 16 bits a channel are scaled to 8 over their full range; transparent
    pixels get the background's colour. Of an MPO file (a JPEG with a preview or a depth map behind it) the first
    picture is the photograph.

    Args:
        source: The file, or its content.
        rules: What is accepted.
        name: What errors call it; the path by default.

    Raises:
        InputError: The file is missing, damaged, cut short, animated, of several pages, too large, holds 32-bit values,
            or is no BMP, GIF, JPEG, PNG, TIFF or WebP.
    """
    name = name or ('image' if isinstance(source, bytes) else str(source))
    rules = rules or PhotoRules()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # Pillow's remarks on odd metadata, and on sizes that the rules allow
            with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
                _check(image, name, rules)
                orientation = _orientation(image)
                pixels = _rgb(image, rules)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f'{name}: no such image') from None
    except Image.UnidentifiedImageError:
        raise InputError(f'{name}: is damaged or no {", ".join(FORMATS)} image; copy or convert it') from None
    except Exception as error:  # the bytes are anybody's: a decoder may stumble over them in any way
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise InputError(f'{name}: cannot be read as an image ({reason}); copy the file anew') from error
    return Photo(turn_upright(pixels, orientation), orientation)


def from_array(image: NDArray[Any], name: str = 'image') -> Photo:
    """A photograph that is in memory already: shape (H, W, 3) or, grey, (H, W); RGB, uint8.

    Raises:
        InputError: It has another shape or type, or no pixel.
    """
    if image.dtype != np.uint8 or not image.size or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
        raise InputError(f'{name}: must be (H, W, 3) or (H, W) uint8, got {image.shape} {image.dtype}')
    return Photo(np.ascontiguousarray(image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)))


def _check(image: Image.Image, name: str, rules: PhotoRules) -> None:
    """Refuse, by the header alone, what would be costly or ambiguous to decode."""
    if image.width * image.height > rules.most_pixels:
        raise InputError(
            f'{name}: has {image.width}×{image.height} pixels, more than {rules.most_pixels:,}; make it smaller'
        )
    if getattr(image, 'is_animated', False) and image.format != 'MPO':
        raise InputError(f'{name}: is animated or has several pages; save the one that is meant as its own file')
    if image.mode in WIDE and not (image.mode == 'I' and image.format == 'PNG'):
        raise InputError(f'{name}: holds 32-bit values, whose range is not stated; convert it to 8 or 16 bits')


def _orientation(image: Image.Image) -> int:
    """What is left to do; a TIFF file is turned by Pillow when it is decoded."""
    if image.format == 'TIFF':
        return 1
    try:
        value = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # a damaged EXIF header is no reason to refuse the picture
        return 1
    return value if value in range(1, 9) else 1


def _rgb(image: Image.Image, rules: PhotoRules) -> Pixels:
    if image.mode.startswith('I'):  # 16-bit grey; older releases of Pillow call that of a PNG mode I
        values = np.asarray(image).astype(np.uint32).clip(0, 65535)
        return np.repeat(((values + 128) // 257).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in WITH_ALPHA or 'transparency' in image.info:
        ground = Image.new('RGBA', image.size, (*rules.background, 255))
        image = Image.alpha_composite(ground, image.convert('RGBA'))
    return np.asarray(image.convert('RGB'), np.uint8).copy()


def turn_upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn and mirror stored pixels, shape (H, W, …), as their EXIF orientation (1–8) asks viewers to."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def turn_back(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """The inverse of `turn_upright`: what a mask must be to lie on the pixels as the file stores them."""
    return turn_upright(pixels, {6: 8, 8: 6}.get(orientation, orientation))
