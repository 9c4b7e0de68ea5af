"""Pixel-wise difference of two label sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from mmseg_ext.data import Classes, DataSet, Mask, read_mask
from mmseg_ext.data.dataset import Key
from mmseg_ext.errors import InputError
from mmseg_ext.files import csv_text
from mmseg_ext.progress import track

Status = Literal['same', 'changed', 'resized', 'added', 'removed', 'unreadable']
STATUSES = get_args(Status)


@dataclass(frozen=True)
class FileDiff:
    """Difference of one file.

    Attributes:
        split: Name of the split.
        stem: The file's stem.
        status: ``resized`` where the sizes differ, so that pixels cannot be compared; ``added`` and ``removed`` where
            only the second or the first label set has the file; ``unreadable`` where a mask cannot be read.
        pixels: Pixels of the mask; 0 unless it is ``same`` or ``changed``.
        flips: Pixels by value in the first and in the second mask, for values that differ.
        first: Pixels by value in the first mask.
        second: Pixels by value in the second mask.
        problem: Why it is ``unreadable``.
    """

    split: str
    stem: str
    status: Status
    pixels: int = 0
    flips: dict[tuple[int, int], int] = field(default_factory=dict)
    first: dict[int, int] = field(default_factory=dict)
    second: dict[int, int] = field(default_factory=dict)
    problem: str = ''

    @property
    def changed(self) -> int:
        """Pixels whose value differs."""
        return sum(self.flips.values())

    @property
    def share(self) -> float:
        """Share of the pixels whose value differs, 0–1."""
        return self.changed / self.pixels if self.pixels else 0.0

    def pairs(self) -> dict[tuple[int, int], int]:
        """Count all pixels by (value in the first mask, value in the second), as `diff_masks`."""
        return self.flips | {(value, value): count - self.lost(value) for value, count in self.first.items()}

    def lost(self, value: int) -> int:
        """Count the pixels that have a value in the first mask only."""
        return sum(count for (before, _), count in self.flips.items() if before == value)

    def gained(self, value: int) -> int:
        """Count the pixels that have a value in the second mask only."""
        return sum(count for (_, after), count in self.flips.items() if after == value)


@dataclass(frozen=True)
class LabelDiff:
    """Difference of two label sets of a data set, most changed files first.

    Attributes:
        a: Name of the first label set.
        b: Name of the second.
        classes: Names of the values.
        files: One entry for each file of either.
    """

    a: str
    b: str
    classes: Classes
    files: tuple[FileDiff, ...]

    def name(self, value: int) -> str:
        """Name the class of a value: ``ignored``, or ``value N`` for one that is no class."""
        if value == self.classes.ignore_index:
            return 'ignored'
        return self.classes.names[value] if value < len(self.classes.names) else f'value {value}'

    def count(self, status: Status) -> int:
        """Count the files with a status."""
        return sum(file.status == status for file in self.files)

    def flips(self, files: Iterable[FileDiff] | None = None) -> dict[str, int]:
        """Count the pixels by ``first → second`` class over some files (all by default), most first."""
        total: dict[str, int] = {}
        for file in self.files if files is None else files:
            for (before, after), count in file.flips.items():
                key = f'{self.name(before)} → {self.name(after)}'
                total[key] = total.get(key, 0) + count
        return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def diff_masks(first: Mask, second: Mask) -> dict[tuple[int, int], int]:
    """Count the pixels of two masks of one shape (H, W), uint8, by (value in the first, value in the second).

    >>> diff_masks(np.array([[0, 0, 1]], np.uint8), np.array([[0, 2, 1]], np.uint8))
    {(0, 0): 1, (0, 2): 1, (1, 1): 1}
    """
    pairs = np.bincount((first.astype(np.int64) * 256 + second).ravel())
    return {divmod(int(pair), 256): int(pairs[pair]) for pair in np.flatnonzero(pairs)}


def diff_labels(root: Path, a: str, b: str, *, splits: Sequence[str] | None = None) -> LabelDiff:
    """Compare two label sets of a data set.

    Args:
        root: The data set.
        a: Name of the first label set (the state before).
        b: Name of the second (the state after).
        splits: The splits; all by default.

    Raises:
        InputError: A label set is missing.
    """
    data = DataSet(root)
    sides = [data.label_set(name, argument).files() for name, argument in ((a, 'a'), (b, 'b'))]
    files = sorted(sides[0].keys() | sides[1].keys())
    for split in splits or ():
        if split not in {known for known, _ in files}:
            raise InputError(data.root, f'neither {a} nor {b} has a split {split!r}', 'check the name')
    chosen = [file for file in files if not splits or file[0] in splits]
    found = [_diff_file(file, sides[0].get(file), sides[1].get(file)) for file in track(chosen, 'comparing')]
    found.sort(key=lambda file: (file.status in ('same', 'changed'), -file.changed, file.split, file.stem))
    return LabelDiff(a, b, data.classes, tuple(found))


def _diff_file(file: Key, first_path: Path | None, second_path: Path | None) -> FileDiff:
    if first_path is None or second_path is None:
        return FileDiff(*file, status='added' if first_path is None else 'removed')
    try:
        first, second = read_mask(first_path), read_mask(second_path)
    except InputError as error:
        return FileDiff(*file, status='unreadable', problem=str(error))
    if first.shape != second.shape:
        return FileDiff(*file, status='resized')
    pairs = diff_masks(first, second)
    flips = {pair: count for pair, count in pairs.items() if pair[0] != pair[1]}
    status: Status = 'changed' if flips else 'same'
    return FileDiff(*file, status, first.size, flips, _count(first), _count(second))


def _count(mask: Mask) -> dict[int, int]:
    """Count the pixels by value."""
    counts = np.bincount(mask.ravel())
    return {int(value): int(counts[value]) for value in np.flatnonzero(counts)}


def diff_json(diff: LabelDiff) -> dict[str, Any]:
    """Write the difference as JSON: a summary, and one entry for each file."""
    return {
        'a': diff.a,
        'b': diff.b,
        'summary': {
            **{status: diff.count(status) for status in STATUSES},
            'changed_pixels': sum(file.changed for file in diff.files),
            'pixels': sum(file.pixels for file in diff.files),
            'flips': diff.flips(),
        },
        'files': [
            {
                'split': file.split,
                'stem': file.stem,
                'status': file.status,
                'pixels': file.pixels,
                'changed': file.changed,
                'share': file.share,
                'flips': diff.flips([file]),
            }
            for file in diff.files
        ],
    }


def diff_csv(diff: LabelDiff) -> str:
    """Write the difference as CSV, one row for each file.

    Its columns: the pixels of each class in both sets, lost and gained, and all flips.
    """
    columns = ('a', 'b', 'lost', 'gained')
    per_class = [f'{name}_{column}' for name in diff.classes.names for column in columns]
    rows: list[list[str | int]] = [['split', 'stem', 'status', 'pixels', 'changed', 'share', *per_class, 'flips']]
    for file in diff.files:
        counts = [
            count
            for value in range(len(diff.classes.names))
            for count in (file.first.get(value, 0), file.second.get(value, 0), file.lost(value), file.gained(value))
        ]
        flips = '; '.join(f'{flip}: {count}' for flip, count in diff.flips([file]).items())
        rows.append(
            [file.split, file.stem, file.status, file.pixels, file.changed, f'{file.share:.6f}', *counts, flips]
        )
    return csv_text(rows)
