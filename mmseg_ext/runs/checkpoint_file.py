"""Reading of checkpoint files that cannot run code: ``torch.load`` with ``weights_only=True`` and nothing else.

`mmseg_ext.engine.mmengine_internals.strict_loading` puts these functions in place of mmengine's.
"""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from mmseg_ext.errors import InputError
from mmseg_ext.reading import names_file
from mmseg_ext.weights.download import download

MAX_INFLATION = 10  # unpacked bytes per byte of the file; torch.save does not compress, and noise hardly does
CHUNK_BYTES = 1 << 20

MapLocation = str | torch.device | Callable[..., Any] | None


def _history_statistic(owner: Any, name: str) -> Any:
    """Stand for ``getattr`` in a file: mmengine's logs ask for four methods by it, and foreign code for anything."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'mean', 'current'):
        raise UnpicklingError('GLOBAL getattr of something other than a logged history')
    return getattr(owner, name)


# Types in mmengine's own checkpoints, besides tensors (NumPy 1 had another name for two of them).
_RECONSTRUCT, _SCALAR = np._core.multiarray._reconstruct, np._core.multiarray.scalar  # type: ignore[attr-defined]
_DATA_TYPES: list[Any] = [
    *((_RECONSTRUCT, f'numpy.{core}.multiarray._reconstruct') for core in ('core', '_core')),
    *((_SCALAR, f'numpy.{core}.multiarray.scalar') for core in ('core', '_core')),
    *{type(np.dtype(code)) for code in '?bBhHiIlLqQefd'},
    np.ndarray,
    np.dtype,
    HistoryBuffer,
    (_history_statistic, 'builtins.getattr'),
]


def load_checkpoint_file(path: str | Path, map_location: MapLocation = 'cpu') -> dict[str, Any]:
    """Read a checkpoint without running code from it.

    Args:
        path: A file written by `mmseg_ext.engine`, mmengine or ``torch.save``.
        map_location: Where the tensors go, as in ``torch.load``.

    Returns:
        The dictionary in the file.

    Raises:
        InputError: The file is missing, damaged, no checkpoint, or needs code to be read.
    """
    path = Path(path).expanduser()
    if not names_file(path):
        raise InputError(path, 'no such checkpoint file', 'correct the path, as in `load_from:` or `checkpoint:`')
    checkpoint = load_strictly(path, map_location)
    if not isinstance(checkpoint, dict):
        raise InputError(path, f'holds a {type(checkpoint).__name__}, not a dictionary of weights', 'pass a checkpoint')
    return checkpoint


def load_strictly(file: Any, map_location: MapLocation = None, weights_only: bool | None = None) -> Any:
    """Call ``torch.load`` with ``weights_only=True``, whatever is asked for, after checking the file's checksums.

    torch itself reads a file with flipped bits or lost blocks without a word.

    Args:
        file: A path or an open binary file.
        map_location: As in ``torch.load``.
        weights_only: Not used; mmengine's function, whose place this one takes, has it.

    Raises:
        InputError: The file is missing, damaged, or needs code to be read.
    """
    del weights_only
    with _reading('checkpoint' if isinstance(file, io.IOBase) else str(file)):
        _check_archive(file)
        return torch.load(file, map_location=map_location, weights_only=True)


def load_url_strictly(
    url: str, model_dir: str | None = None, map_location: MapLocation = None, progress: bool = True
) -> dict[str, Any]:
    """Download a checkpoint into torch's cache, unless it is there, and read it as `load_checkpoint_file` does.

    Args:
        url: Its address.
        model_dir: Another folder than torch's cache.
        map_location: As in ``torch.load``.
        progress: Not used; mmengine's function, whose place this one takes, has it.

    Raises:
        DownloadError: It cannot be downloaded.
        InputError: The file is damaged, or needs code to be read.
    """
    del progress
    with _reading(url):
        folder = Path(model_dir or Path(torch.hub.get_dir(), 'checkpoints'))
        path = folder / Path(urlsplit(url).path).name
        if not path.is_file():
            download(url, path)
        try:
            return load_checkpoint_file(path, map_location)
        except InputError as error:
            raise InputError(url, f'{error.problem}; it was downloaded to {path}', 'remove that file') from error


def _check_archive(file: Any) -> None:
    """Compare the parts of a checkpoint with their CRC-32; files of before torch 1.6 are no archives and have none.

    Raises:
        InputError: The parts would unpack to far more than the file.
        zipfile.BadZipFile: A part is damaged.
    """
    start = file.tell() if isinstance(file, io.IOBase) else 0
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        stored, unpacked = sum(part.compress_size for part in parts), sum(part.file_size for part in parts)
        if unpacked > MAX_INFLATION * stored:
            raise InputError(
                file,
                f'would unpack from {stored:,} to {unpacked:,} bytes, so it is not read',
                'ask its author for another',
            )
        for part in parts:
            with archive.open(part) as stream:
                while stream.read(CHUNK_BYTES):
                    pass
    if isinstance(file, io.IOBase):
        file.seek(start)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Allow plain data to the unpickler, and re-raise what goes wrong as one line."""
    try:
        with torch.serialization.safe_globals(_DATA_TYPES), warnings.catch_warnings():
            warnings.filterwarnings('ignore', message='Detected pickle protocol')  # such a file is read all the same
            yield
    except UnpicklingError as error:
        if any(word in str(error) for word in ('GLOBAL', 'Can only', 'reduce')):  # a class or a function is asked for
            raise InputError(
                name,
                'holds pickled objects, which could run code, so it is not read',
                'ask its author for a file with tensors only (torch.save(model.state_dict(), …))',
            ) from error
        raise InputError(name, 'is not a checkpoint, or is damaged', 'copy or train it again') from error
    except InputError:
        raise
    except Exception as error:  # a damaged pickle may ask the unpickler for anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(name, f'is a damaged or unreadable checkpoint ({reason})', 'copy or train it again') from error
