"""Tables of audits, cleanings and differences of label sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from mmseg_ext.eda.agreement import SEVERE_IOU, WRONG_IOU, object_iou_of_pairs
from mmseg_ext.eda.audit import Audit
from mmseg_ext.eda.audit.findings import counted
from mmseg_ext.eda.audit.report import count_findings
from mmseg_ext.eda.cleaning import CleaningReport
from mmseg_ext.eda.diff import LabelDiff
from mmseg_ext.eda.table import Cell, Table


def audit_table(result: Audit) -> Table:
    """Count the findings of each check, with a column for each split; checks without findings are left out."""
    rows = [list(row) for row in count_findings(result)]
    columns = dict.fromkeys(('check', 'severity', *result.splits))
    title = f'Findings in {result.labels}: {counted(result.images, "image")}, {counted(result.masks, "mask")}'
    return Table(title, columns, rows)


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


def agreement_table(diffs: Mapping[str, LabelDiff]) -> Table:
    """Measure how well pairs of label sets agree by `object_iou`, with a row for each pair and split.

    Args:
        diffs: Name of the pair → its comparison.
    """
    rows: list[Sequence[Cell]] = []
    for name, diff in diffs.items():
        for split in sorted({file.split for file in diff.files}, key=lambda split: (split != 'train', split)):
            files = [file for file in diff.files if file.split == split and file.status in ('same', 'changed')]
            known = diff.classes
            iou = np.array([object_iou_of_pairs(f.pairs(), known.background, known.ignore_index) for f in files])
            pixels = sum(file.pixels for file in files)
            rows.append([
                name, split, len(files), sum(file.status == 'same' for file in files),
                100 * sum(file.changed for file in files) / pixels if pixels else None,
                float(iou.mean()) if len(iou) else None, int((iou < WRONG_IOU).sum()), int((iou < SEVERE_IOU).sum()),
            ])  # fmt: skip
    columns: dict[str, int | None] = {
        'label sets': None, 'split': None, 'masks': None, 'equal': None, 'changed pixels %': 2,
        'foreground IoU': 4, f'IoU < {WRONG_IOU}': None, f'IoU < {SEVERE_IOU}': None,
    }  # fmt: skip
    return Table('Agreement of label sets', columns, rows, 'Foreground IoU: mean over the masks, regardless of class.')


def flips_table(diff: LabelDiff) -> Table:
    """Count the changed pixels by their classes before and after, most first."""
    flips = diff.flips()
    total = sum(flips.values())
    rows: list[Sequence[Cell]] = [[flip, count, 100 * count / total] for flip, count in flips.items()]
    title = f'Pixels that change from {diff.a} to {diff.b}'
    return Table(title, {'classes': None, 'pixels': None, 'share %': 1}, rows)
