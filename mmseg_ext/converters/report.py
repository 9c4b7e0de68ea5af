"""Report of a conversion: outcomes of the objects of each class, and why some were left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError

IGNORED = 'ignored'  # row of the pixels with the ignored value
IMAGES, PIXELS = 'images', 'pixels'  # of the masks; all other outcomes are of objects
TAKEN = 'taken'
SKIPPED = 'skipped'
MAX_LISTED = 10_000  # reasons kept, so that a source full of faults fills neither memory nor disk


@dataclass
class Report:
    """Count of objects by class and outcome.

    Attributes:
        counts: Class → outcome (``taken``, ``skipped``, …) → objects.
        skipped: One line per object left out: which and why.
        notes: One line per thing to know about the whole source.
        failed: One error for each image that cannot be used.
        doubts: One line per reason to think that the options do not fit the source.

    >>> report = Report(['cat', 'dog'])
    >>> report.add('cat')
    >>> report.skip('cat', 'annotation 7', 'covers no pixel')
    >>> report.table()
    [('class', 'taken', 'skipped'), ('cat', '1', '1'), ('dog', '0', '0')]
    >>> report.lines()
    ['skipped: annotation 7 (cat): covers no pixel']
    """

    classes: Sequence[str]
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failed: list[InputError] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing of the source was damaged or doubtful."""
        return not self.skipped and not self.failed and not self.doubts

    def add(self, name: str, outcome: str = TAKEN, count: int = 1) -> None:
        """Count objects of a class."""
        self.counts.setdefault(name, Counter())[outcome] += count

    def skip(self, name: str, what: str, why: str) -> None:
        """Count an object that is left out, and note which and why."""
        self.add(name, SKIPPED)
        self.list_line(f'{what} ({name}): {why}')

    def list_line(self, line: str) -> None:
        """Keep a line on something that was left out."""
        if len(self.skipped) < MAX_LISTED:
            self.skipped.append(line)

    @property
    def ignored(self) -> str:
        """Row of the pixels with the ignored value, which no class has."""
        return IGNORED if IGNORED not in self.classes else f'{IGNORED} pixels'

    def add_mask(self, mask: Mask, classes: Classes) -> None:
        """Count the pixels of a mask, shape (H, W), and the classes that it shows."""
        counts = np.bincount(mask.reshape(-1), minlength=256)
        for name, value in [*zip(classes.names, range(256), strict=False), (self.ignored, classes.ignore_index)]:
            if counts[value]:
                self.add(name, IMAGES)
                self.add(name, PIXELS, int(counts[value]))

    def total(self, outcome: str) -> int:
        """Count the objects of all classes with an outcome."""
        return sum(counts[outcome] for counts in self.counts.values())

    def table(self) -> list[tuple[str, ...]]:
        """Return the counts as rows of text: a head, then one row per class."""
        names = [*self.classes, *(name for name in self.counts if name not in self.classes)]
        found = {outcome for counts in self.counts.values() for outcome in counts}
        first = [TAKEN] if TAKEN in found or IMAGES not in found else []  # a mask of numbers has no objects
        outcomes = [*first, *sorted(found - {TAKEN, SKIPPED}), *([SKIPPED] if SKIPPED in found else [])]
        rows = [(name, *(str(self.counts.get(name, Counter())[key]) for key in outcomes)) for name in names]
        return [('class', *outcomes), *rows]

    def lines(self, most: int = 20) -> list[str]:
        """Return the notes and the reasons to print, at most ``most`` reasons and the number of the rest."""
        lines = [*self.notes, *self.doubts]
        for found in (self.skipped, self.failed):
            lines += [f'skipped: {line}' for line in found[:most]]
            lines += [f'… and {len(found) - most} more'] if len(found) > most else []
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        names = [*self.classes, *(name for name in self.counts if name not in self.classes)]
        counts = {name: dict(sorted(self.counts.get(name, Counter()).items())) for name in names}
        return {
            'classes': counts,
            'skipped': _written(self.skipped),
            'notes': _written(self.notes),
            'doubts': _written(self.doubts),
            'failed': _written(self.failed),
        }


def _written(lines: Iterable[object]) -> list[str]:
    """Return lines as text that a file can hold: bytes of a name that are not UTF-8 are escaped."""
    return [str(line).encode(errors='backslashreplace').decode() for line in lines]


def some(names: Iterable[object], most: int = 5) -> str:
    """Name the first few of many.

    >>> some(['a', 'b', 'c'], 2)
    'a, b and 1 more'
    """
    listed = [str(name) for name in names]
    rest = len(listed) - most
    return ', '.join(listed[:most]) + (f' and {rest} more' if rest > 0 else '')
