"""Cleaning of a label set into a new one, with tables and a page of all changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.data.classes import Classes
from mmseg_ext.eda.cleaning import DEFAULT_RULES, CleaningReport, Thresholds, clean_label_set
from mmseg_ext.eda.cleaning.report import PAGE, RECORD, TABLE
from mmseg_ext.files import refuse_existing, staged_result
from mmseg_ext.reports.cleaning_page import write_cleaning_page


def clean_labels(
    root: str | Path,
    labels: str,
    to: str,
    *,
    splits: Sequence[str] | None = None,
    rules: Sequence[str] = DEFAULT_RULES,
    thresholds: Thresholds | None = None,
    dry_run: bool = False,
    report: str | Path | None = None,
    overwrite: bool = False,
) -> CleaningReport:
    """Clean a label set into ``root/to``, which also gets ``cleaning.csv``, ``cleaning.json`` and ``cleaning.html``.

    Args:
        root: The data set.
        labels: Name of the label set to read; it is never changed.
        to: Name of the label set to write.
        splits: Which splits; None for all.
        rules: Names of the rules to apply.
        thresholds: When a rule acts.
        dry_run: Leave the data set as it is; only ``report`` is written.
        report: A further folder for the tables and the page.
        overwrite: Replace an earlier cleaned label set or report.

    Raises:
        InputError: The data set or an argument cannot be used, or the label set or a file in ``report`` exists.
    """
    folder = None if report is None else Path(report)
    if folder is not None:
        refuse_existing([folder / name for name in (TABLE, RECORD, PAGE)], overwrite, 'report')

    def write_pages(result: CleaningReport, masks: Path) -> None:
        classes = Classes.read(root)
        if folder is not None or not dry_run:
            write_cleaning_page(masks / PAGE, result, root, masks, classes)
        if folder is not None:
            with staged_result(folder, {TABLE, RECORD, PAGE}) as stage:
                result.write_tables(stage)
                write_cleaning_page(stage / PAGE, result, root, masks, classes)

    return clean_label_set(
        root, labels, to, splits=splits, rules=rules, limits=thresholds, dry_run=dry_run, overwrite=overwrite,
        finish=write_pages,
    )  # fmt: skip
