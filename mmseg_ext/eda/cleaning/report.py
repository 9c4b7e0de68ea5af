"""Report of a cleaning: its changes, as JSON and CSV."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmseg_ext.eda.cleaning.clean import Change
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.files import csv_text, write_json, write_text

RECORD = 'cleaning.json'
TABLE = 'cleaning.csv'
PAGE = 'cleaning.html'
COLUMNS = ('split', 'stem', 'step', 'rule', 'changed_pixels', 'regions_before', 'regions_after')


@dataclass(frozen=True)
class MaskChange:
    """A `Change` and the mask it was made to.

    Attributes:
        split: Name of the split.
        stem: The mask's stem.
        step: Position among the changes of the same mask, from 1.
        change: The change.
    """

    split: str
    stem: str
    step: int
    change: Change

    def row(self) -> tuple[str, str, int, str, int, int, int]:
        """Return the values of `COLUMNS`."""
        change = self.change
        return (
            self.split, self.stem, self.step, change.rule, change.pixels, change.regions_before, change.regions_after,
        )  # fmt: skip


@dataclass
class CleaningReport:
    """Result of a cleaning.

    Attributes:
        labels: Name of the source label set.
        out: Name of the new label set.
        rules: Names of the rules applied.
        limits: Their thresholds.
        masks: Number of masks read.
        changes: One entry for each change, ordered by split, stem and step.
        left_out: One line for each mask that cannot be used; its file was copied as it is if it can be read.
        splits: Splits that were read.
    """

    labels: str
    out: str
    rules: tuple[str, ...]
    limits: Thresholds
    masks: int = 0
    changes: list[MaskChange] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    splits: tuple[str, ...] = ()

    def changed_files(self) -> list[tuple[str, str]]:
        """List split and stem of each mask that was changed."""
        return list(dict.fromkeys((entry.split, entry.stem) for entry in self.changes))

    def totals(self) -> list[tuple[str, int, int]]:
        """List rule, files and pixels changed by it, for each rule applied."""
        rows = []
        for rule in self.rules:
            entries = [entry for entry in self.changes if entry.change.rule == rule]
            files = {(entry.split, entry.stem) for entry in entries}
            rows.append((rule, len(files), sum(entry.change.pixels for entry in entries)))
        return rows

    def as_dict(self) -> dict[str, Any]:
        """Return the content of ``cleaning.json``."""
        return {
            'labels': self.labels,
            'out': self.out,
            'rules': list(self.rules),
            'thresholds': asdict(self.limits),
            'splits': list(self.splits),
            'masks': self.masks,
            'changed_masks': len(self.changed_files()),
            'changes': [dict(zip(COLUMNS, entry.row(), strict=True)) for entry in self.changes],
        }

    def write_tables(self, folder: Path) -> None:
        """Write ``cleaning.json`` and ``cleaning.csv``."""
        write_text(folder / TABLE, csv_text([COLUMNS, *(entry.row() for entry in self.changes)]))
        write_json(folder / RECORD, self.as_dict())
