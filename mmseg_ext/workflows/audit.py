"""Audit of a label set, written as JSON, CSV and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.eda.audit import Audit, audit_label_set, read_rules, write_audit_json, write_findings_csv
from mmseg_ext.files import refuse_existing, staged_result

FILES = ('audit.json', 'findings.csv', 'audit.html')


def audit_labels(
    root: str | Path,
    labels: str = 'labels',
    splits: Sequence[str] | None = None,
    *,
    thresholds: str | Path | None = None,
    settings: Sequence[str] = (),
    workers: str = '1',
    out: str | Path | None = None,
    json: str | Path | None = None,
    overwrite: bool = False,
) -> Audit:
    """Audit a label set, and write what was found.

    Args:
        root: The data set.
        labels: Name of the label set.
        splits: Which splits; None for all.
        thresholds: TOML file of thresholds and severities, one table per check.
        settings: Single ones: ``check.threshold=number`` or ``check.severity=error|warning|info|off``.
        workers: Number of processes, or ``dask://host:port``.
        out: Folder for ``audit.json``, ``findings.csv`` and ``audit.html``.
        json: File for the same JSON.
        overwrite: Replace earlier results.

    Raises:
        InputError: The data set or an argument cannot be used, or a file exists.
    """
    targets = [Path(out) / name for name in FILES] if out is not None else []
    refuse_existing(targets, overwrite)
    refuse_existing([Path(json)] if json is not None else [], overwrite, 'json')
    result = audit_label_set(root, labels, splits, read_rules(thresholds, settings), workers)
    if json is not None:
        write_audit_json(json, result)
    if out is not None:
        from mmseg_ext.reports.audit_page import write_audit_page

        with staged_result(out, set(FILES)) as stage:
            write_audit_json(stage / FILES[0], result)
            write_findings_csv(stage / FILES[1], result)
            write_audit_page(stage / FILES[2], result)
    return result
