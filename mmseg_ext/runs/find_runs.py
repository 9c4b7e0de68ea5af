"""From the arguments of the tool to the folders of runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmseg_ext.errors import InputError

DEPTH = 3  # levels of folders that are searched for runs
OF_WORK_DIRS = ('run.json', 'scalars.json', 'environment.json', 'last_checkpoint')


def find_runs(places: Sequence[str | Path]) -> list[Path]:
    """Find the work dirs and result dirs that are meant by work dirs, folders of work dirs, and result dirs.

    A result dir inside a work dir belongs to it and is not listed beside it. Folders are searched three levels deep, in
    the order of their names with numbers by value; each run comes once. A folder without a run comes too: the
    comparison shows it as broken.

    Raises:
        InputError: A place does not exist, or is a file.
    """
    found: dict[Path, None] = {}
    for place in map(Path, places):
        if not place.is_dir():
            reason = 'is a file' if place.exists() else 'no such folder'
            raise InputError(f'{place}: {reason}; name a work dir, a folder of work dirs, or a result of tools/test.py')
        if is_result_dir(place) and is_work_dir(place.resolve().parent):
            found[place.resolve().parent] = None
            continue
        inside = list(_search(place.resolve(), DEPTH))
        found |= dict.fromkeys(inside or [place.resolve()])
    return list(found)


def is_work_dir(folder: Path) -> bool:
    """Whether a training was started in the folder."""
    return any((folder / name).is_file() for name in OF_WORK_DIRS)


def is_result_dir(folder: Path) -> bool:
    """Whether the folder holds what ``tools/test.py`` writes, or its metrics alone."""
    return bool(metrics_files(folder))


def metrics_files(folder: Path) -> list[Path]:
    """``metrics.json``, or those of several splits: ``metrics_val.json`` and so on."""
    return sorted(path for path in folder.glob('metrics*.json') if path.is_file())


def natural(path: Path) -> list[tuple[int, str]]:
    """Sort key by which ``run-2`` comes before ``run-10``."""
    return [(int(part), '') if part.isdigit() else (0, part) for part in re.split(r'(\d+)', str(path)) if part]


def _search(folder: Path, depth: int) -> Iterator[Path]:
    if is_work_dir(folder) or is_result_dir(folder):
        yield folder
    elif depth:
        for path in subfolders(folder):
            yield from _search(path, depth - 1)


def subfolders(folder: Path) -> list[Path]:
    """The folders in a folder but for hidden ones, by name; none where it may not be listed."""
    try:
        inner = [path for path in folder.iterdir() if not path.name.startswith('.') and path.is_dir()]
    except OSError:
        return []
    return sorted(inner, key=natural)


def short_names(folders: Sequence[Path]) -> list[str]:
    """For each folder the shortest end of its path that no other one shares."""
    names = []
    for folder in folders:
        for count in range(1, len(folder.parts) + 1):
            end = folder.parts[-count:]
            if sum(other.parts[-count:] == end for other in folders) == 1:
                break
        names.append('/'.join(end).removeprefix('//'))
    return names
