"""Completeness and content of the files of a source."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.dataset import IMAGE_SUFFIXES
from mmseg_ext.data.images import read_header, read_image, read_upright
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError, one_line
from mmseg_ext.reading import names_file, read_entries

UNPACK_AGAIN = 'unpack the archive again'
INCOMPLETE = f'the source is incomplete, {UNPACK_AGAIN}'


def find_folder(source: str | Path, *candidates: str) -> Path:
    """Return the first of the candidate folders below ``source`` that exists; their names may hold ``*``.

    Raises:
        InputError: None exists; the message names the first.
    """
    source = Path(source)
    if not source.is_dir():
        raise InputError(source, 'folder not found', 'give the folder into which the archive was unpacked')
    for candidate in candidates:
        found = sorted(path for path in source.glob(candidate) if path.is_dir())
        if found:
            return found[0]
    raise InputError(source / candidates[0], 'not found', f'unpack the whole archive into {source}')


def require_files(paths: Iterable[Path], remedy: str = INCOMPLETE) -> None:
    """Check that files are there and not empty.

    Raises:
        InputError: Some are missing, as in a half-unpacked archive; the message names the first and counts the rest.
    """
    paths = list(paths)
    missing = [path for path in paths if not names_file(path) or path.stat().st_size == 0]
    if missing:
        problem = 'is empty' if names_file(missing[0]) else 'not found'
        rest = f' (and {len(missing) - 1} more of {len(paths)} files)' if len(missing) > 1 else ''
        raise InputError(missing[0], f'{problem}{rest}', remedy)


def read_lines(path: Path, names: Collection[str] = ()) -> list[str]:
    """Read the lines of a list in a source (`read_entries`).

    Args:
        path: The list.
        names: Lines that are not comments although they begin with ``#``.

    Raises:
        InputError: The file is missing, is not text, or holds no line.
    """
    require_files([path])
    lines = list(read_entries(path, names).values())
    if not lines:
        raise InputError(path, 'has no entries', UNPACK_AGAIN)
    return lines


def not_text(path: str | Path, error: Exception) -> InputError:
    """Return the error for a text file that cannot be read."""
    remedy = 'save it as UTF-8' if isinstance(error, UnicodeDecodeError) else UNPACK_AGAIN
    return InputError(path, f'cannot be read as text ({one_line(error)})', remedy)


def read_foreground(path: Path) -> NDArray[np.bool_]:
    """Read a black-and-white image of any mode as a mask: True where its brightest channel is 128 or more.

    Returns:
        Shape (H, W).

    Raises:
        InputError: The file cannot be read.
    """
    bright: NDArray[np.bool_] = read_image(path).max(axis=2) >= 128
    return bright


def check_size(path: Path, image: NDArray[np.uint8], mask: Mask | NDArray[np.bool_]) -> None:
    """Check that an image and its mask have the same size.

    Raises:
        InputError: They do not.
    """
    if image.shape[:2] != mask.shape:
        sizes = f'{image.shape[1]}×{image.shape[0]} pixels, its mask {mask.shape[1]}×{mask.shape[0]} (width×height)'
        raise InputError(path, f'is {sizes}', f'use the image that was annotated, or {UNPACK_AGAIN}')


def upright_suffix(path: Path) -> str:
    """Return the suffix under which to store `upright_image`: ``.png`` if it must be turned."""
    try:
        turned = read_header(path).orientation != 1
    except InputError:  # which `upright_image` reports
        turned = False
    return '.png' if turned else path.suffix.lower()


def upright_image(path: Path) -> tuple[NDArray[np.uint8] | Path, tuple[int, int], int]:
    """Return an image as annotation tools show it.

    Returns:
        The path, if the file can be copied, or upright pixels, RGB (H, W, 3), if it has an EXIF orientation;
        height and width; the orientation (1–8).

    Raises:
        InputError: The file is missing, damaged, or in a format that a data set does not support.
    """
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise InputError(path, f'is not one of {", ".join(IMAGE_SUFFIXES)}', 'convert it')
    pixels, orientation = read_upright(path).pixels, read_header(path).orientation
    return (path if orientation == 1 else pixels), (pixels.shape[0], pixels.shape[1]), orientation
