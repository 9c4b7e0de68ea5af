"""The page of a comparison: one HTML file that needs no network."""

from __future__ import annotations

import base64
import gzip
import importlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from mmseg_ext.eda.audit.findings import counted
from mmseg_ext.errors import InputError, installing
from mmseg_ext.files import write_text
from mmseg_ext.reports.compare.charts import COSTS, comparison_figures, pair_figure, run_styles
from mmseg_ext.reports.compare.comparison import Comparison
from mmseg_ext.reports.compare.conclusions import conclude, score_chart
from mmseg_ext.reports.compare.pairs import PairedSet
from mmseg_ext.reports.compare.tables import Cell, columns, group_cells, hyperparameter_text, run_cells
from mmseg_ext.reports.compare.thumbnails import MAX_BYTES, Thumbnails, make_thumbnails
from mmseg_ext.reports.html_page import load_template, page_script, page_style, script_hash
from mmseg_ext.runs.record import FINISHED

HERE = Path(__file__).parent
TICKED_RUNS = 8  # shown in the charts at first, or a few more, since a group is shown whole
MAX_EXPERIMENT_COLUMNS = 6  # with more experiments, the table of hyperparameters has a row for each
NO_DICE = 65535  # Dice is stored as whole numbers up to the one before


@dataclass(frozen=True)
class Row:
    """A row of the table of runs.

    Attributes:
        label: Name of the run or group.
        note: Shown below the name.
        cells: One for each column.
        run: The run that its checkbox stands for; None: all runs of the group.
        problem: Whether the run is unfinished or was read only in part.
    """

    label: str
    note: str
    cells: list[Cell]
    run: str | None
    problem: bool = False


def write_comparison_page(
    path: str | Path, comparison: Comparison, *, title: str = 'Comparison of runs', pictures: bool = True
) -> None:
    """Write the page, atomically.

    Args:
        path: The HTML file.
        comparison: Of `compare_runs`.
        title: Heading of the page.
        pictures: Whether images and masks may be in it.

    Raises:
        InputError: The file cannot be written, or Plotly is not installed.
    """
    thumbnails: list[Thumbnails] = []
    for paired_set in comparison.paired_sets:
        left = MAX_BYTES - sum(earlier.size for earlier in thumbnails)
        thumbnails.append(make_thumbnails(paired_set, left) if pictures else Thumbnails())
    script = page_script(HERE / 'compare.js')
    plotly = _plotly_source()
    data = json.dumps(_page_data(comparison, thumbnails), ensure_ascii=False, allow_nan=False, separators=(',', ':'))
    page = load_template(HERE / 'compare.html', hyperparameter_text=hyperparameter_text).render(
        title=title,
        conclusions=conclude(comparison),
        chart=score_chart(comparison),
        comparison=comparison,
        columns=columns(comparison),
        groups=[_rows(comparison, number) for number in range(len(comparison.groups))],
        ticked=_ticked_runs(comparison),
        problems=[run for run in comparison.runs if run.status != FINISHED or run.reason],
        warnings=_warnings(comparison),
        hyperparameters=_hyperparameter_rows(comparison),
        costs={cost: name for cost, (name, _) in COSTS.items()},
        thumbnails_note=_thumbnails_note(thumbnails) if pictures else 'This page was made without images.',
        style=page_style(HERE / 'compare.css'),
        script=Markup(script),
        plotly=Markup(_compressed(plotly)),
        data=Markup(_compressed(data)),
        script_hashes=[script_hash(script), script_hash(plotly)],
    )
    # File names may hold bytes that are not UTF-8 (as surrogates); the page shows a question mark for them.
    write_text(path, page.encode('utf-8', 'replace').decode('utf-8'))


def _page_data(comparison: Comparison, thumbnails: Sequence[Thumbnails]) -> dict[str, Any]:
    """Collect charts, scores and thumbnails of each image for the script of the page, as plain values."""
    return {
        'figures': comparison_figures(comparison),
        'pair': pair_figure(),
        'kinds': comparison.kinds,
        'groups': {group.label: [run.name for run in group.runs] for group in comparison.groups},
        'styles': run_styles(comparison),
        'sets': [
            _set_data(comparison, paired_set, made.images)
            for paired_set, made in zip(comparison.paired_sets, thumbnails, strict=True)
        ],
    }


def _set_data(comparison: Comparison, paired_set: PairedSet, thumbnails: dict[int, dict[str, Any]]) -> dict[str, Any]:
    dice = paired_set.dice
    steps = np.where(np.isnan(dice), NO_DICE, np.round(np.nan_to_num(dice) * (NO_DICE - 1)))
    return {
        'classes': paired_set.classes,
        'entries': paired_set.entries,
        'stems': paired_set.stems,
        'dice': base64.b64encode(steps.astype('<u2').tobytes()).decode(),  # (E, N, K)
        'resamples': paired_set.resamples,
        'tests': [
            [i, j, *map(_rounded, (test.difference, test.low, test.high, test.p_value))]
            for (i, j), test in paired_set.tests.items()
        ],
        'start': _first_pair(comparison, paired_set),
        'thumbnails': thumbnails,
    }


def _rounded(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None


def _first_pair(comparison: Comparison, paired_set: PairedSet) -> list[int]:
    """Choose the entries shown first: as B the best by the first kind, as A the best of another group, if any."""
    group_of = {run.name: number for number, group in enumerate(comparison.groups) for run in group.runs}

    def rank(entry: int) -> tuple[bool, float]:
        mean = paired_set.evaluations[entry].mean
        return paired_set.entries[entry][1] == comparison.kinds[0], -1.0 if mean is None else mean.value

    def group(entry: int) -> int:
        return group_of[paired_set.entries[entry][0]]

    best = max(range(len(paired_set.entries)), key=rank)
    others = [entry for entry in range(len(paired_set.entries)) if entry != best]
    of_other_groups = [entry for entry in others if group(entry) != group(best)]
    return [max(of_other_groups or others, key=rank, default=best), best]


def _rows(comparison: Comparison, number: int) -> list[Row]:
    """Return the row of a group followed by those of its runs; a single run has one row."""
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


def _hyperparameter_rows(comparison: Comparison) -> list[list[Any]]:
    """Return the differing hyperparameters, one row each; with many experiments, one row for each experiment."""
    labels = [group.label for group in comparison.groups]
    rows = [['hyperparameter', *labels], *([key, *values] for key, values in comparison.differing.items())]
    if len(labels) <= MAX_EXPERIMENT_COLUMNS:
        return rows
    rows[0][0] = 'experiment'
    return [list(row) for row in zip(*rows, strict=True)]


def _ticked_runs(comparison: Comparison) -> set[str]:
    """Choose the runs of the best groups by the first kind, until there are enough."""
    kind = next(iter(comparison.kinds), '')
    spreads = {group.label: comparison.spread(group, kind) for group in comparison.groups}
    ranked = sorted(comparison.groups, key=lambda group: -(mean.mean if (mean := spreads[group.label]) else -1.0))
    ticked: set[str] = set()
    for group in ranked:
        if len(ticked) < TICKED_RUNS:
            ticked |= {run.name for run in group.runs}
    return ticked


def _warnings(comparison: Comparison) -> list[str]:
    """Name the kinds whose numbers come from different images or masks."""
    warnings = []
    for kind in comparison.kinds:
        of_kind = [[entry for entry in paired_set.entries if entry[1] == kind] for paired_set in comparison.paired_sets]
        if sum(map(bool, of_kind)) > 1:
            sizes = ', '.join(
                f'{len(paired_set.stems)} images of {" / ".join(paired_set.classes)} for {counted(len(entries), "run")}'
                for paired_set, entries in zip(comparison.paired_sets, of_kind, strict=True)
                if entries
            )
            warnings.append(f'The {kind} scores are not comparable, because images or masks differ: {sizes}.')
    return warnings


def _thumbnails_note(thumbnails: Sequence[Thumbnails]) -> str:
    shown, total = sum(len(made.images) for made in thumbnails), sum(made.total for made in thumbnails)
    unreadable = sum(made.unreadable for made in thumbnails)
    if not shown:
        return (
            'No images: no run has predicted masks (mmseg-ext test writes them), or the images are not on this machine.'
        )
    note = (
        f'{shown} of {total} images {"is" if shown == 1 else "are"} shown'
        if shown < total
        else f'{counted(total, "image")} can be shown'
    )
    if shown + unreadable < total:
        note += f', those on which the runs differ most (a page holds up to {MAX_BYTES / 1e6:g} MB of images)'
    return note + (f'; {unreadable} could not be read.' if unreadable else '.')


def _plotly_source() -> str:
    try:
        offline = importlib.import_module('plotly.offline')
    except ModuleNotFoundError as error:
        raise InputError('the page', 'needs plotly, which is not installed', installing('train')) from error
    return str(offline.get_plotlyjs())


def _compressed(text: str) -> str:
    """Compress text to gzip in base64, which the page's script decompresses: Plotly takes 2 MB instead of 5."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()
