"""One-line errors for faults of a config, the data or the disk."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from mmseg_ext.engine.loader_memory import too_little_memory
from mmseg_ext.engine.mmengine_internals import part_in_construction, strict_loading
from mmseg_ext.errors import InputError, one_line

T = TypeVar('T')

UNKNOWN_TYPE = re.compile(r'([\w.]+) is not in the ([\w:. ]+? registry)')
# torch re-raises a worker's error with the worker's traceback as its message, which ends in the error's own text.
WORKER_ERROR = re.compile(
    r'^Caught InputError in DataLoader worker.*^mmseg_ext\.errors\.InputError: ', re.DOTALL | re.M
)
MAX_REASON = 160  # characters of torch's message, which may hold the traceback of a worker
DISK_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ENAMETOOLONG}
)


# torch's messages if workers cannot hand over their batches, besides an OSError from multiprocessing.
SHARED_MEMORY = re.compile(r'shared memory|</torch_|Bus error|ancdata')


def guarded(action: Callable[[], T], folder: str | Path = 'a file of the run') -> T:
    """Re-raise config and data errors as one-line InputErrors.

    mmengine builds datasets, models and hooks late, so a wrong argument in a config shows as an exception deep in
    its registry. When a data loader's worker raises an error, torch puts the worker's traceback into the message.
    The action runs under `strict_loading`.

    Args:
        action: What to run.
        folder: Where it writes, for disk errors that name no file.

    Returns:
        The result of the action.

    Raises:
        InputError: A ``type`` is in no registry, a part does not take the arguments that the config gives it, a worker
            met unusable data, or a file cannot be opened or written.
    """
    try:
        with strict_loading():
            return action()
    except InputError as error:
        message = without_worker(error)
        if message == str(error):
            raise
        raise InputError(one_line(message)) from error
    except (TypeError, ValueError, AssertionError, KeyError) as error:
        part = part_in_construction(error.__traceback__)
        if part is None:
            raise
        unknown = UNKNOWN_TYPE.search(str(error)) if isinstance(error, KeyError) else None
        if unknown is not None:
            raise InputError(
                'config', f'type={unknown[1]!r} is not known ({unknown[2]})', 'check its spelling'
            ) from error
        raise InputError(f'config: {part}', one_line(error), 'correct the arguments there') from error
    except (OSError, RuntimeError) as error:
        if lacks_shared_memory(error):
            raise too_little_memory(one_line(error)[:MAX_REASON]) from error
        if not isinstance(error, OSError):
            raise
        if error.errno not in DISK_ERRORS:
            raise
        if error.errno in (errno.EACCES, errno.EPERM) and _exists_outside(error.filename, folder):
            raise InputError(error.filename, f'cannot be opened ({error.strerror})', 'check its permissions') from error
        raise InputError(
            error.filename or folder,
            f'cannot be written ({error.strerror})',
            'free up space or choose another folder',
        ) from error


def _exists_outside(filename: Any, folder: str | Path) -> bool:
    """Return whether a file that could not be opened is none of the run's own, and so perhaps only read."""
    return isinstance(filename, str) and Path(filename).exists() and not Path(filename).is_relative_to(folder)


def without_worker(error: BaseException) -> str:
    """Return the message of an error without the traceback of the data loader's worker that raised it.

    >>> without_worker(InputError('mask.png', 'cannot be read'))
    'mask.png: cannot be read'
    """
    return WORKER_ERROR.sub('', str(error))


def lacks_shared_memory(error: BaseException) -> bool:
    """Return whether the workers of a data loader found too little shared memory.

    The system gives the same error as for a full disk; only the place where it was raised tells the two apart.
    """
    if isinstance(error, RuntimeError):
        return bool(SHARED_MEMORY.search(str(error)))
    if getattr(error, 'errno', None) != errno.ENOSPC or getattr(error, 'filename', None) is not None:
        return False
    traceback, found = error.__traceback__, False
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get('__name__') == 'torch.utils.data.dataloader':
            found = True
            loading = frame.f_locals.get('self')
            if not hasattr(loading, '_shutdown'):  # half built: torch would print a traceback when it is deleted
                loading._shutdown = True  # type: ignore[union-attr]
        traceback = traceback.tb_next
    return found
