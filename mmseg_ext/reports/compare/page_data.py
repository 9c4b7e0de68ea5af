"""What the script of the page works with: charts, and the scores and pictures of each image."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmseg_ext.reports.compare.comparison import Comparison
from mmseg_ext.reports.compare.curves import curve_figures
from mmseg_ext.reports.compare.documents import plain
from mmseg_ext.reports.compare.figures import COSTS, bar_figure, confusion_figure, pair_figure, pareto_figure
from mmseg_ext.reports.compare.pairs import PairedSet
from mmseg_ext.reports.compare.pictures import Pictures
from mmseg_ext.reports.compare.style import Figure, run_styles

NO_VALUE = 65535  # Dice is stored in 65534 steps


def build_figures(comparison: Comparison) -> dict[str, dict[str, Figure]]:
    """All charts that do not depend on a choice of two runs.

    Returns:
        ``curves`` (scalar →), ``bars`` (kind →), ``confusion`` (``run · kind`` →) and ``pareto`` (``kind · cost`` →)
        as Plotly figures.
    """
    confusion = {
        f'{name} · {kind}': confusion_figure(evaluation, name)
        for (name, kind), evaluation in comparison.evaluations.items()
    }
    pareto = {f'{kind} · {cost}': pareto_figure(comparison, kind, cost) for kind in comparison.kinds for cost in COSTS}
    return {
        'curves': curve_figures(comparison),
        'bars': {kind: bar_figure(comparison, kind) for kind in comparison.kinds},
        'confusion': {key: figure for key, figure in confusion.items() if figure is not None},
        'pareto': {key: figure for key, figure in pareto.items() if figure is not None},
    }


def page_data(comparison: Comparison, sets: Sequence[PairedSet], made: Sequence[Pictures]) -> dict[str, Any]:
    """Collect it as plain values; ``made`` holds the pictures of each set."""
    return {
        'figures': build_figures(comparison),
        'pair': pair_figure([], [], [], '', ''),
        'kinds': comparison.kinds,
        'groups': {group.label: [run.name for run in group.runs] for group in comparison.groups},
        'styles': run_styles(comparison),
        'sets': [_set_data(comparison, one, pictures) for one, pictures in zip(sets, made, strict=True)],
    }


def _set_data(comparison: Comparison, one: PairedSet, pictures: Pictures) -> dict[str, Any]:
    steps = np.where(np.isnan(one.dice), NO_VALUE, np.round(np.nan_to_num(one.dice) * (NO_VALUE - 1)))
    return {
        'classes': one.classes,
        'entries': one.entries,
        'stems': one.stems,
        'dice': base64.b64encode(steps.astype('<u2').tobytes()).decode(),  # (E, N, K)
        'resamples': one.resamples,
        'tests': [
            [i, j, *(plain(round(v, 6)) for v in (test.difference, test.low, test.high, test.p_value))]
            for (i, j), test in one.tests.items()
        ],
        'start': _start(comparison, one),
        'pictures': pictures.images,
    }


def _start(comparison: Comparison, one: PairedSet) -> list[int]:
    """What is chosen at first: as B the best run by the first kind, as A the best one of another group, if there is."""
    group_of = {run.name: number for number, group in enumerate(comparison.groups) for run in group.runs}
    best = max(range(len(one.entries)), key=lambda entry: _rank(comparison, one, entry))
    others = [entry for entry in range(len(one.entries)) if entry != best]
    foreign = [entry for entry in others if group_of[one.entries[entry][0]] != group_of[one.entries[best][0]]]
    second = max(foreign or others, key=lambda entry: _rank(comparison, one, entry), default=best)
    return [second, best]


def _rank(comparison: Comparison, one: PairedSet, entry: int) -> tuple[bool, float]:
    mean = one.evaluations[entry].mean
    return one.entries[entry][1] == comparison.kinds[0], -1.0 if mean is None else mean.value
