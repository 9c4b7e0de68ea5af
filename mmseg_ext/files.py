"""Files written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError

SETTINGS = 'settings.json'


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary file beside ``path`` that replaces it when the block ends without an exception.

    A reader therefore sees the old file or the complete new one, also after ``kill -9`` or a full disk.

    Args:
        path: Where the file shall stand. Its folder is made if it is missing.

    Yields:
        The temporary path (same suffix, so that writers that go by the suffix work).

    Raises:
        InputError: The folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f'.{path.stem}-', suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        with temporary.open('rb') as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise InputError(
            f'{path}: cannot be written ({error.strerror or error}); free space or choose another folder'
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def make_folder(path: str | Path) -> Path:
    """Make a folder and its parents; one that exists is fine.

    Raises:
        InputError: It cannot be made.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{path}: folder cannot be made ({error.strerror}); choose another') from error
    return path


def check_result_folder(out: str | Path, ours: Set[str], overwrite: bool = False) -> None:
    """Refuse a result folder that holds anything but an earlier result that may be replaced.

    Args:
        out: The folder; it need not exist.
        ours: The names that a result has.
        overwrite: Whether an earlier result may be replaced.

    Raises:
        InputError: It is a file, or holds other files, or an earlier result and ``overwrite`` is False.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(f'{out}: is a file; choose another --out')
    found = {path.name for path in out.iterdir()} if out.is_dir() else set()
    foreign = sorted(found - ours)
    if foreign:
        raise InputError(f'{out}: holds other files ({", ".join(foreign[:3])}); choose another --out')
    if found and not overwrite:
        raise InputError(f'{out}: holds an earlier result; replace it with --overwrite or choose another --out')


def claim_folder(out: Path, settings: Any, what: str) -> None:
    """Take a folder for work that may be interrupted, or take it up again if the settings are the same.

    Args:
        out: The folder; it is made, and ``settings.json`` in it.
        settings: What the work depends on, as JSON takes it.
        what: What the folder then holds, for the messages: ``ranking``.

    Raises:
        InputError: The folder is a file, holds something else, or the same with other settings.
    """
    wanted = json.loads(json.dumps(settings))
    path = out / SETTINGS
    if path.is_file():
        if read_json(path) != wanted:
            raise InputError(f'{out}: holds a {what} with other settings (see {SETTINGS}); choose another --out')
        return
    if out.exists() and not out.is_dir():
        raise InputError(f'{out}: is a file; choose another --out')
    if out.exists() and any(out.iterdir()):
        raise InputError(f'{out}: is not empty and holds no {what}; choose another --out')
    write_json(make_folder(out) / SETTINGS, wanted)


def move_into_place(fresh: Path, target: Path, old: Path) -> None:
    """Put the folder ``fresh`` where ``target`` is; what stood there goes to ``old``, or back if that fails.

    All three must lie on one file system.

    Raises:
        OSError: A folder cannot be renamed; ``target`` is then as it was.
    """
    replaced = target.exists()
    if replaced:
        target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        if replaced:
            old.rename(target)
        raise


def _umask() -> int:
    """The process's umask (mkstemp makes files private; ours shall be as readable as any other)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: It cannot be read, or holds no JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: cannot be read as JSON ({error})') from error


def write_json(path: str | Path, value: Any) -> None:
    """Write indented JSON atomically. NaN is refused: it is not JSON; write ``None``."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + '\n')
