"""Writing and finding of checkpoint files, which are written atomically and hold only plain data.

`mmseg_ext.runs.checkpoint_file` reads them.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path
from mmseg_ext.runs.layout import INTERRUPTED_CHECKPOINT, LAST_CHECKPOINT

_STEP_FILE = re.compile(r'(epoch|iter)_(\d+)\.pth')
_LEFTOVER = re.compile(r'\..+-[a-z0-9_]{8}(\.pth)?')


def save_checkpoint_file(checkpoint: Mapping[str, Any], path: str | Path) -> None:
    """Write a checkpoint of plain values atomically.

    Args:
        checkpoint: Tensors, numbers, strings and containers of them; see `to_plain`.
        path: The file to write or replace.

    Raises:
        InputError: The file cannot be written; an older file of that name stays as it was.
    """
    with atomic_path(path) as temporary, temporary.open('wb') as stream:
        try:
            torch.save(dict(checkpoint), stream)
        except RuntimeError as error:  # torch's archive writer hides the system's error behind one of its own
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise


def to_plain(value: Any, name: str = 'checkpoint') -> Any:
    """Convert NumPy values, paths, sets and configs to what the restricted unpickler reads; move tensors to the CPU.

    Args:
        value: The value. Dictionaries and lists are rebuilt; tuples stay tuples.
        name: Where the value is, for the message.

    Raises:
        TypeError: It holds an object that is not data.

    >>> to_plain({'path': Path('a'), 'scores': np.array([1.5, 2.0]), 'seeds': {2, 1}})
    {'path': 'a', 'scores': [1.5, 2.0], 'seeds': [1, 2]}
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
    """Add the versions of its modules to a model's state; torch uses them to convert older files."""
    result = OrderedDict(state)
    result._metadata = OrderedDict(versions)  # type: ignore[attr-defined]
    return result


def checkpoints_newest_first(work_dir: str | Path) -> list[Path]:
    """List the ``epoch_N.pth`` or ``iter_N.pth`` files of a run, newest first, and ``interrupted.pth`` before them.

    The pointer file ``last_checkpoint`` names the newest; the others are the earlier ones of the same kind. Files of a
    higher step belong to an earlier run in the same folder and are left out. So is an ``interrupted.pth`` that the
    pointer does not name: the training has continued since. Without a pointer, ``interrupted.pth`` comes first, then
    the highest step.
    """
    work_dir = Path(work_dir)
    found = [
        (match[1], int(match[2]), path) for path in work_dir.glob('*.pth') if (match := _STEP_FILE.fullmatch(path.name))
    ]
    pointer, interrupted = work_dir / LAST_CHECKPOINT, work_dir / INTERRUPTED_CHECKPOINT
    named = Path(pointer.read_text(encoding='utf-8', errors='replace').strip()).name if pointer.is_file() else ''
    if match := _STEP_FILE.fullmatch(named):
        found = [(kind, step, path) for kind, step, path in found if kind == match[1] and step <= int(match[2])]
    leads = match is None and interrupted.is_file()
    return [interrupted] * leads + [path for _, _, path in sorted(found, reverse=True)]


def last_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the newest checkpoint of a run, or None. If it is damaged, a resumed run takes the previous one."""
    return next(iter(checkpoints_newest_first(work_dir)), None)


def find_best(path: str | Path) -> Path:
    """Return the best checkpoint of a work dir; a path that is not a folder is returned as it is.

    Raises:
        InputError: There is no such path, or the folder holds best checkpoints of no or of several metrics.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(path, 'no such checkpoint', 'give a .pth file or the work dir of a run')
    if not path.is_dir():
        return path
    found = sorted(path.glob('best_*.pth'))
    if len(found) != 1:
        names = ', '.join(file.name for file in found) or 'none'
        raise InputError(path, f'should hold one best_*.pth, holds {names}', 'give the checkpoint itself')
    return found[0]


def remove_leftovers(work_dir: str | Path) -> None:
    """Remove the temporary files that a killed run left in its folder."""
    for path in Path(work_dir).glob('.*'):
        if _LEFTOVER.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)
