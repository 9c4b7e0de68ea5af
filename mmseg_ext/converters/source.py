"""Looking at a source: is it all there, and what do its files hold?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError


def find_folder(source: str | Path, *candidates: str) -> Path:
    """The first of some folders below ``source`` that exists; `*` may stand in their names.

    Raises:
        InputError: None does; the message names the first.
    """
    source = Path(source)
    if not source.is_dir():
        raise InputError(f'{source}: folder not found; name the folder into which the archive was unpacked')
    for candidate in candidates:
        found = sorted(path for path in source.glob(candidate) if path.is_dir())
        if found:
            return found[0]
    raise InputError(f'{source / candidates[0]}: not found; unpack the whole archive into {source}')


def require_files(paths: Iterable[Path]) -> None:
    """Make sure that files are there and not empty.

    Raises:
        InputError: Some are missing, as in a half-unpacked archive; the message names the first and counts the rest.
    """
    every = list(paths)
    missing = [path for path in every if not path.is_file() or path.stat().st_size == 0]
    if missing:
        problem = 'is empty' if missing[0].is_file() else 'not found'
        rest = f' (and {len(missing) - 1} more of {len(every)} files)' if len(missing) > 1 else ''
        raise InputError(f'{missing[0]}: {problem}{rest}; the source is not complete, unpack the archive anew')


def read_lines(path: Path) -> list[str]:
    """The lines of a list in a source, without comments (``#``) and empty ones.

    Raises:
        InputError: The file is missing, is no text, or holds no line.
    """
    require_files([path])
    try:
        lines = path.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: cannot be read as text ({error}); unpack the archive anew') from error
    lines = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith('#')]
    if not lines:
        raise InputError(f'{path}: holds no entry; unpack the archive anew')
    return lines


def read_foreground(path: Path) -> NDArray[np.bool_]:
    """Read a black-and-white picture of any mode as a mask: True where its brightest channel is 128 or more.

    Returns:
        Shape (H, W).

    Raises:
        InputError: The file cannot be read.
    """
    bright: NDArray[np.bool_] = read_image(path).max(axis=2) >= 128
    return bright


def check_size(path: Path, image: NDArray[np.uint8], mask: Mask | NDArray[np.bool_]) -> None:
    """Make sure that an image and its mask are of one size.

    Raises:
        InputError: They are not.
    """
    if image.shape[:2] != mask.shape:
        raise InputError(
            f'{path}: is {image.shape[1]}×{image.shape[0]} pixels, its mask {mask.shape[1]}×{mask.shape[0]} '
            '(width×height); unpack the archive anew'
        )
