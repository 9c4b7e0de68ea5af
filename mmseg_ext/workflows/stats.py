"""Statistics of a data set, written as tables and plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmseg_ext.eda.statistics import (
    Drift,
    Statistics,
    Table,
    check_out,
    collect_statistics,
    make_tables,
    measure_drift,
    write_report,
)


@dataclass(frozen=True)
class DataStatistics:
    """Statistics of a data set.

    Attributes:
        statistics: The measured images and objects.
        drifts: How far each split is from the reference.
        tables: The tables by name.
        page: ``statistics.md``, if it was written.
    """

    statistics: Statistics
    drifts: Sequence[Drift]
    tables: dict[str, Table]
    page: Path | None


def measure_data(
    root: str | Path,
    labels: str = 'labels',
    splits: Sequence[str] | None = None,
    *,
    reference: str = 'train',
    background: str = '',
    out: str | Path | None = None,
    overwrite: bool = False,
    workers: str = '1',
) -> DataStatistics:
    """Measure class balance, object areas, brightness and contrast, positions, and drift between splits.

    Args:
        root: The data set.
        labels: Name of the label set.
        splits: Which splits; None for all.
        reference: The split from which drift is measured.
        background: Name of the class that is no object, or ``none``; by default what ``dataset.yaml`` says.
        out: Folder for ``statistics.md``, the tables as CSV and the plots.
        overwrite: Replace an earlier result in ``out``.
        workers: Number of processes, or ``dask://host:port``.

    Raises:
        InputError: The data set, all of its files or an argument cannot be used, or ``out`` holds other files.
    """
    if out is not None:
        check_out(out, overwrite)
    statistics = collect_statistics(root, labels, splits, background=background, workers=workers)
    drifts = measure_drift(statistics, reference)
    tables = make_tables(statistics, reference, drifts)
    page = None
    if out is not None:
        page = write_report(out, statistics, tables, drifts, reference=reference, overwrite=overwrite)
    return DataStatistics(statistics, drifts, tables, page)
