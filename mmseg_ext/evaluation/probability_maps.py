"""Files of class probabilities: ``<stem>.npz`` with the array ``probabilities``, shape (K, H, W).

A test writes uint8, in steps of 1/255, to keep the files of whole splits small. A prediction writes
float16, 0–1, which other programs can use as it is.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError, one_line
from mmseg_ext.files import atomic_path

QUANTIZATION_STEPS = 255
MAX_BYTES = 4 << 30  # of one image; noise hardly compresses, zeros a thousandfold


def save_probabilities(path: str | Path, probabilities: NDArray[np.floating], *, half: bool = False) -> None:
    """Write the probabilities of an image, compressed.

    Args:
        path: The file.
        probabilities: Shape (K, H, W), 0–1.
        half: False: in steps of 1/255, about 20 kB for 256×256 and three classes. True: as float16, accurate to 0.0003,
            about 200 kB; uncompressed it would be 2 K H W bytes.

    Raises:
        InputError: The file cannot be written.
    """
    if half:
        stored: NDArray[Any] = probabilities.astype(np.float16)
    else:
        stored = np.round(probabilities * QUANTIZATION_STEPS).astype(np.uint8)
    with atomic_path(path) as temporary, temporary.open('wb') as stream:
        np.savez_compressed(stream, probabilities=stored)


def load_probabilities(paths: Sequence[str | Path]) -> NDArray[np.float32]:
    """Average the stored probabilities of several models for one image.

    Returns:
        Shape (K, H, W), float32, 0–1; each pixel's probabilities sum to 1.

    Raises:
        InputError: A file is missing, damaged, or holds no such array.
    """
    total: Any = 0.0
    for path in paths:
        total = total + _load(path)
    result: NDArray[np.float32] = total / total.sum(axis=0, keepdims=True)
    return result


def _load(path: str | Path) -> NDArray[np.float32]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = archive.getinfo('probabilities.npy').file_size
            if size > MAX_BYTES:
                raise ValueError(f'they would unpack to {size:,} bytes')
        with np.load(path, allow_pickle=False) as content:
            stored = content['probabilities']
    except Exception as error:  # the bytes are untrusted, and NumPy reads their header with Python's tokenizer
        raise InputError(
            path, f'probabilities cannot be read ({one_line(error)[:300]})', 'write the result again'
        ) from error
    if not isinstance(stored, np.ndarray):
        raise InputError(path, 'holds no probability array', 'write the result again')
    if stored.ndim != 3 or stored.dtype not in (np.uint8, np.float16) or not _is_usable(stored):
        raise InputError(
            path,
            f'probabilities are {stored.dtype} {stored.shape}, expected uint8 or float16 (K, H, W) with at least one '
            'class above 0 at each pixel',
            'write the result again',
        )
    return stored.astype(np.float32) * (1 if stored.dtype == np.uint8 else QUANTIZATION_STEPS)


def _is_usable(stored: NDArray[Any]) -> bool:
    """Return whether all values are finite and not negative, and some class is above 0 at each pixel."""
    return not len(stored) or bool((np.isfinite(stored) & (stored >= 0)).all() and stored.any(axis=0).all())
