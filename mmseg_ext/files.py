"""Atomic writing of files and folders."""

from __future__ import annotations

import codecs
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
from collections.abc import Collection, Iterable, Iterator, Set
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any
from unicodedata import category, normalize

from mmseg_ext.errors import InputError, NotWritableError, one_line

SETTINGS_FILE = 'settings.json'
PART = '.part-'  # begins the names of folders within a result folder that are being written
LEFTOVER = re.compile(rf'{re.escape(PART)}\w+|\..+-tempfile(\.\w+)?')  # names of what is written within a folder
STAGE = re.compile(r'\.(.+)-[a-z0-9_]{8}')  # names of folders that are to replace another
NEW, OLD, MOVING = 'new', 'old', 'moving'  # in a folder that is being written; see `_replace`
MAX_TEXT_BYTES = 1 << 29  # of JSON and lists: COCO's largest annotation file has 0.45 GB
MAX_YAML_BYTES = 1 << 20
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
        InputError: The folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    temporary: Path | None = None
    lock = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, lock = _temporary_file(path)
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
    if os.name == 'posix' and (lock := _lock(fixed, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)) is not None:
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
        raise NotWritableError(path, f'folder cannot be made ({error.strerror})', 'choose another') from error
    return path


def check_result_folder(out: str | Path, names: Set[str], overwrite: bool = False) -> None:
    """Refuse a result folder that holds anything but an earlier result that may be replaced.

    Args:
        out: The folder; it need not exist.
        names: Names of the files and folders of a result.
        overwrite: Whether an earlier result may be replaced.

    Raises:
        InputError: It is a file, or holds other files, or an earlier result and ``overwrite`` is False.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise InputError(out, 'is a file', 'choose another `out`')
    found = names_in(out) if out.is_dir() else set()
    foreign = sorted(found - names)
    if foreign:
        raise InputError(out, f'holds other files ({", ".join(foreign[:3])})', 'choose another `out`')
    if found and not overwrite:
        raise InputError(out, 'holds an earlier result', 'replace it with `overwrite=True` or choose another `out`')


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
        raise InputError(out, f'is not empty and holds no {content}', 'choose another `out`')
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
        InputError: A folder cannot be written to, or the disk is full.
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
    """Let an error about a file that is being written name it as it will be called."""
    try:
        yield
    except InputError as error:
        if type(error) in (InputError, NotWritableError) and Path(error.subject).is_relative_to(stage):
            subject = target / Path(error.subject).relative_to(stage)
            raise type(error)(subject, error.problem, error.remedy, exit_code=error.exit_code) from error
        raise


def _lock(path: Path, flags: int = os.O_RDONLY, wait: bool = False) -> int | None:
    """Lock a file or folder for the life of this process; None where another has it, or where that is not possible."""
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
        lock = _lock(stage, wait=True)
        if stage.is_dir():  # else another process took it for such a one before it was locked
            return stage, lock
        if lock is not None:
            os.close(lock)


def _clear_up(stage: Path, place: Path) -> None:
    """Remove a folder that a killed process has left; if it was to replace ``place``, complete or undo that first."""
    if not stage.is_dir() or (lock := _lock(stage)) is None:
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
        InputError: The folder cannot be written to, or the disk is full.
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
        path, f'cannot be written ({error.strerror or error})', 'free space or choose another folder'
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


def is_file_name(name: str) -> bool:
    """Whether a name that a foreign file gives is that of a file in a folder, and leads nowhere else.

    >>> [is_file_name(name) for name in ('a', '..', '../a', '/a', '')]
    [True, False, False, False, False]
    """
    return name not in ('', '.', '..') and not {'/', '\\', '\0'} & set(name)


def is_printable(name: str) -> bool:
    r"""Return whether a name is one printable line: without control characters and bytes that are no UTF-8.

    Unlike by ``str.isprintable``, a name may hold any kind of space: macOS writes narrow ones into names.

    >>> [is_printable(name) for name in ('Zoë 1', '3.21\u202fPM', 'a\nb', 'na\udcefve')]
    [True, True, False, False]
    """
    return name.isprintable() or not any(category(letter) in ('Cc', 'Cs', 'Zl', 'Zp') for letter in name)


def names_file(path: Path) -> bool:
    """Whether a path that a user or a foreign file names is that of a file; False also for one that no file could have.

    Such a path, too long or with a zero byte, makes ``Path.is_file`` raise.
    """
    return os.path.isfile(path)


def find_file(*paths: Path) -> Path | None:
    """Return the first of some paths that a foreign file names where there is a file.

    Accents may be written in either form of Unicode: macOS and archives from it write the decomposed one.
    """
    forms = (
        Path(form) for path in paths for form in (str(path), *(normalize(kind, str(path)) for kind in ('NFC', 'NFD')))
    )
    return next((path for path in forms if names_file(path)), None)


def names_folder(path: Path) -> bool:
    """Whether a path that a user or a foreign file names is that of a folder; as `names_file`."""
    return os.path.isdir(path)


def load_bytes(path: str | Path, most: int = MAX_TEXT_BYTES) -> bytes:
    """Read a regular file of limited size: neither a pipe that never ends nor a sparse file of a terabyte.

    Raises:
        OSError: It cannot be read, is no regular file, or has more than ``most`` bytes.
    """
    with open(path, 'rb', opener=_open_without_waiting) as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, 'is no regular file')
        if status.st_size > most:
            raise OSError(errno.EFBIG, f'has {status.st_size:,} bytes, more than {most:,}')
        return stream.read()


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, 'O_NONBLOCK', 0))  # a pipe that nobody writes to blocks otherwise


def load_text(path: str | Path, most: int = MAX_TEXT_BYTES) -> str:
    r"""Read UTF-8 text, or UTF-16 with its byte order mark, as `load_bytes`; CR LF and CR become LF.

    Lines of it are told by ``split('\n')``: ``splitlines`` also splits at characters that a file's name may hold.

    Raises:
        OSError: As `load_bytes`.
        UnicodeDecodeError: It is neither.
    """
    data = load_bytes(path, most)
    text = data.decode('utf-16' if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else 'utf-8-sig')
    return text.replace('\r\n', '\n').replace('\r', '\n')


def read_entries(path: str | Path, names: Collection[str] = ()) -> dict[int, str]:
    """Read the lines of a list: number → line, without empty ones and comments.

    Args:
        path: The list.
        names: Lines, in Unicode's composed form, that are no comments although they begin with ``#``.

    Raises:
        InputError: It cannot be read, or is no text.
    """
    try:
        lines = load_text(path).split('\n')
    except OSError as error:
        raise InputError(path, f'cannot be read ({error.strerror or error})') from error
    except UnicodeDecodeError as error:
        raise InputError(path, f'is not UTF-8 text (byte {error.start})', 'save it as UTF-8') from error
    entries = {number: line.strip() for number, line in enumerate(lines, 1)}
    return {
        number: line for number, line in entries.items() if line and (line[0] != '#' or normalize('NFC', line) in names)
    }


def parse_json(text: str | bytes) -> Any:
    """Parse JSON of unknown origin.

    Raises:
        ValueError: It is no JSON, is nested too deeply, or holds half a character, which no text can be written with.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError('is nested too deeply') from None
    if (b'\\ud' if isinstance(text, bytes) else '\\ud') in text.lower():  # type: ignore[operator]
        json.dumps(content, ensure_ascii=False).encode()
    return content


def load_json(path: str | Path) -> Any:
    """Read JSON of unknown origin, for callers that word the error themselves.

    Raises:
        OSError: As `load_bytes`.
        ValueError: As `parse_json`, or it is no UTF-8.
    """
    return parse_json(load_text(path))


def read_json(path: str | Path, remedy: str = '') -> Any:
    """Read a JSON file.

    Raises:
        InputError: It cannot be read, or holds no JSON.
    """
    try:
        return load_json(path)
    except (OSError, ValueError) as error:
        raise InputError(path, f'cannot be read as JSON ({error})', remedy) from error


def read_yaml(path: str | Path, remedy: str = '') -> Any:
    """Read a YAML file of plain data, tuples of Python as lists.

    Aliases are refused, since a small file can expand to a huge one by them.

    Raises:
        InputError: It cannot be read, is larger than 1 MiB, or holds no YAML.
    """
    import yaml  # not above: it takes longer to load than this whole module

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                mark = self.peek_event().start_mark
                raise yaml.MarkedYAMLError(problem='aliases (*name) are not read', problem_mark=mark)
            return super().compose_node(parent, index)

    # How mmengine writes a tuple of a config; it becomes a list, as in JSON.
    Loader.add_constructor('tag:yaml.org,2002:python/tuple', yaml.SafeLoader.construct_yaml_seq)
    try:
        content = yaml.load(load_text(path, MAX_YAML_BYTES), Loader)
        json.dumps(content, ensure_ascii=False, default=str, skipkeys=True).encode()  # fails on half a character
        return content
    except OSError as error:
        raise InputError(path, f'cannot be read ({error.strerror})', remedy) from error
    except RecursionError:
        raise InputError(path, 'is not valid YAML (nested too deeply)') from None
    except Exception as error:  # a scalar may be an impossible date or number, and PyYAML lets those errors pass
        raise InputError(path, f'is not valid YAML ({one_line(error)[:300]})') from error


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
