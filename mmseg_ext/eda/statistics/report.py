"""Report of statistics: tables as CSV and Markdown, figures as PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmseg_ext.eda.plots import save_figure
from mmseg_ext.eda.statistics.collect import Statistics
from mmseg_ext.eda.statistics.drift import Drift, reference_split
from mmseg_ext.eda.statistics.figures import (
    area_figure,
    balance_figure,
    drift_figure,
    light_figure,
    position_figure,
)
from mmseg_ext.eda.table import Table
from mmseg_ext.files import check_result_folder, staged_folder, write_text

PAGE = 'statistics.md'
FIGURES = ('balance', 'area', 'light', 'position', 'drift')
FORMATS = ('png', 'svg')
FILES = frozenset({PAGE, 'images.csv', *(f'{name}.{kind}' for name in FIGURES for kind in ('csv', *FORMATS))})


def check_out(out: str | Path, overwrite: bool = False) -> None:
    """Refuse a folder that holds anything but an earlier result that may be replaced.

    Raises:
        InputError: As for `mmseg_ext.files.check_result_folder`.
    """
    check_result_folder(out, FILES, overwrite)


def write_report(
    out: str | Path,
    statistics: Statistics,
    tables: dict[str, Table],
    drifts: Sequence[Drift],
    *,
    reference: str = 'train',
    overwrite: bool = False,
) -> Path:
    """Write ``statistics.md``, each table as CSV and each figure as PNG and SVG into one folder.

    Args:
        out: The folder.
        statistics: From `collect_statistics`.
        tables: From `make_tables`.
        drifts: From `measure_drift`.
        reference: The split that the others are compared with.
        overwrite: Replace an earlier result.

    Returns:
        The page, ``out/statistics.md``.

    Raises:
        InputError: The folder holds other files, or an earlier result without ``overwrite``.
    """
    check_out(out, overwrite)
    figures = {
        'balance': balance_figure(statistics),
        'area': area_figure(statistics),
        'light': light_figure(statistics),
        'position': position_figure(statistics),
        'drift': drift_figure(statistics, drifts, reference_split(statistics, reference)),
    }
    lines = [f'# Statistics of {statistics.labels}', '']
    with staged_folder(out) as stage:
        for name, table in tables.items():
            write_text(stage / f'{name}.csv', table.csv())
            lines += [table.markdown()]
            if name in figures:
                for kind in FORMATS:
                    save_figure(figures[name], stage / f'{name}.{kind}')
                lines += [f'![{table.title}]({name}.png)', '']
        write_text(stage / PAGE, '\n'.join(lines))
    return Path(out) / PAGE
