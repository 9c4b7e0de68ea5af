"""Reading and writing of images, upright as viewers show them."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from mmseg_ext.errors import InputError, NotWritableError, one_line
from mmseg_ext.files import atomic_path
from mmseg_ext.reading import load_bytes

FORMATS = ('BMP', 'GIF', 'JPEG', 'PNG', 'TIFF', 'WEBP')
ORIENTATION_TAG = 0x0112
ALPHA_MODES = ('LA', 'La', 'PA', 'RGBA', 'RGBa')
WIDE_MODES = ('I', 'F')  # 32 bits: nothing states the range of the values
OPENCV_FORMATS = ('BMP', 'JPEG', 'MPO', 'PNG')  # OpenCV decodes them to the same pixels as Pillow, in half the time
SEVERAL_PAGES = 'is animated or has several pages'
PNG_ORIENTATION_MARKS = (b'eXIf', b'Raw profile type', b'Orientation')  # a PNG with an orientation holds one of them
TIFF_STARTS = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
MAX_TIFF_BANDS = 4  # if there are more, Pillow decodes the first three
TIFF_BITS, TIFF_BANDS, TIFF_KIND, TIFF_FLOAT = 258, 277, 339, 3  # tags, and a value of the third
MAX_PIXELS = 80_000_000
MAX_PIXEL_BYTES = 8  # four channels of 16 bits
MAX_HEAD_BYTES = 1 << 28  # EXIF, previews, the video behind a phone's JPEG
MAX_PIXELS_VARIABLE = 'MMSEG_EXT_MAX_PIXELS'
START_AND_END = {'JPEG': (b'\xff\xd8', b'\xff\xd9'), 'PNG': (b'\x89PNG', b'IEND')}
PILLOW_LOCK = Lock()  # warning filters and Pillow's limit are global, and images are decoded in threads

Pixels = NDArray[np.uint8]


def pixel_limit(default: int = MAX_PIXELS) -> int:
    """Return the largest number of pixels that is decoded: ``$MMSEG_EXT_MAX_PIXELS``, or else the default.

    It is an environment variable because it must reach the worker processes of every tool.

    Raises:
        InputError: The variable holds no number above 0.
    """
    text = os.environ.get(MAX_PIXELS_VARIABLE)
    if not text:
        return default
    try:
        limit = int(float(text))
    except (ValueError, OverflowError):
        limit = 0
    if limit < 1:
        raise InputError(f'{MAX_PIXELS_VARIABLE}={text}', 'must be a number of pixels', 'such as 200000000')
    return limit


@dataclass(frozen=True)
class ImageRules:
    """Limits on images, and the colour behind transparent pixels.

    Attributes:
        max_pixels: An image with more is refused before it is decoded (a small file can hold a huge image); by default
            the `pixel_limit`.
        background: RGB colour (0–255) behind transparent pixels.
    """

    max_pixels: int = field(default_factory=pixel_limit)
    background: tuple[int, int, int] = (255, 255, 255)


@dataclass(frozen=True)
class ImageHeader:
    """Size and orientation of an image, known without decoding it.

    Attributes:
        size: Height and width in pixels, upright, as `read_image` decodes it.
        orientation: EXIF orientation (1–8) that turns the stored pixels, 1 by default.
    """

    size: tuple[int, int]
    orientation: int = 1


@dataclass(frozen=True)
class UprightImage:
    """Image as a viewer shows it.

    Attributes:
        pixels: Upright, shape (H, W, 3), RGB, 0–255.
        orientation: EXIF orientation (1–8) that has been applied to the stored pixels.
    """

    pixels: Pixels
    orientation: int = 1


def read_image(path: str | Path, rules: ImageRules | None = None) -> Pixels:
    """Decode an image, turned by its EXIF orientation: masks belong to the image as people see it.

    Grey, palette and CMYK images become RGB; 16 bits per channel are scaled to 8 over their full range; transparent
    pixels get the background's colour. From an MPO file (a JPEG with a preview or a depth map behind it), the first
    image is decoded.

    Args:
        path: The file.
        rules: Limits and background.

    Returns:
        Shape (H, W, 3), RGB, uint8.

    Raises:
        InputError: The file is missing, damaged, cut short, animated, too large, has several pages or 32-bit values,
            or is not a BMP, GIF, JPEG, PNG, TIFF or WebP file.
    """
    return read_upright(path, rules).pixels


def read_upright(source: str | Path | bytes, rules: ImageRules | None = None, name: str | None = None) -> UprightImage:
    """Decode an image like `read_image`, and return how it was turned.

    Args:
        source: The file, or its content.
        rules: Limits and background.
        name: Its name in errors; the path by default.

    Raises:
        InputError: As for `read_image`.
    """
    name = name or ('image' if isinstance(source, bytes) else str(source))
    return _decode(source, rules or ImageRules(), name)


def read_header(path: str | Path) -> ImageHeader:
    """Read the upright size and the orientation of an image, not its pixels, which may be damaged.

    Raises:
        InputError: The file is missing or not a BMP, GIF, JPEG, PNG, TIFF or WebP file.
    """
    try:
        data = load_image_bytes(path)
        with open_header(data) as image:
            orientation = _orientation(image, data)
            # Pillow gives the upright size of a TIFF.
            is_turned = orientation >= 5 and image.format != 'TIFF'
            return ImageHeader(image.size if is_turned else image.size[::-1], orientation)
    except Exception as error:  # the bytes are untrusted, as in `_decode`
        reason = describe_error(error, 'no such file' if isinstance(error, FileNotFoundError) else '')
        raise InputError(path, f'image cannot be read ({reason})', 'copy or convert the file') from error


def stated_orientation(data: bytes) -> int:
    """Return the EXIF orientation (1–8) of an image; 1 if it has none or the bytes are not an image."""
    try:
        with open_header(data) as image:
            return _orientation(image, data)
    except Exception:  # the bytes are untrusted
        return 1


def write_image(path: str | Path, pixels: Pixels, jpeg_quality: int = 95) -> None:
    """Write an image atomically; the suffix selects the format.

    Args:
        path: The file, such as ``a.png``.
        pixels: Shape (H, W, 3), RGB, uint8.
        jpeg_quality: 0–100, for JPEG.

    Raises:
        InputError: The file cannot be written.
        ValueError: The suffix is not an image format's, or the array has another shape or type.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise ValueError(f'pixels must be (H, W, 3) uint8, got {pixels.shape} {pixels.dtype}')
    if not cv2.haveImageWriter(str(path)):
        raise ValueError(f'{path} does not have the suffix of an image format')
    with atomic_path(path) as temporary:
        is_jpeg = temporary.suffix.lower() in ('.jpg', '.jpeg')
        options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if is_jpeg else []  # OpenCV warns if it does not apply
        if not cv2.imwrite(str(temporary), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options):
            raise NotWritableError(path, 'cannot be written', 'free up space or choose another folder')


def from_array(image: NDArray[Any], name: str = 'image') -> UprightImage:
    """Convert an image that is already in memory: shape (H, W, 3) or, grey, (H, W); RGB, uint8.

    Raises:
        InputError: It has another shape or type, or no pixel.
    """
    if image.dtype != np.uint8 or not image.size or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)):
        raise InputError(name, f'must be (H, W, 3) or (H, W) uint8, got {image.shape} {image.dtype}')
    return UprightImage(np.ascontiguousarray(image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)))


def turn_upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn and mirror stored pixels, shape (H, W, …), by their EXIF orientation (1–8).

    >>> turn_upright(np.array([[1, 2], [3, 4]]), 6)  # a quarter turn clockwise
    array([[3, 1],
           [4, 2]])
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _decode(source: str | Path | bytes, rules: ImageRules, name: str) -> UprightImage:
    try:
        data = source if isinstance(source, bytes) else load_image_bytes(source)
    except FileNotFoundError:
        raise InputError(name, 'image cannot be read (no such file)') from None
    except OSError as error:
        raise InputError(name, f'image cannot be read ({error.strerror})') from error
    try:
        with open_header(data) as image:
            _check_header(image, data, name, rules)
            orientation = _orientation(image, data)
            pixels = _decode_pixels(image, data, name, rules)
            if image.format == 'TIFF':  # which Pillow itself turns when it decodes it
                return UprightImage(pixels, orientation)
    except InputError:
        raise
    except Exception as error:  # the bytes are untrusted: a decoder may fail on them in any way
        raise InputError(name, *_undecodable(error, data)) from error
    return UprightImage(turn_upright(pixels, orientation), orientation)


def load_image_bytes(path: str | Path) -> bytes:
    """Read an image file, unless it has more bytes than any image of the allowed size needs.

    Raises:
        OSError: As for `mmseg_ext.reading.load_bytes`.
    """
    return load_bytes(path, MAX_HEAD_BYTES + MAX_PIXEL_BYTES * pixel_limit())


@contextmanager
def open_header(data: bytes) -> Iterator[Image.Image]:
    """Open an image without decoding it, and without Pillow's own limit and its warnings about odd metadata.

    Raises:
        Exception: Of any kind, since the bytes are untrusted.
    """
    with PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter('ignore')
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # ours is checked next, and can be raised
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    with image:
        yield image


def check_pixels(image: Image.Image, name: str, limit: int) -> None:
    """Refuse an image whose header gives more pixels than a limit.

    Raises:
        InputError: It has more.
    """
    count = image.width * image.height
    if count > limit:
        raise InputError(
            name,
            f'has {image.width}×{image.height} pixels, more than {limit:,}',
            f'make it smaller, or raise the limit: --max-pixels {-(-count // 1_000_000)} if the command has it, '
            f'or {MAX_PIXELS_VARIABLE}={count}',
        )


def _undecodable(error: Exception, data: bytes) -> tuple[str, str]:
    """Return why bytes cannot be decoded, and what to do."""
    if isinstance(error, Image.UnidentifiedImageError) and (kind := _tiff_kind(data)):
        return _no_photograph(kind)
    return f'image cannot be decoded ({describe_error(error)}; {len(data)} bytes)', 'copy or convert the file'


def _no_photograph(kind: str) -> tuple[str, str]:
    return f'is a TIFF of {kind}, not a photograph', 'convert it to 1 or 3 bands of 8 or 16 bits'


def _tiff_kind(data: bytes) -> str:
    """Describe the pixels of a TIFF file whose kind Pillow does not decode; empty for any other file."""
    if not data.startswith(TIFF_STARTS):
        return ''
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(data[:16] if data[2:3] in b'++' else data[:8])
        stream = io.BytesIO(data)
        stream.seek(tags.next)
        tags.load(stream)
        bits, kinds, bands = tags.get(TIFF_BITS, 1), tags.get(TIFF_KIND, 1), tags.get(TIFF_BANDS, 1)
    except Exception:
        return ''
    bits, kind = (value[0] if isinstance(value, tuple) else value for value in (bits, kinds))
    return f'{bands} {"band" if bands == 1 else "bands"} of {bits}-bit {"floating-point " * (kind == TIFF_FLOAT)}values'


def describe_error(error: Exception, known: str = '') -> str:
    """Say in one line why Pillow or OpenCV does not read a file; ``known`` replaces their own words."""
    if isinstance(error, Image.UnidentifiedImageError):
        return 'damaged or not ' + ', '.join(FORMATS)
    return known or one_line(error) or type(error).__name__


def _check_header(image: Image.Image, data: bytes, name: str, rules: ImageRules) -> None:
    """Refuse an image that, by its header, would be costly or ambiguous to decode."""
    check_pixels(image, name, rules.max_pixels)
    if isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(TIFF_BANDS, 1) > MAX_TIFF_BANDS:
        raise InputError(name, *_no_photograph(_tiff_kind(data)))
    if getattr(image, 'is_animated', False) and image.format != 'MPO':
        raise InputError(name, SEVERAL_PAGES, 'save the intended page as its own file')
    if image.mode in WIDE_MODES and not (image.mode == 'I' and image.format == 'PNG'):
        raise InputError(name, 'holds 32-bit values of unknown range', 'convert it to 8 or 16 bits')


def _orientation(image: Image.Image, data: bytes) -> int:
    if image.format == 'PNG' and 'exif' not in image.info:
        # It may come last: Pillow decodes everything to find out.
        is_large = image.width * image.height > pixel_limit()
        if is_large or not any(mark in data for mark in PNG_ORIENTATION_MARKS):
            return 1
    try:
        with PILLOW_LOCK, warnings.catch_warnings():
            warnings.simplefilter('ignore')
            value = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # a damaged EXIF header is no reason to refuse the image
        return 1
    return value if value in range(1, 9) else 1


def _decode_pixels(image: Image.Image, data: bytes, name: str, rules: ImageRules) -> Pixels:
    if image.mode in ('L', 'RGB') and image.format in OPENCV_FORMATS and 'transparency' not in image.info:
        # OpenCV silently fills the missing part of a JPEG with grey, and prints a warning for a truncated PNG. A
        # complete file has its end marker near the end, unless a phone has appended a video.
        for file_format, (start, end) in START_AND_END.items():
            if data.startswith(start) and end not in data[-1024:]:
                try:
                    image.load()
                except OSError as error:
                    problem = f'image is cut short (no end of {file_format} data)'
                    raise InputError(name, problem, 'copy the file again') from error
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        if pixels is not None:
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
    if image.mode.startswith('I'):  # 16-bit grey; older releases of Pillow use mode I for it in a PNG
        values = np.asarray(image).astype(np.uint32).clip(0, 65535)
        return np.repeat(((values + 128) // 257).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode in ALPHA_MODES or 'transparency' in image.info:
        backdrop = Image.new('RGBA', image.size, (*rules.background, 255))
        image = Image.alpha_composite(backdrop, image.convert('RGBA'))
    return np.asarray(image.convert('RGB'), np.uint8).copy()
