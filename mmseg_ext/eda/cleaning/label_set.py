"""Cleaning of a whole label set into a new one, which is there complete or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmseg_ext.data.layout import MASK_SUFFIX, Classes, list_stems, read_classes
from mmseg_ext.data.masks import Mask, read_mask, write_mask
from mmseg_ext.eda.cleaning.clean import clean_mask
from mmseg_ext.eda.cleaning.report import RECORD, CleaningReport, MaskChange
from mmseg_ext.eda.cleaning.rules import RULES
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.errors import InputError
from mmseg_ext.files import move_into_place
from mmseg_ext.progress import track


def clean_label_set(
    root: str | Path,
    labels: str,
    out: str,
    *,
    splits: Sequence[str] | None = None,
    rules: Sequence[str] = tuple(RULES),
    limits: Thresholds | None = None,
    dry_run: bool = False,
    overwrite: bool = False,
    finish: Callable[[CleaningReport, Path], None] | None = None,
) -> CleaningReport:
    """Clean the masks ``root/labels/<split>/<stem>.png`` into a new label set ``root/out``.

    The new set is written to a hidden folder beside it and renamed when it is complete, with the tables
    ``cleaning.csv`` and ``cleaning.json``. A mask that no rule changes is copied byte by byte.

    Args:
        root: The data set.
        labels: Name of the label set to read; it is never changed.
        out: Name of the label set to write.
        splits: Which splits; all by default.
        rules: Names of the rules to apply (`RULES`).
        limits: When a rule acts.
        dry_run: Write nothing into ``root``.
        overwrite: Replace an earlier cleaned label set.
        finish: Called with the report and the folder of the complete new label set before it is renamed; what it
            writes there becomes part of the set. In a dry run the folder is a temporary one.

    Raises:
        InputError: A wrong name, split, rule or mask, or ``root/out`` cannot be written.
    """
    root = Path(root)
    classes = read_classes(root)
    _check_names(root, labels, out, rules)
    chosen = _find_splits(root / labels, splits)
    ordered = tuple(rule for rule in RULES if rule in rules)
    report = CleaningReport(labels, out, ordered, limits or Thresholds())
    with _staging(root / out, dry_run, overwrite) as folder:
        files = [
            (split, path) for split in chosen for path in list_stems(root / labels / split, (MASK_SUFFIX,)).values()
        ]
        for split, path in track(files, f'cleaning {labels}', total=len(files)):
            mask = read_known_mask(path, classes)
            cleaned = clean_mask(mask, ignore_index=classes.ignore_index, rules=ordered, limits=report.limits)
            report.masks += 1
            report.changes += [
                MaskChange(split, path.stem, step, change) for step, change in enumerate(cleaned.changes, start=1)
            ]
            _write(
                folder / split / f'{path.stem}{MASK_SUFFIX}', path, cleaned.mask if cleaned.changes else None, classes
            )
        report.write_tables(folder)
        if finish is not None:
            finish(report, folder)
    return report


def read_known_mask(path: Path, classes: Classes) -> Mask:
    """Read a mask and refuse values that are neither a class nor the ignored value (`InputError`)."""
    mask = read_mask(path)
    wrong = np.unique(mask[(mask >= len(classes.names)) & (mask != classes.ignore_index)])
    if len(wrong):
        raise InputError(
            f'{path}: holds the value {wrong[0]}, but the classes are 0 to {len(classes.names) - 1} and '
            f'{classes.ignore_index} is ignored; mend the mask or dataset.yaml'
        )
    return mask


def _check_names(root: Path, labels: str, out: str, rules: Sequence[str]) -> None:
    if unknown := [rule for rule in rules if rule not in RULES]:
        raise InputError(f'rule {unknown[0]}: not known; choose from {", ".join(RULES)}')
    if not rules:
        raise InputError(f'no rule is given; choose from {", ".join(RULES)}')
    if not out or out.startswith('.') or Path(out).name != out or out == 'img':
        raise InputError(f'label set {out!r}: must be the name of a folder beside img, such as {labels}_clean')
    if out == labels:
        raise InputError(f'label set {out}: is the source itself, which is never changed; name another')
    if not (root / labels).is_dir():
        raise InputError(f'{root / labels}: no such label set; name a folder of {root} that holds masks')


def _find_splits(folder: Path, wanted: Sequence[str] | None) -> list[str]:
    found = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith('.'))
    missing = [split for split in wanted or () if split not in found]
    if missing:
        raise InputError(f'{folder / missing[0]}: no such split; choose from {", ".join(found) or "none"}')
    chosen = found if wanted is None else list(dict.fromkeys(wanted))
    if not chosen:
        raise InputError(f'{folder}: no split to clean; it holds {", ".join(found) or "none (a folder such as train)"}')
    return chosen


def _write(target: Path, source: Path, mask: Mask | None, classes: Classes) -> None:
    """Write a changed mask, or copy the file of an unchanged one (None)."""
    if mask is not None:
        write_mask(target, mask, classes.palette)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


@contextmanager
def _staging(target: Path, dry_run: bool, overwrite: bool) -> Iterator[Path]:
    """A folder that becomes ``target`` when the block ends without an exception, and vanishes otherwise."""
    if not dry_run:
        _refuse_occupied(target, overwrite)
    try:
        with tempfile.TemporaryDirectory(prefix=f'.{target.name}-', dir=None if dry_run else target.parent) as name:
            fresh = Path(name) / 'new'
            fresh.mkdir()
            yield fresh
            if not dry_run:
                move_into_place(fresh, target, Path(name) / 'old')
    except OSError as error:
        raise InputError(
            f'{target}: cannot be written ({error.strerror or error}); free space or choose another folder'
        ) from error


def _refuse_occupied(target: Path, overwrite: bool) -> None:
    if not target.exists():
        return
    if not overwrite:
        raise InputError(f'{target}: exists already; name another label set, or replace a cleaned one with --overwrite')
    if not (target / RECORD).is_file():
        raise InputError(f'{target}: was not written by this tool (no {RECORD}); name another label set')
