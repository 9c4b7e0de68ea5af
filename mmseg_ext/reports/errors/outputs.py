"""Result folder of an error analysis: ``errors.json``, the page, tables as CSV, charts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_ext.eda.plots import save_figure
from mmseg_ext.evaluation.errors.analysis import Analysis
from mmseg_ext.evaluation.errors.tables import error_tables
from mmseg_ext.files import check_result_folder, staged_folder, write_json, write_text
from mmseg_ext.reports.errors.charts import error_figures
from mmseg_ext.reports.errors.page import GALLERY_IMAGES, write_errors_page

NUMBERS, PAGE = 'errors.json', 'errors.html'
FIGURES = ('causes', 'slices', 'borders', 'calibration')
TABLES = ('causes', 'slices', 'worst', 'objects', 'true', 'predicted', 'borders', 'trimap', 'calibration', 'suspects')
OURS = frozenset({
    NUMBERS,
    PAGE,
    *(f'{name}.{kind}' for name in FIGURES for kind in ('png', 'svg')),
    *(f'{name}.csv' for name in TABLES),
})  # fmt: skip


def check_out(out: str | Path, overwrite: bool = False) -> None:
    """Refuse a folder that holds anything but an earlier analysis that may be replaced; see `check_result_folder`."""
    check_result_folder(out, OURS, overwrite)


def write_error_outputs(
    out: str | Path, analysis: Analysis, summary: Mapping[str, Any], top: int = GALLERY_IMAGES
) -> Path:
    """Write all files into a folder, in place of an earlier analysis.

    Args:
        out: The folder.
        analysis: The analysis, for the page.
        summary: Its numbers, of `summarize_errors`.
        top: Images in each gallery of the page.

    Returns:
        Path of the page.

    Raises:
        InputError: A file cannot be read or written.
    """
    with staged_folder(out) as stage:
        for name, table in error_tables(summary).items():
            write_text(stage / f'{name}.csv', table.csv())
        for name, figure in error_figures(summary).items():
            for kind in ('png', 'svg'):
                save_figure(figure, stage / f'{name}.{kind}')
        write_errors_page(stage / PAGE, analysis, summary, top)
        write_json(stage / NUMBERS, summary)
    return Path(out) / PAGE
