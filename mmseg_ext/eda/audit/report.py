"""An audit as JSON, CSV and tables for the terminal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_ext.eda.audit.findings import SEVERITIES, Finding, counted
from mmseg_ext.eda.audit.label_set import Audit
from mmseg_ext.eda.audit.rules import RULES
from mmseg_ext.files import csv_text, write_json, write_text

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ('check', 'severity', 'split', 'stem', 'value', 'message')
MAX_ROWS = 40
STYLES = {'error': 'red', 'warning': 'yellow', 'info': 'cyan'}


def write_audit_json(path: str | Path, result: Audit) -> None:
    """Write ``{"summary": {…}, "findings": [{"check", "severity", "split", "stem", "value", "message", "boxes"}, …]}``.

    ``boxes`` are left, top, width and height in pixels of the mask; a finding without a place has none.
    """
    findings = [finding.as_dict() | {'boxes': finding.boxes} for finding in result.findings]
    write_json(path, {'summary': result.summary(), 'findings': findings})


def write_findings_csv(path: str | Path, result: Audit) -> None:
    """Write one row for each finding; a finding without a value has an empty cell."""
    rows = [finding.as_dict() for finding in result.findings]
    write_text(path, csv_text([COLUMNS, *([row[name] for name in COLUMNS] for row in rows)]))


def checks_table(result: Audit) -> Table:
    """Make a table of the number of findings of each check, by split."""
    from rich.table import Table

    table = Table(title=f'{result.labels}: {counted(result.images, "image")}, {counted(result.masks, "mask")}')
    for column in ('check', 'severity', *result.splits):
        table.add_column(column, justify='left' if column in ('check', 'severity') else 'right')
    for check, severity, *counts in count_findings(result):
        table.add_row(check, severity, *map(str, counts), style=STYLES[severity])
    return table


def count_findings(result: Audit) -> list[tuple[Any, ...]]:
    """List the checks that report something, with severity and number of findings in each split."""
    counts = Counter((finding.check, finding.split) for finding in result.findings)
    severities = {finding.check: finding.severity for finding in result.findings}
    found = [check for check in RULES if check in severities]
    return [(check, severities[check], *(counts[check, split] for split in result.splits)) for check in found]


def findings_table(result: Audit, most: int = MAX_ROWS) -> Table:
    """Make a table of the first ``most`` findings, errors first."""
    from rich.markup import escape
    from rich.table import Table

    shown = sorted(result.findings, key=_rank)[:most]
    hidden = len(result.findings) - len(shown)
    caption = f'{hidden} more, less severe; all are in the JSON and CSV reports' if hidden else None
    table = Table(title=f'findings: {len(result.findings)}', caption=caption)
    for column in ('check', 'file', 'value', 'message'):
        table.add_column(column, justify='right' if column == 'value' else 'left', overflow='fold')
    for finding in shown:
        value = '' if finding.value is None else f'{finding.value:g}'
        file = escape(f'{finding.split}/{finding.stem}')
        table.add_row(finding.check, file, value, escape(finding.message), style=STYLES[finding.severity])
    return table


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)
