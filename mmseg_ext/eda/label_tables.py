"""Tables of audits, cleanings and differences of label sets."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from mmseg_ext.eda.audit import RULES, Audit
from mmseg_ext.eda.cleaning import CleaningReport
from mmseg_ext.eda.diff import FileDiff, LabelDiff
from mmseg_ext.eda.table import Cell, Table

DOUBTFUL_IOU, WRONG_IOU = 0.8, 0.5  # foreground IoU below which two masks of one image mean different things


def audit_table(result: Audit) -> Table:
    """Count the findings of each check, with a column for each split; checks without findings are left out."""
    counts = Counter((finding.check, finding.split) for finding in result.findings)
    severities = {finding.check: finding.severity for finding in result.findings}
    rows: list[Sequence[Cell]] = [
        [check, severities[check], *(counts[check, split] for split in result.splits)]
        for check in RULES
        if check in severities
    ]
    columns = dict.fromkeys(('check', 'severity', *result.splits))
    return Table(f'Findings in {result.labels}: {result.images} images, {result.masks} masks', columns, rows)


def findings_table(result: Audit, checks: Sequence[str]) -> Table:
    """List the values of some checks, with a row for each file that one of them reports."""
    values: defaultdict[tuple[str, str], dict[str, float | None]] = defaultdict(dict)
    for finding in result.findings:
        if finding.check in checks:
            values[finding.split, finding.stem][finding.check] = finding.value
    rows: list[Sequence[Cell]] = [
        [split, stem, *(found.get(check) for check in checks)] for (split, stem), found in values.items()
    ]
    columns: dict[str, int | None] = {'split': None, 'file': None, **dict.fromkeys(checks, 2)}
    return Table(f'Files of {result.labels} with {", ".join(checks)}', columns, rows)


def cleaning_table(report: CleaningReport) -> Table:
    """Count the files and pixels that each rule changed."""
    title = f'Changes from {report.labels} to {report.out}'
    note = f'{len(report.changed_files())} of {report.masks} masks changed.'
    return Table(title, dict.fromkeys(('rule', 'files', 'pixels')), [list(row) for row in report.totals()], note)


def foreground_iou(file: FileDiff, background: int | None = 0) -> float:
    """Compute the IoU of "any class but the first" in two masks of an image, 0–1; 1 where both have none.

    Where no class is background, it is the share of equal pixels. Ignored pixels of either mask count as foreground.
    NaN where the masks cannot be compared.
    """
    if file.status not in ('same', 'changed'):
        return math.nan
    if background is None:
        return 1 - file.share
    sizes = [sum(count for value, count in side.items() if value) for side in (file.first, file.second)]
    both = sizes[0] - sum(count for (before, after), count in file.flips.items() if before and not after)
    either = sum(sizes) - both
    return both / either if either else 1.0


def agreement_table(diffs: Mapping[str, LabelDiff]) -> Table:
    """Measure how well pairs of label sets agree, with a row for each pair and split.

    Args:
        diffs: Name of the pair → its comparison.
    """
    rows: list[Sequence[Cell]] = []
    for name, diff in diffs.items():
        for split in sorted({file.split for file in diff.files}, key=lambda split: (split != 'train', split)):
            files = [file for file in diff.files if file.split == split and file.status in ('same', 'changed')]
            iou = np.array([foreground_iou(file, diff.classes.background) for file in files])
            pixels = sum(file.pixels for file in files)
            rows.append([
                name, split, len(files), sum(file.status == 'same' for file in files),
                100 * sum(file.changed for file in files) / pixels if pixels else None,
                float(iou.mean()) if len(iou) else None, int((iou < DOUBTFUL_IOU).sum()), int((iou < WRONG_IOU).sum()),
            ])  # fmt: skip
    columns: dict[str, int | None] = {
        'label sets': None, 'split': None, 'masks': None, 'equal': None, 'changed pixels %': 2,
        'foreground IoU': 4, f'IoU < {DOUBTFUL_IOU}': None, f'IoU < {WRONG_IOU}': None,
    }  # fmt: skip
    return Table(
        'Agreement of label sets', columns, rows, 'Foreground IoU: mean over the masks, classes not told apart.'
    )


def flips_table(diff: LabelDiff) -> Table:
    """Count the changed pixels by their classes before and after, most first."""
    flips = diff.flips()
    total = sum(flips.values())
    rows: list[Sequence[Cell]] = [[flip, count, 100 * count / total] for flip, count in flips.items()]
    title = f'Pixels that change from {diff.a} to {diff.b}'
    return Table(title, {'classes': None, 'pixels': None, 'share %': 1}, rows)
