"""Atomic writing of files and folders."""

from __future__ import annotations

import csv
import errno
import glob
import io
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Set
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError, NotWritableError
from mmseg_ext.reading import read_json

SETTINGS_FILE = 'settings.json'
PART = '.part-'  # begins the names of folders within a result folder that are being written
LEFTOVER = re.compile(rf'{re.escape(PART)}\w+|\..+-tempfile(\.\w+)?')  # names of what is written within a folder
STAGE = re.compile(r'\.(.+)-[a-z0-9_]{8}')  # names of folders that are to replace another
NEW, OLD, MOVING = 'new', 'old', 'moving'  # in a folder that is being written; see `_replace`
FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
FORMULA_STARTS = ('=', '+', '-', '@', '\t', '\r')


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary file next to ``path`` that replaces it when the block ends without an exception.

    A reader therefore sees the old file or the complete new one, also after ``kill -9`` or a full disk. The temporary
    file that a killed process leaves is used by the next process that writes the same file.

    Args:
        path: The file. Its folder is made if it is missing.

    Yields:
        The temporary path (same folder and suffix).

    Raises:
        InputError: The folder cannot be written to, or the disk is full; or the block cannot read another file.
    """
    path = Path(path)
    temporary: Path | None = None
    lock = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, lock = _temporary_file(path)
        with _named_as(temporary, path):
            yield temporary
        with temporary.open('rb') as stream:
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise _not_writable(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if lock is not None:
            os.close(lock)


def _temporary_file(path: Path) -> tuple[Path, int | None]:
    """Make a temporary file next to a file: of a fixed name and locked, or of a unique name where that cannot be.

    Returns:
        The file, and the descriptor that holds the lock.
    """
    fixed = path.with_name(f'.{path.stem}-tempfile{path.suffix}')
    if os.name == 'posix' and (lock := lock_path(fixed, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)) is not None:
        with suppress(OSError):
            status = os.fstat(lock)
            is_own = stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_uid == os.geteuid()
            if is_own and os.path.samestat(status, fixed.stat()):  # else another has moved it before it was locked
                os.ftruncate(lock, 0)
                return fixed, lock
        os.close(lock)
    handle, name = tempfile.mkstemp(prefix=f'.{path.stem}-', suffix=path.suffix, dir=path.parent)
    os.close(handle)
    return Path(name), None


def names_in(folder: Path) -> set[str]:
    """Return the names of the files and folders in a folder, without those that killed processes have left."""
    return {path.name for path in folder.iterdir() if not LEFTOVER.fullmatch(path.name)}


def make_folder(path: str | Path) -> Path:
    """Make a folder and its parents; one that exists is fine.

    Raises:
        InputError: It cannot be made.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotWritableError(path, f'folder cannot be created ({error.strerror})', 'choose another') from error
    return path


def check_result_folder(
    out: str | Path, names: Set[str], overwrite: bool = False, *, record: str = '', argument: str = 'out'
) -> None:
    """Refuse a result folder that holds anything but an earlier result that may be replaced.

    Args:
        out: The folder; it need not exist.
        names: Names of the files and folders of a result; ``a/b`` is all that a result has in the folder ``a``.
        overwrite: Whether an earlier result may be replaced.
        record: Name of a file that every result holds.
        argument: The argument that names the folder, for the error.

    Raises:
        InputError: It is a file, or holds other files, or an earlier result and ``overwrite`` is False.
    """
    out = Path(out)
    other = f'choose another `{argument}`'
    if out.exists() and not out.is_dir():
        raise InputError(out, 'is a file', other)
    found = names_in(out) if out.is_dir() else set()
    if found and record and record not in found:
        raise InputError(out, f'holds files but no {record}', other)
    foreign = sorted(_foreign_names(out, names)) if found else []
    if foreign:
        raise InputError(out, f'holds other files ({", ".join(foreign[:3])})', f'move them, or {other}')
    if found and not overwrite:
        raise InputError(out, 'holds an earlier result', f'replace it with `overwrite=True` or {other}')


def _foreign_names(folder: Path, names: Set[str]) -> Iterator[str]:
    for name in names_in(folder) - names:
        inner = {other.removeprefix(f'{name}/') for other in names if other.startswith(f'{name}/')}
        if inner and (folder / name).is_dir():
            yield from (f'{name}/{other}' for other in _foreign_names(folder / name, inner))
        else:
            yield name


def written_names(folder: Path) -> list[str]:
    """List files and folders two levels deep, for a record that `recorded_names` reads."""
    paths = [*(path for path in folder.iterdir() if path.is_file()), *folder.glob('*/*')]
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def recorded_names(record: Path, key: str = 'files') -> set[str]:
    """Return the names that a record has for what was written with it; none if there is no record."""
    content = read_json(record) if record.is_file() else None
    names = content.get(key) if isinstance(content, dict) else None
    return set(map(str, names)) if isinstance(names, list) else set()


def claim_folder(out: Path, settings: Any, content: str) -> None:
    """Take a folder for work that may be interrupted, or continue in it if the settings are the same.

    Args:
        out: The folder; it is made, and ``settings.json`` in it.
        settings: Everything that the work depends on, as JSON values.
        content: Kind of content for error messages, such as ``ranking``.

    Raises:
        InputError: The folder is a file, holds something else, or the same with other settings.
    """
    wanted = json.loads(json.dumps(settings))
    path = out / SETTINGS_FILE
    if path.is_file():
        if read_json(path) != wanted:
            raise InputError(
                out, f'holds a {content} with other settings (see {SETTINGS_FILE})', 'choose another `out`'
            )
        remove_stages(out)
        return
    if out.exists() and not out.is_dir():
        raise InputError(out, 'is a file', 'choose another `out`')
    if out.exists() and names_in(out):
        raise InputError(out, f'is not empty and does not hold a {content}', 'choose another `out`')
    write_json(make_folder(out) / SETTINGS_FILE, wanted)


def remove_stages(folder: Path) -> None:
    """Remove what killed processes have left of folders in a folder, and complete or undo what they replaced."""
    for path in folder.glob('.*'):
        if match := STAGE.fullmatch(path.name):
            _clear_up(path, folder if path.name.startswith(PART) else folder / match[1])


def refuse_existing(paths: Iterable[Path], overwrite: bool, argument: str = 'out') -> None:
    """Refuse to replace files unless that was asked for, and names that cannot become files.

    Args:
        paths: The files to write.
        overwrite: Whether existing files may be replaced.
        argument: The argument that names them, for the error.

    Raises:
        InputError: One of the files exists, is a folder, or is to be within a file.
    """
    for path in paths:
        if str(path) == '-':
            raise InputError(f'`{argument}=-`', 'is not the name of a file, and nothing can be printed', 'name a file')
        above = next((parent for parent in path.parents if parent.exists()), None)
        if above is not None and not above.is_dir():
            raise InputError(above, 'is a file', f'choose another `{argument}`')
        if path.is_dir():
            raise InputError(path, 'is a folder', f'choose another `{argument}`')
        if path.exists() and not overwrite:
            raise InputError(path, 'exists', f'replace it with `overwrite=True` or choose another `{argument}`')


@contextmanager
def staged_folder(target: str | Path, *, shared: bool = False, is_owner: bool = True) -> Iterator[Path]:
    """Yield an empty folder that takes the place of ``target`` when the block ends without an exception.

    Until then, and after an exception, ``target`` is as it was. Whether it may be replaced is the caller's to check.
    A link stays, and what it points to is replaced. A folder that cannot be renamed (a mount point, the current folder,
    one in a folder that is not writable) keeps its place, and its content is exchanged, entry by entry.

    Args:
        target: The folder to write or replace. Its parent is made if it is missing.
        shared: Whether all processes of a distributed run write into the folder: its name is then fixed instead of
            unique, and the others must wait until the owner has made it.
        is_owner: With ``shared``, whether this process makes, moves and removes the folder: one of them does.

    Yields:
        A folder within a hidden one next to ``target``, or in it.

    Raises:
        InputError: A folder cannot be written to, or the disk is full; or the block cannot read another file.
    """
    target, place = Path(target), Path(os.path.realpath(target))
    is_owner = is_owner or not shared
    stage: Path | None = None
    lock = None
    try:
        stays = _must_stay(place)
        parent, prefix = (place, PART) if stays else (place.parent, f'.{place.name}-')
        parent.mkdir(parents=True, exist_ok=True)
        if shared:
            stage = parent / (f'{PART}shared' if stays else f'.{place.name}.partial')
            if is_owner:
                _clear_up(stage, place)
                shutil.rmtree(stage, ignore_errors=True)
                stage.mkdir()
        else:
            for left in parent.glob(f'{glob.escape(prefix)}????????'):
                _clear_up(left, place)
            stage, lock = _make_stage(parent, prefix)
        new = stage / NEW
        if is_owner:
            new.mkdir()
        with _named_as(new, target):
            yield new
        if is_owner:
            _replace(place, new, stays)
    except OSError as error:
        raise _not_writable(target, error) from error
    finally:
        if stage is not None and is_owner:
            shutil.rmtree(stage, ignore_errors=True)
        if lock is not None:
            os.close(lock)


@contextmanager
def _named_as(stage: Path, target: Path) -> Iterator[None]:
    """Let an error about a file that is being written name it as it will be called, and one about another that file."""
    try:
        yield
    except OSError as error:
        if not _is_source(error, stage):
            raise
        name = os.fsdecode(error.filename)
        raise InputError(name, f'cannot be read ({error.strerror or error})', 'repair or remove it') from error
    except InputError as error:
        if type(error) in (InputError, NotWritableError) and Path(error.subject).is_relative_to(stage):
            subject = target / Path(error.subject).relative_to(stage)
            raise type(error)(subject, error.problem, error.remedy, exit_code=error.exit_code) from error
        raise


def _is_source(error: OSError, stage: Path) -> bool:
    """Return whether an error is about reading a file; one about writing names ``stage``, or two files (`copyfile`)."""
    named = error.filename
    if not isinstance(named, str | bytes | os.PathLike) or error.filename2 is not None or error.errno in FULL_DISK:
        return False
    return not Path(os.path.realpath(os.fsdecode(named))).is_relative_to(os.path.realpath(stage))


def lock_path(path: Path, flags: int = os.O_RDONLY, wait: bool = False) -> int | None:
    """Lock a file or folder until its descriptor, which is returned, is closed or this process ends.

    Args:
        path: The file or folder.
        flags: How to open it.
        wait: Whether to wait for another process that has it.

    Returns:
        The descriptor; None where another has it, or where that is not possible.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    is_new = flags & os.O_CREAT and not path.exists()
    try:
        handle = os.open(path, flags, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if is_new and error.errno != errno.EWOULDBLOCK:  # no locks here
            path.unlink(missing_ok=True)
        os.close(handle)
        return None
    return handle


def _make_stage(parent: Path, prefix: str) -> tuple[Path, int | None]:
    """Make a folder and lock it. What is not locked has been left by a killed process."""
    while True:
        stage = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        lock = lock_path(stage, wait=True)
        if stage.is_dir():  # else another process took it for such a one before it was locked
            return stage, lock
        if lock is not None:
            os.close(lock)


def _clear_up(stage: Path, place: Path) -> None:
    """Remove a folder that a killed process has left; if it was to replace ``place``, complete or undo that first."""
    if not stage.is_dir() or (lock := lock_path(stage)) is None:
        return
    try:
        new, old, moving = stage / NEW, stage / OLD, stage / MOVING
        if not {path.name for path in stage.iterdir()} <= {NEW, OLD, MOVING}:
            return
        if stage.parent == place:
            undone = moving if moving.is_dir() else new if old.is_dir() else None
            for path in undone.iterdir() if undone is not None and undone.is_dir() else ():
                if not (place / path.name).exists():
                    path.rename(place / path.name)
        elif old.exists() and new.is_dir() and not place.exists():
            new.rename(place)
        shutil.rmtree(stage, ignore_errors=True)
    finally:
        os.close(lock)


def _must_stay(folder: Path) -> bool:
    """Whether a folder cannot be replaced by another one: its parent refuses that, or processes are at home in it."""
    if not folder.is_dir():
        return False
    here = Path.cwd()
    return folder.is_mount() or not os.access(folder.parent, os.W_OK) or folder in (here, *here.parents)


def _replace(place: Path, new: Path, stays: bool) -> None:
    """Move a folder to ``old`` next to ``new``, and ``new`` to its place; if that fails, move back.

    With ``stays``, its entries are moved: to ``moving``, which becomes ``old`` once all are in it, then those of
    ``new``. So one can tell what was left to do from what a killed process has left.
    """
    old, moving = new.with_name(OLD), new.with_name(MOVING)
    if stays:
        moving.mkdir()
        moves = [(path, moving / path.name) for path in place.iterdir() if path != new.parent]
        moves += [(moving, old), *((path, place / path.name) for path in new.iterdir())]
    else:
        moves = [(place, old)] if place.exists() else []
        moves.append((new, place))
    done = []
    try:
        for source, destination in moves:
            source.rename(destination)
            done.append((source, destination))
    except OSError:
        for source, destination in reversed(done):
            destination.rename(source)
        raise


def staged_result(folder: str | Path, names: Set[str]) -> AbstractContextManager[Path]:
    """Return `staged_folder` for a folder that holds nothing but files of a result, else `staged_files`.

    Args:
        folder: The folder.
        names: Names of the files of a result, all of which will be written.
    """
    found = names_in(Path(folder)) if Path(folder).is_dir() else set()
    return staged_folder(folder) if found <= names else staged_files(folder)


@contextmanager
def staged_files(folder: str | Path) -> Iterator[Path]:
    """Yield an empty folder whose files are moved into ``folder`` when the block ends without an exception.

    Otherwise ``folder`` stays as it was (unless the moving itself fails halfway). The moved files replace those of the
    same name; all others stay.

    Raises:
        InputError: The folder cannot be written to, or the disk is full; or the block cannot read another file.
    """
    folder = Path(folder)
    is_new = not folder.exists()
    make_folder(folder)
    stage: Path | None = None
    lock = None
    done = False
    try:
        for left in folder.glob(f'{PART}????????'):
            _clear_up(left, folder)
        stage, lock = _make_stage(folder, PART)
        new = stage / NEW
        new.mkdir()
        with _named_as(new, folder):
            yield new
        for path in sorted(path for path in new.rglob('*') if path.is_file()):
            target = folder / path.relative_to(new)
            make_folder(target.parent)
            path.replace(target)
        done = True
    except OSError as error:
        raise _not_writable(folder, error) from error
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)
        if lock is not None:
            os.close(lock)
        if is_new and not done:
            with suppress(OSError):
                folder.rmdir()


def _not_writable(path: Path, error: OSError) -> NotWritableError:
    return NotWritableError(
        path, f'cannot be written ({error.strerror or error})', 'free up space or choose another folder'
    )


def _umask() -> int:
    """The process's umask (mkstemp makes files private, but results are to be as readable as any other file)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    r"""Return rows as CSV that no spreadsheet takes for formulas: text that begins like one gets an apostrophe.

    >>> csv_text([['name', 'value'], ['=1+1', -1.5], ['-1.5', None]])
    "name,value\n'=1+1,-1.5\n-1.5,\n"
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator='\n')
    writer.writerows(map(_guarded, row) for row in rows)
    return stream.getvalue()


def _guarded(cell: Any) -> Any:
    if not isinstance(cell, str) or not cell.startswith(FORMULA_STARTS):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def write_json(path: str | Path, value: Any) -> None:
    """Write indented JSON atomically. NaN is refused: it is not JSON; write ``None``."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + '\n')
