"""Grey PNG files of 1 to 8 bits per pixel, which Pillow reads but does not write."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def write_grey_png(path: Path, values: NDArray[np.integer], bits: int) -> None:
    height, width = values.shape
    rows = (values.astype(np.uint8)[..., None] >> np.arange(bits)[::-1]) & 1
    packed = np.packbits(rows.reshape(height, -1), axis=1)
    lines = b''.join(b'\0' + row.tobytes() for row in packed)
    header = struct.pack('>IIBBBBB', width, height, bits, 0, 0, 0, 0)
    chunks = [(b'IHDR', header), (b'IDAT', zlib.compress(lines)), (b'IEND', b'')]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n'
        + b''.join(
            struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )
