"""Decoding of photographs."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mmseg_ext.errors import InputError

JPEG_START, JPEG_END = b'\xff\xd8', b'\xff\xd9'


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """Decode a photograph; EXIF rotation is not applied, since masks are drawn on the pixels as they are stored.

    Returns:
        Array of shape (H, W, 3), BGR, uint8.

    Raises:
        InputError: The file is missing, cut short, or no image.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f'{path}: image cannot be read ({error.strerror})') from error
    # OpenCV fills what is missing of a JPEG with grey and says nothing; a complete one has the end marker near its end.
    if data.startswith(JPEG_START) and JPEG_END not in data[-1024:] and _is_cut_short(data):
        raise InputError(f'{path}: image is cut short (no end of JPEG data); copy the file anew')
    image = None
    if data:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        raise InputError(
            f'{path}: image cannot be decoded (damaged or no image, {len(data)} bytes); copy the file anew'
        )
    return image


def _is_cut_short(data: bytes) -> bool:
    """Ask Pillow whether a JPEG ends early; phones append films to complete ones, and the end marker stands before."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except OSError:
        return True
    return False
