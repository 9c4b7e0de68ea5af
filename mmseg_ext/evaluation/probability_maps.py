"""Class probabilities of an image in a file: ``<stem>.npz`` with the array ``probabilities``, (K, H, W), uint8."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path

STEPS = 255


def save_probabilities(path: str | Path, probabilities: NDArray[np.floating]) -> None:
    """Store probabilities of shape (K, H, W), 0–1, in steps of 1/255: some 20 kB for 256×256 and three classes."""
    with atomic_path(path) as temporary, temporary.open('wb') as stream:
        np.savez_compressed(stream, probabilities=np.round(probabilities * STEPS).astype(np.uint8))


def load_probabilities(paths: Sequence[str | Path]) -> NDArray[np.float32]:
    """The mean of stored probabilities of one image by several models, shape (K, H, W), each pixel's sum 1.

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
        with np.load(path, allow_pickle=False) as content:
            stored = content['probabilities']
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f'{path}: probabilities cannot be read ({error}); write the result anew') from error
    if stored.ndim != 3 or stored.dtype != np.uint8 or (len(stored) and not stored.any(axis=0).all()):
        raise InputError(
            f'{path}: probabilities are {stored.dtype} {stored.shape}, expected uint8 (K, H, W) with a class above 0 '
            'at each pixel; write the result anew'
        )
    return stored.astype(np.float32)
