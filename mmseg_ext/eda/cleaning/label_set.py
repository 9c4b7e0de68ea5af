"""Cleaning of a whole label set into a new one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from mmseg_ext.data import Classes, DataSet, Mask, write_mask
from mmseg_ext.data.classes import FILE_NAME
from mmseg_ext.data.masks import read_palette_mask
from mmseg_ext.eda.cleaning.clean import DEFAULT_RULES, RULES, clean_mask
from mmseg_ext.eda.cleaning.report import PAGE, RECORD, TABLE, CleaningReport, MaskChange
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.errors import InputError
from mmseg_ext.files import check_result_folder, recorded_names, staged_folder
from mmseg_ext.progress import track
from mmseg_ext.reading import load_bytes


def clean_label_set(
    root: str | Path,
    labels: str,
    out: str,
    *,
    splits: Sequence[str] | None = None,
    rules: Sequence[str] = DEFAULT_RULES,
    limits: Thresholds | None = None,
    dry_run: bool = False,
    overwrite: bool = False,
    finish: Callable[[CleaningReport, Path], None] | None = None,
) -> CleaningReport:
    """Clean the masks ``root/labels/<split>/<stem>.png`` into a new label set ``root/out``.

    The new set is written to a hidden folder next to it and renamed when it is complete, with the tables
    ``cleaning.csv`` and ``cleaning.json``. A mask that no rule changes is copied byte by byte, and so is one that
    cannot be used, unless its file cannot be read at all.

    Args:
        root: The data set.
        labels: Name of the label set to read; it is never changed.
        out: Name of the label set to write.
        splits: Which splits; all by default.
        rules: Names of the rules to apply (`RULES`).
        limits: When a rule acts.
        dry_run: Write nothing into ``root``.
        overwrite: Replace an earlier cleaned label set that holds no other splits.
        finish: Called with the report and the folder of the complete new label set before it is renamed; files that
            it writes there become part of the set. In a dry run the folder is a temporary one.

    Raises:
        InputError: A wrong name, split or rule, no background, or ``root/out`` cannot be written.
    """
    data = DataSet(root)
    classes = data.classes
    source, target = data.label_set(labels), data.new_label_set(out, labels).folder
    _check_rules(rules)
    if classes.background is None:
        raise InputError(
            data.root / FILE_NAME,
            'has `background: null`, but cleaning moves the border between objects and background',
            'use mmseg-ext rank to find wrong masks',
        )
    ordered = tuple(rule for rule in RULES if rule in rules)
    report = CleaningReport(labels, out, ordered, limits or Thresholds(), splits=source.splits(splits))
    files = source.files(splits)
    if not dry_run:
        written = recorded_names(target / RECORD, 'splits').intersection(report.splits)
        check_result_folder(target, {RECORD, TABLE, PAGE, *written}, overwrite, record=RECORD, argument='to')
    with tempfile.TemporaryDirectory() if dry_run else staged_folder(target) as name:
        folder = Path(name)
        for (split, stem), path in track(files.items(), f'cleaning {labels}', total=len(files)):
            try:
                content = load_bytes(path)
            except OSError as error:
                report.left_out.append(str(InputError(path, f'cannot be read ({error.strerror})')))
                continue
            try:
                mask, palette = read_palette_mask(path)
                classes.check(mask, path, palette)
            except InputError as error:
                report.left_out.append(str(error))
                _write(folder / split / path.name, content, classes)
                continue
            cleaned = clean_mask(mask, ignore_index=classes.ignore_index, rules=ordered, limits=report.limits)
            report.masks += 1
            report.changes += [
                MaskChange(split, stem, step, change) for step, change in enumerate(cleaned.changes, start=1)
            ]
            _write(folder / split / path.name, cleaned.mask if cleaned.changes else content, classes)
        report.write_tables(folder)
        if finish is not None:
            finish(report, folder)
    return report


def _check_rules(rules: Sequence[str]) -> None:
    if unknown := [rule for rule in rules if rule not in RULES]:
        raise InputError(f'`rules={unknown[0]}`', 'no such rule', f'choose from {", ".join(RULES)}')
    if not rules:
        raise InputError('`rules`', 'lists no rules', f'choose from {", ".join(RULES)}')


def _write(target: Path, mask: Mask | bytes, classes: Classes) -> None:
    """Write a changed mask, or the content of the file of an unchanged one."""
    if isinstance(mask, bytes):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(mask)
    else:
        write_mask(target, mask, classes.palette)
