"""A label set with foreign values, converted into a new one of class indices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ext.data import Classes, DataSet, LabelSet, list_stems, write_mask
from mmseg_ext.data.classes import FILE_NAME
from mmseg_ext.data.dataset import MASK_SUFFIX
from mmseg_ext.data.remapping import LOSSY_SUFFIXES, SUFFIXES, Remapping, make_remapping
from mmseg_ext.errors import InputError
from mmseg_ext.files import check_result_folder, recorded_names, refuse_existing, staged_folder, write_json
from mmseg_ext.progress import track

RECORD = 'remap.json'
MAX_NAMED_VALUES = 12


@dataclass
class RemapReport:
    """Result of a remapping.

    Attributes:
        classes: Of the data set.
        remapping: The table.
        masks: Number of masks converted.
        pixels: Pixels before, by value, range or colour (`Remapping.entry_of`).
        files: Masks that hold it, by the same.
        left_out: One line for each mask that cannot be used.
        splits: Splits that were read.
    """

    classes: Classes
    remapping: Remapping
    masks: int = 0
    pixels: Counter[int] = field(default_factory=Counter)
    files: Counter[int] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)
    splits: tuple[str, ...] = ()

    def becomes(self, key: int) -> str:
        """Name what a value or colour becomes: ``1 cat``, ``ignored``."""
        value = self.remapping.target(key)
        if value is None:
            return '?'
        return self._name(value)

    def _name(self, value: int) -> str:
        return 'ignored' if value == self.classes.ignore_index else f'{value} {self.classes.names[value]}'

    def before(self) -> list[tuple[str, str, int, int]]:
        """List value or colour, what it becomes, pixels and masks, by value."""
        rows = [(key, self.becomes(key), self.pixels[key], self.files[key]) for key in sorted(self.pixels)]
        return [(self.remapping.name(key), *rest) for key, *rest in rows]  # type: ignore[misc]

    def after(self) -> dict[str, int]:
        """Count the pixels of each class, and of the ignored value, after the remapping."""
        counts: Counter[int] = Counter()
        for key, pixels in self.pixels.items():
            value = self.remapping.target(key)
            assert value is not None
            counts[value] += pixels
        values = [*range(len(self.classes.names)), self.classes.ignore_index]
        return {self._name(value): counts[value] for value in values}

    def as_dict(self) -> dict[str, Any]:
        """Return the content of ``remap.json``."""
        columns = ('value', 'becomes', 'pixels', 'masks')
        before = [dict(zip(columns, row, strict=True)) for row in self.before()]
        return {
            'splits': list(self.splits), 'masks': self.masks, 'before': before, 'after': self.after(),
            'left_out': self.left_out,
        }  # fmt: skip


def remap_labels(
    root: str | Path,
    labels: str,
    to: str,
    *,
    table: Sequence[str] = (),
    source: str | Path | None = None,
    by_colour: bool = False,
    reduce_zero_label: bool = False,
    keep_others: bool = False,
    alpha: bool = False,
    splits: Sequence[str] | None = None,
    dry_run: bool = False,
    json: str | Path | None = None,
    overwrite: bool = False,
) -> RemapReport:
    """Convert the masks of a label set into ``root/to``, whose values are the classes of ``dataset.yaml``.

    Every mask is read twice: first all values are counted, and nothing is written where one is not named.

    Args:
        root: The data set.
        labels: The label set to read: PNG, TIFF, BMP or GIF; it is never changed.
        to: The label set to write, as palette PNG.
        table: ``FROM=TO``, as of `make_remapping`.
        source: A ``dataset.yaml`` with the classes of the masks as they are, or its folder.
        by_colour: Look up the colours of ``dataset.yaml`` in RGB masks or palettes.
        reduce_zero_label: 0 is "unlabelled": it becomes ignored, and every other value one less.
        keep_others: Values that nothing names stay, where they are a class or ignored.
        alpha: Take the values of the alpha channel, where the mask is what is opaque.
        splits: Which splits; None for all.
        dry_run: Count, and write nothing into the data set.
        json: File for the report.
        overwrite: Replace an earlier remapped label set that holds no other splits, and ``json``.

    Raises:
        InputError: An argument cannot be used, a value is named by nothing, no mask can be read, or ``to`` exists.
    """
    data = DataSet(root)
    classes, masks, target = data.classes, data.label_set(labels), data.new_label_set(to, labels).folder
    chosen = masks.splits(splits)
    refuse_existing([Path(json)] if json is not None else [], overwrite, 'json')
    if not dry_run:
        written = recorded_names(target / RECORD, 'splits').intersection(chosen)
        check_result_folder(target, {RECORD, *written}, overwrite, record=RECORD, argument='to')
    remapping = make_remapping(
        classes, table, old=None if source is None else _read_classes(Path(source)), by_colour=by_colour,
        reduce_zero_label=reduce_zero_label, keep_others=keep_others, alpha=alpha,
    )  # fmt: skip
    report = RemapReport(classes, remapping, splits=chosen)
    files = _count(report, masks)
    _refuse_unnamed(report, masks.folder)
    if json is not None:
        write_json(json, report.as_dict())
    if not dry_run:
        with staged_folder(target) as stage:
            for (split, stem), path in track(files.items(), f'writing {to}', total=len(files)):
                mask = remapping.apply(remapping.read(path))
                write_mask(stage / split / f'{stem}{MASK_SUFFIX}', mask, classes.palette)
            write_json(stage / RECORD, report.as_dict())
    return report


def _read_classes(source: Path) -> Classes:
    return Classes.read(source.parent if source.name == FILE_NAME else source)


def _count(report: RemapReport, masks: LabelSet) -> dict[tuple[str, str], Path]:
    """Count the values of all masks, and return the files of those that can be read."""
    found = {
        (split, stem): path
        for split in report.splits
        for stem, path in list_stems(masks.folder / split, (*SUFFIXES, *LOSSY_SUFFIXES)).items()
    }
    usable = {}
    for key, path in track(found.items(), f'reading {masks.folder.name}', total=len(found)):
        try:
            values, counts = np.unique(report.remapping.read(path), return_counts=True)
        except InputError as error:
            report.left_out.append(str(error))
            continue
        usable[key] = path
        report.masks += 1
        entries = [report.remapping.entry_of(value) for value in values.tolist()]
        for entry, count in zip(entries, counts.tolist(), strict=True):
            report.pixels[entry] += count
        report.files.update(set(entries))
    if not usable:
        first = f'; the first problem: {report.left_out[0]}' if report.left_out else ''
        raise InputError(masks.folder, f'holds no mask that can be used{first}', f'masks must be {", ".join(SUFFIXES)}')
    return usable


def _refuse_unnamed(report: RemapReport, folder: Path) -> None:
    unnamed = [key for key in sorted(report.pixels) if report.remapping.target(key) is None]
    if not unnamed:
        return
    named = ', '.join(f'{report.remapping.name(key)} ({report.files[key]})' for key in unnamed[:MAX_NAMED_VALUES])
    more = f' and {len(unnamed) - MAX_NAMED_VALUES} more' if len(unnamed) > MAX_NAMED_VALUES else ''
    example = f'{report.remapping.name(unnamed[0])}={report.classes.names[0]}'
    raise InputError(
        folder,
        f'holds {"colours" if report.remapping.by_colour else "values"} without a mapping (number of masks): '
        f'{named}{more}',
        f'map each, such as `table` {example}, or to ignored',
    )
