"""Which files of a label set are meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mmseg_ext.data.layout import list_stems
from mmseg_ext.errors import InputError

File = tuple[str, str]  # split and stem


def list_files(folder: Path, suffix: str, splits: Sequence[str] = ()) -> dict[File, Path]:
    """Find ``folder/<split>/<stem><suffix>`` as (split, stem) → path, sorted.

    Args:
        folder: A folder with one folder a split.
        suffix: The suffix of the files.
        splits: The splits; all by default.

    Raises:
        InputError: The folder or a split is missing, or holds no such file, or one whose name cannot be printed.
    """
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder; check the name')
    found = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith('.'))
    for split in splits:
        if split not in found:
            raise InputError(f'{folder}: has no split {split!r}; it has {", ".join(found) or "none"}')
    files = {
        (split, stem): path for split in splits or found for stem, path in list_stems(folder / split, (suffix,)).items()
    }
    for path in files.values():
        if not path.stem.isprintable():  # also bytes that are no UTF-8, which no JSON or CSV could hold
            raise InputError(f'{str(path)!a}: its name cannot be printed; rename the file')
    if not files:
        raise InputError(f'{folder}: holds no file <split>/<stem>{suffix}; name the folder above the splits')
    return files


def choose_files(files: Iterable[File], queue: Path) -> list[File]:
    """Choose the files that a queue names, in its order.

    Args:
        files: All files.
        queue: A text file: one ``stem`` or ``split/stem`` a line; empty lines and lines that begin with
            ``#`` do not count.

    Raises:
        InputError: The queue cannot be read, names no file, or names one that there is not or that is in two splits.
    """
    try:
        lines = queue.read_text(encoding='utf-8-sig').splitlines()
    except OSError as error:
        raise InputError(f'{queue}: cannot be read ({error.strerror})') from error
    except UnicodeDecodeError as error:
        raise InputError(f'{queue}: is not UTF-8 text (byte {error.start}); save it anew as UTF-8') from error
    by_name: dict[str, list[File]] = {}
    for split, stem in files:
        by_name.setdefault(stem, []).append((split, stem))
        by_name.setdefault(f'{split}/{stem}', []).append((split, stem))
    chosen: dict[File, None] = {}
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if not name or name.startswith('#'):
            continue
        matches = by_name.get(name, [])
        if len(matches) != 1:
            problem = f'is in {" and ".join(split for split, _ in matches)}' if matches else 'has no mask'
            raise InputError(f'{queue}: line {number}: {name!r} {problem}; write split/stem of a file that there is')
        chosen[matches[0]] = None
    if not chosen:
        raise InputError(f'{queue}: names no file; write one stem a line')
    return list(chosen)
