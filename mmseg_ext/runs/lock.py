"""A lock on a work dir that ends with its process."""

from __future__ import annotations

import errno
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mmseg_ext.errors import InputError
from mmseg_ext.files import make_folder
from mmseg_ext.runs.layout import LOCK

if sys.platform != 'win32':
    import fcntl

_held: set[Path] = set()


def _print_warning(text: str) -> None:
    print(f'warning: {text}', file=sys.stderr)


@contextmanager
def work_dir_lock(
    work_dir: str | Path, warn: Callable[[str], object] = _print_warning, argument: str = 'work_dir'
) -> Iterator[None]:
    """Hold a work dir, or the folder of several, against processes on this machine and on others that share the folder.

    The lock is a POSIX record lock on ``<work dir>/.lock``, which the system takes from a process that ends, however it
    ends. Unlike ``flock``, which most libraries use, it is not inherited: the workers of a killed training, which live
    on for some seconds, do not hold it. Where the system knows no such locks (Windows, a network folder without a lock
    service), there is a warning and no lock. The process that holds it may enter the context again.

    Args:
        work_dir: The folder, which is made if it is missing.
        warn: Is told why there is no lock.
        argument: The argument that names the folder, for the error.

    Raises:
        InputError: Another process holds it.
    """
    folder = make_folder(work_dir).resolve()
    if folder in _held:
        yield
        return
    handle = _acquire(folder / LOCK, work_dir, warn, argument)
    _held.add(folder)
    try:
        yield
    finally:
        _held.discard(folder)
        if handle is not None:
            (folder / LOCK).unlink(missing_ok=True)  # before it is released: who opens it later makes a new one
            os.close(handle)


def _acquire(path: Path, work_dir: str | Path, warn: Callable[[str], object], argument: str) -> int | None:
    """Lock the file and write into it who holds it; return its descriptor, or None where that is not possible."""
    if sys.platform == 'win32':
        warn(f'{work_dir}: not locked, since this needs POSIX; do not start two trainings in it')
        return None
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise InputError(path, f'cannot be written ({error.strerror})', f'choose another `{argument}`') from error
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(handle, 1000, 0)
            os.close(handle)
            if error.errno in (errno.EACCES, errno.EAGAIN):
                problem = f'in use by {_describe(holder)}'
                raise InputError(
                    work_dir, problem, f'wait until it ends, stop it, or choose another `{argument}`'
                ) from error
            warn(f'{work_dir}: not locked ({error.strerror}); do not start two trainings in it')
            return None
        try:
            is_current = os.fstat(handle).st_ino == path.stat().st_ino  # else its holder has removed it since
        except FileNotFoundError:
            is_current = False
        if is_current:
            break
        os.close(handle)
    since = datetime.now(UTC).isoformat(timespec='seconds')
    os.truncate(handle, 0)
    os.pwrite(handle, json.dumps({'id': os.getpid(), 'host': platform.node(), 'since': since}).encode(), 0)
    return handle


def _describe(holder: bytes) -> str:
    try:
        content = json.loads(holder)
        return f'process {int(content["id"])} on host {content["host"]} since {content["since"]}'
    except (ValueError, TypeError, KeyError):  # it has just begun to write
        return 'another process'
