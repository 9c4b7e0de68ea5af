"""Finding the folders of runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmseg_ext.errors import InputError
from mmseg_ext.runs.layout import ENVIRONMENT, LAST_CHECKPOINT, RUN_RECORD, SCALARS

MAX_DEPTH = 3  # levels of folders that are searched
WORK_DIR_FILES = (RUN_RECORD, SCALARS, ENVIRONMENT, LAST_CHECKPOINT)  # any of them makes a folder a work dir


def find_runs(places: Sequence[str | Path]) -> list[Path]:
    """Find the runs in work dirs, folders of work dirs, and result dirs.

    A result dir inside a work dir belongs to it and is not listed. Folders are searched three levels deep, in the order
    of their names with numbers by value; each run is listed once. A folder without a run is listed too: the comparison
    shows it as broken.

    Raises:
        InputError: A place does not exist, or is a file.
    """
    found: dict[Path, None] = {}
    for place in map(Path, places):
        if not place.is_dir():
            reason = 'is a file' if place.exists() else 'no such folder'
            raise InputError(place, reason, 'give a work dir, a folder of work dirs, or a result of `mmseg-ext test`')
        if is_result_dir(place) and is_work_dir(place.resolve().parent):
            found[place.resolve().parent] = None
            continue
        inside = list(_search(place.resolve(), MAX_DEPTH))
        found |= dict.fromkeys(inside or [place.resolve()])
    return list(found)


def is_work_dir(folder: Path) -> bool:
    """Return whether a training was started in the folder."""
    return any((folder / name).is_file() for name in WORK_DIR_FILES)


def is_result_dir(folder: Path) -> bool:
    """Return whether the folder holds the result of a test, or its metrics alone."""
    return bool(metrics_files(folder))


def metrics_files(folder: Path) -> list[Path]:
    """List ``metrics.json``, or those of splits: ``metrics_val.json`` (with ``records_val.parquet``) and so on."""
    return sorted(path for path in folder.glob('metrics*.json') if path.is_file())


def natural(path: Path) -> list[tuple[int, str]]:
    """Return a sort key by which ``run-2`` comes before ``run-10``.

    >>> sorted([Path('run-10'), Path('run-2')], key=natural)[0].name
    'run-2'
    """
    return [(int(part), '') if part.isdecimal() else (0, part) for part in re.split(r'(\d+)', str(path)) if part]


def _search(folder: Path, depth: int) -> Iterator[Path]:
    if is_work_dir(folder) or is_result_dir(folder):
        yield folder
    elif depth:
        for path in subfolders(folder):
            yield from _search(path, depth - 1)


def subfolders(folder: Path) -> list[Path]:
    """List the folders in a folder but for hidden ones, by name; none where it may not be listed."""
    try:
        inner = [path for path in folder.iterdir() if not path.name.startswith('.') and path.is_dir()]
    except OSError:
        return []
    return sorted(inner, key=natural)


def short_names(folders: Sequence[Path]) -> list[str]:
    """Return for each folder the shortest end of its path that no other one shares.

    >>> short_names([Path('a/unet'), Path('b/unet'), Path('b/fpn')])
    ['a/unet', 'b/unet', 'fpn']
    """
    names = []
    for folder in folders:
        for count in range(1, len(folder.parts) + 1):
            end = folder.parts[-count:]
            if sum(other.parts[-count:] == end for other in folders) == 1:
                break
        names.append('/'.join(end).removeprefix('//'))
    return names
