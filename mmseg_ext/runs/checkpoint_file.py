"""Checkpoint files that cannot run code: read with ``weights_only=True`` and nothing else.

mmengine reads a file with the restricted unpickler first and, when that refuses, with the unrestricted one, which runs
whatever code a foreign file holds; what it downloads (``http://``, ``torchvision://``, ``open-mmlab://``) it reads
without restriction at once. `install_strict_loader` replaces the two functions that all its ways end in (``load_from``,
``--resume``, ``init_cfg=dict(type='Pretrained', …)``, ``mmengine.runner.load_checkpoint``); registering another loader
for local paths alone would leave the other schemes open. `mmseg_ext.registry` installs it, which every plug-in imports.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.error import HTTPError, URLError

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint as mmengine_checkpoint

from mmseg_ext.errors import InputError

MapLocation = str | torch.device | Callable[..., Any] | None


class DownloadError(InputError):
    """A checkpoint's address cannot be reached, or holds no file."""


def _history_statistic(owner: Any, name: str) -> Any:
    """What stands for ``getattr`` in a file: mmengine's logs ask for four methods by it, and code for anything."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'mean', 'current'):
        raise UnpicklingError('GLOBAL getattr of something else than a logged history')
    return getattr(owner, name)


# What mmengine's own checkpoints hold beside tensors (NumPy 1 had another name for two of them).
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
    if not path.is_file():
        raise InputError(f'{path}: no such checkpoint file')
    checkpoint = _strict_load(path, map_location)
    if not isinstance(checkpoint, dict):
        raise InputError(f'{path}: holds a {type(checkpoint).__name__}, not a dictionary of weights; pass a checkpoint')
    return checkpoint


def _strict_load(file: Any, map_location: MapLocation = None, weights_only: bool | None = None) -> Any:
    """``torch.load`` that is always strict, with mmengine's signature (``weights_only`` cannot open it up)."""
    del weights_only
    with _reading('checkpoint' if isinstance(file, io.IOBase) else str(file)):
        return torch.load(file, map_location=map_location, weights_only=True)


def _strict_load_url(url: str, map_location: MapLocation = None, **options: Any) -> Any:
    """Download (once) and read a checkpoint; ``torch.hub`` by itself reads it with ``weights_only=False``."""
    with _reading(url):
        try:
            return torch.hub.load_state_dict_from_url(url, map_location=map_location, weights_only=True, **options)
        except (URLError, TimeoutError, ConnectionError) as error:
            reason = error if isinstance(error, HTTPError) else getattr(error, 'reason', error)
            raise DownloadError(f'{url}: cannot be downloaded ({reason}); check the address and the network') from error


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Allow plain data to the unpickler, and turn what goes wrong into one line."""
    try:
        with torch.serialization.safe_globals(_DATA_TYPES), warnings.catch_warnings():
            warnings.filterwarnings('ignore', message='Detected pickle protocol')  # what can be read is read
            yield
    except UnpicklingError as error:
        if any(word in str(error) for word in ('GLOBAL', 'Can only', 'reduce')):  # a class or a function is asked for
            raise InputError(
                f'{name}: holds pickled objects, which could run code, so it is not read; '
                f'ask its author for a file of tensors only (torch.save(model.state_dict(), …))'
            ) from error
        raise InputError(f'{name}: not a checkpoint, or a damaged one; copy or train it again') from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f'{name}: damaged or unreadable checkpoint ({reason}); copy or train it again') from error


def install_strict_loader() -> None:
    """Make every checkpoint that mmengine reads go through the strict loader. Called by `mmseg_ext.registry`."""
    mmengine_checkpoint._safe_torch_load = _strict_load
    mmengine_checkpoint.load_url = _strict_load_url
    mmengine_checkpoint.CheckpointLoader.register_scheme('', loader=load_from_local, force=True)


def load_from_local(filename: str, map_location: MapLocation = None) -> dict[str, Any]:
    """Load a local path for mmengine, which prints this function's name without ``load_from_``."""
    return load_checkpoint_file(filename, map_location)
