"""The comparison as one HTML file that needs no network."""

from __future__ import annotations

import base64
import gzip
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mmseg_ext.errors import InputError
from mmseg_ext.files import write_text
from mmseg_ext.reports.compare.cells import Cell, columns, group_cells, run_cells, shown
from mmseg_ext.reports.compare.comparison import Comparison
from mmseg_ext.reports.compare.documents import to_json
from mmseg_ext.reports.compare.figures import COSTS
from mmseg_ext.reports.compare.page_data import page_data
from mmseg_ext.reports.compare.pairs import PairedSet
from mmseg_ext.reports.compare.pictures import BUDGET, Pictures, make_pictures
from mmseg_ext.reports.page_parts import HERE, page_environment, read_parts, script_hash
from mmseg_ext.runs.record import FINISHED

SCRIPTS = ('compare_table.js', 'compare_charts.js', 'compare_pair.js', 'compare_start.js')  # run as one
TICKED = 8  # runs shown in the charts at first, or a few more: a group is shown whole
MOST_COLUMNS = 6  # experiments side by side


@dataclass(frozen=True)
class Row:
    """One row of the table of runs."""

    label: str
    note: str
    cells: list[Cell]
    run: str | None  # the run that its box ticks; None: those of the group
    problem: bool = False


def write_comparison(
    path: str | Path,
    comparison: Comparison,
    sets: Sequence[PairedSet],
    *,
    title: str = 'Comparison of runs',
    pictures: bool = True,
) -> None:
    """Write the page, atomically.

    Args:
        path: The HTML file.
        comparison: See `mmseg_ext.reports.compare.comparison.compare`.
        sets: See `mmseg_ext.reports.compare.pairs.paired_sets`.
        title: Heading of the page.
        pictures: Whether photographs and masks may stand in it.

    Raises:
        InputError: The file cannot be written, or Plotly is not installed.
    """
    made: list[Pictures] = []
    for one in sets:
        left = BUDGET - sum(earlier.size for earlier in made)
        made.append(make_pictures(one, left) if pictures else Pictures())
    folder = Path(__file__).parent
    environment = page_environment(folder)
    environment.filters['shown'] = shown
    script = read_parts(*(folder / name for name in SCRIPTS), HERE / 'sorting.js')
    plotly = _plotly_source()
    page = environment.get_template('compare.html').render(
        title=title,
        comparison=comparison,
        columns=columns(comparison),
        groups=[_rows(comparison, number) for number in range(len(comparison.groups))],
        ticked=_ticked(comparison),
        problems=[run for run in comparison.runs if run.status != FINISHED or run.reason],
        warnings=_warnings(comparison, sets),
        settings=_settings(comparison),
        kinds_of_pareto=COSTS,
        pictures_note=_pictures_note(made) if pictures else 'This page was made without pictures.',
        style=Markup(read_parts(HERE / 'page.css', folder / 'compare.css')),
        script=Markup(script),
        plotly=Markup(_packed(plotly)),
        data=Markup(_packed(to_json(page_data(comparison, sets, made)))),
        hashes=[script_hash(script), script_hash(plotly)],
    )
    # Names of files may hold bytes that are no UTF-8 (as surrogates); the page shows a question mark for them.
    write_text(path, page.encode('utf-8', 'replace').decode('utf-8'))


def _rows(comparison: Comparison, number: int) -> list[Row]:
    """The group's row, and below it those of its runs where it has several."""
    group = comparison.groups[number]
    rows = [
        Row(
            run.name,
            run.experiment if run.experiment != run.name else '',
            run_cells(comparison, run),
            run.name,
            run.status != FINISHED or bool(run.reason),
        )
        for run in group.runs
    ]
    if len(rows) == 1:
        return rows
    note = group.experiment if group.experiment != group.label else ''
    return [Row(group.label, note, group_cells(comparison, group), None), *rows]


def _settings(comparison: Comparison) -> list[list[Any]]:
    """The hyperparameters that differ, a row each; with many experiments a row for each of those."""
    labels = [group.label for group in comparison.groups]
    rows = [['hyperparameter', *labels], *([key, *values] for key, values in comparison.differing.items())]
    if len(labels) <= MOST_COLUMNS:
        return rows
    rows[0][0] = 'experiment'
    return [list(row) for row in zip(*rows, strict=True)]


def _ticked(comparison: Comparison) -> set[str]:
    """The runs of the best groups by the first kind, until there are enough."""
    kind = next(iter(comparison.kinds), '')
    spreads = {group.label: comparison.spread(group, kind) for group in comparison.groups}
    ranked = sorted(comparison.groups, key=lambda group: -(one.mean if (one := spreads[group.label]) else -1.0))
    ticked: set[str] = set()
    for group in ranked:
        if len(ticked) < TICKED:
            ticked |= {run.name for run in group.runs}
    return ticked


def _warnings(comparison: Comparison, sets: Sequence[PairedSet]) -> list[str]:
    """What makes numbers of one column incomparable."""
    found = []
    for kind in comparison.kinds:
        truths = [one for one in sets if any(entry[1] == kind for entry in one.entries)]
        if len(truths) > 1:
            sizes = ', '.join(
                f'{len(one.stems)} images of {" / ".join(one.classes)} for '
                f'{sum(entry[1] == kind for entry in one.entries)} run(s)'
                for one in truths
            )
            found.append(f'{kind} does not mean the same images and masks for all runs: {sizes}.')
    return found


def _pictures_note(made: Sequence[Pictures]) -> str:
    shown, total = sum(len(one.images) for one in made), sum(one.total for one in made)
    missing = sum(one.missing for one in made)
    if not shown:
        return (
            'There are no pictures: no run has predicted masks (tools/test.py writes them), or the images are not here.'
        )
    note = f'Pictures of {shown} of {total} images' if shown < total else f'Pictures of all {total} images'
    if shown + missing < total:
        note += f', those on which the runs differ most (a page holds {BUDGET / 1e6:g} MB of pictures)'
    return note + (f'; {missing} could not be read.' if missing else '.')


def _plotly_source() -> str:
    try:
        offline = importlib.import_module('plotly.offline')
    except ModuleNotFoundError as error:
        raise InputError('the page needs plotly, which is not installed: pip install "mmseg_ext[train]"') from error
    return str(offline.get_plotlyjs())


def _packed(text: str) -> str:
    """Text as gzip in base64, which the page's script unpacks: Plotly then takes 2 MB and not 5."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()
