"""A perceptual hash of photographs: 256 signs of a cosine transform.

The sign of a low frequency survives compression, scaling, and changes of brightness and contrast. The idea is that of
"pHash" (C. Zauner, Implementation and benchmarking of perceptual image hash functions, 2010), here with 16×16 instead
of 8×8 frequencies, so that large sets have few chance hits.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 16
THUMBNAIL = 32
HASH_BYTES = SIDE * SIDE // 8

# Low frequencies first: they are the steadiest, and neighbouring bits make up a band of the look-up.
_ROWS, _COLUMNS = np.indices((SIDE, SIDE)).reshape(2, -1)
_ORDER = np.lexsort((_ROWS, _ROWS + _COLUMNS))


def grey_thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shrink an image of shape (H, W, 3), RGB, to 32×32, grey 0–255; its proportions are not kept."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.float32)


def photo_hash(image: NDArray[np.uint8]) -> bytes:
    """Hash an image of shape (H, W, 3), RGB, into `HASH_BYTES` bytes; similar images differ in few bits."""
    frequencies = cv2.dct(grey_thumbnail(image))[:SIDE, :SIDE].reshape(-1)[_ORDER]
    return np.packbits(frequencies > 0).tobytes()
