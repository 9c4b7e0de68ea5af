"""Checkpoint files that cannot run code: written whole or not at all, read with ``weights_only=True`` and nothing else.

mmengine reads a file with the restricted unpickler first and, when that refuses, with the unrestricted one, which runs
whatever code a foreign file holds; what it downloads (``http://``, ``torchvision://``, ``open-mmlab://``) it reads
without restriction at once. `install_strict_loader` replaces the two functions that all its ways end in (``load_from``,
``--resume``, ``init_cfg=dict(type='Pretrained', …)``, ``mmengine.runner.load_checkpoint``); registering another loader
for local paths alone would leave the other schemes open.
"""

from __future__ import annotations

import io
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint as mmengine_checkpoint

from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path

MapLocation = str | torch.device | Callable[..., Any] | None


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
_STEP_FILE = re.compile(r'(epoch|iter)_(\d+)\.pth')
_LEFTOVER = re.compile(r'\..+-[a-z0-9_]{8}(\.pth)?')
POINTER = 'last_checkpoint'


def load_checkpoint_file(path: str | Path, map_location: MapLocation = 'cpu') -> dict[str, Any]:
    """Read a checkpoint without running code from it.

    Args:
        path: A file written by `save_checkpoint_file`, mmengine or ``torch.save``.
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
        return torch.hub.load_state_dict_from_url(url, map_location=map_location, weights_only=True, **options)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Allow plain data to the unpickler, and turn what goes wrong into one line."""
    try:
        with torch.serialization.safe_globals(_DATA_TYPES):
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
    """Make every checkpoint that mmengine reads go through the strict loader. Called when the package is imported."""
    mmengine_checkpoint._safe_torch_load = _strict_load
    mmengine_checkpoint.load_url = _strict_load_url
    mmengine_checkpoint.CheckpointLoader.register_scheme('', loader=load_from_local, force=True)


def load_from_local(filename: str, map_location: MapLocation = None) -> dict[str, Any]:
    """Load a local path for mmengine, which prints this function's name without ``load_from_``."""
    return load_checkpoint_file(filename, map_location)


def save_checkpoint_file(checkpoint: Mapping[str, Any], path: str | Path) -> None:
    """Write a checkpoint of plain values atomically.

    Args:
        checkpoint: Tensors, numbers, strings and containers of them; see `to_plain`.
        path: The file to write or replace.

    Raises:
        InputError: The file cannot be written; an older file of that name is then as it was.
    """
    with atomic_path(path) as temporary, temporary.open('wb') as stream:
        try:
            torch.save(dict(checkpoint), stream)
        except RuntimeError as error:  # torch's archive writer hides the system's error behind one of its own
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise


def to_plain(value: Any, name: str = 'checkpoint') -> Any:
    """Turn NumPy values, paths, sets and configs into what the restricted unpickler reads; tensors go to the CPU.

    Args:
        value: What to convert. Dictionaries and lists are rebuilt; tuples stay tuples.
        name: Where the value stands, for the message.

    Raises:
        TypeError: An object that is not data.
    """
    if value is None or type(value) in (bool, int, float, complex, str, bytes, torch.dtype):
        return value
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        plain = {to_plain(key, name): to_plain(item, f'{name}.{key}') for key, item in value.items()}
        return plain if not hasattr(value, '_metadata') else _with_versions(plain, value._metadata)
    if isinstance(value, tuple):
        return tuple(to_plain(item, name) for item in value)
    if isinstance(value, list):
        return [to_plain(item, name) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(to_plain(item, name) for item in value)
    if isinstance(value, bool | int | float | str):  # subclasses (enumerations, NumPy strings) by their value
        return next(kind(value) for kind in (bool, int, float, str) if isinstance(value, kind))
    if isinstance(value, Path | torch.device):
        return str(value)
    raise TypeError(f'{name} is a {type(value).__name__}, which a checkpoint without code cannot hold')


def _with_versions(state: dict[str, Any], versions: Mapping[str, Any]) -> OrderedDict[str, Any]:
    """A model's state with the versions of its modules, by which torch converts older files."""
    result = OrderedDict(state)
    result._metadata = OrderedDict(versions)  # type: ignore[attr-defined]
    return result


def checkpoints_newest_first(work_dir: str | Path) -> list[Path]:
    """The ``epoch_N.pth`` or ``iter_N.pth`` files of a run, newest first.

    The pointer file ``last_checkpoint`` names the newest; the others are those of the same kind before it. Files of a
    higher step belong to an earlier run in the same folder and are left out. Without a pointer the highest step leads.
    """
    work_dir = Path(work_dir)
    found = [
        (match[1], int(match[2]), path) for path in work_dir.glob('*.pth') if (match := _STEP_FILE.fullmatch(path.name))
    ]
    pointer = work_dir / POINTER
    named = Path(pointer.read_text(encoding='utf-8').strip()).name if pointer.is_file() else ''
    if match := _STEP_FILE.fullmatch(named):
        found = [one for one in found if one[0] == match[1] and one[1] <= int(match[2])]
    return [path for _, _, path in sorted(found, reverse=True)]


def last_checkpoint(work_dir: str | Path) -> Path | None:
    """The newest checkpoint of a run, or ``None``. It may be damaged; ``--resume`` then takes the one before."""
    return next(iter(checkpoints_newest_first(work_dir)), None)


def remove_leftovers(work_dir: str | Path) -> None:
    """Remove the temporary files that a killed run left in its folder."""
    for path in Path(work_dir).glob('.*'):
        if _LEFTOVER.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)
