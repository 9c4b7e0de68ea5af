"""Reading of text, JSON, YAML and lists of unknown origin, within limits, and checks of the names of files."""

from __future__ import annotations

import codecs
import errno
import json
import os
import re
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any
from unicodedata import category, normalize

from mmseg_ext.errors import InputError, one_line

MAX_TEXT_BYTES = 1 << 29  # of JSON and lists: COCO's largest annotation file has 0.45 GB
MAX_YAML_BYTES = 1 << 20
ROOT = re.compile(r'[a-zA-Z]:|[/\\]')  # where an absolute path begins


def is_file_name(name: str) -> bool:
    """Whether a name that a foreign file gives is that of a file in a folder, and leads nowhere else.

    >>> [is_file_name(name) for name in ('a', '..', '../a', '/a', '')]
    [True, False, False, False, False]
    """
    return name not in ('', '.', '..') and not {'/', '\\', '\0'} & set(name)


def is_below(path: str) -> bool:
    """Whether a path that a foreign file gives names something below the folder that it starts from.

    >>> [is_below(path) for path in ('day 1/a.png', '1:30:00.png', '/a', 'C:/a', 'a/../../b', '.')]
    [True, True, False, False, False, False]
    """
    parts = re.split(r'[/\\]', path)
    return not ROOT.match(path) and '..' not in parts and not {*parts} <= {'', '.'}


def is_printable(name: str) -> bool:
    r"""Return whether a name is one printable line: without control characters and bytes that are no UTF-8.

    Unlike by ``str.isprintable``, a name may hold any kind of space: macOS writes narrow ones into names.

    >>> [is_printable(name) for name in ('Zoë 1', '3.21\u202fPM', 'a\nb', 'na\udcefve')]
    [True, True, False, False]
    """
    return name.isprintable() or not any(category(letter) in ('Cc', 'Cs', 'Zl', 'Zp') for letter in name)


def unprintable_name(path: Path) -> InputError:
    """Return the error about a file or folder whose name is not `is_printable`."""
    return InputError(ascii(str(path)), 'its name cannot be printed', 'rename it')


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
            raise OSError(errno.EINVAL, 'is not a regular file')
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
    except OSError as error:
        raise InputError(path, f'cannot be read ({error.strerror or error})', remedy) from error
    except ValueError as error:
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
                raise yaml.MarkedYAMLError(problem='aliases (*name) are not supported', problem_mark=mark)
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
