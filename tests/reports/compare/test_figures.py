from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from mmseg_ext.reports.compare.comparison import compare
from mmseg_ext.reports.compare.curves import curve_figures, thinned
from mmseg_ext.reports.compare.figures import bar_figure, confusion_figure, pair_figure, pareto_figure
from mmseg_ext.runs.record import Curve, Evaluation, RunRecord, Score


def run(name: str, dice: float, minutes: float | None, seed: int = 0, **changes: Any) -> RunRecord:
    classes = {'cat': Score(dice, dice - 2, dice + 1)}
    evaluation = Evaluation('val', False, None, Score(dice, dice - 2, dice + 1), classes)
    steps = np.arange(1.0, 5)
    values: dict[str, Any] = {
        'experiment': name.partition('-')[0],
        'evaluations': (evaluation,),
        'hyperparameters': {'lr': 1},
        'curves': {'train/loss': Curve(steps, np.array([4, np.nan, 2, 1])), 'train/time': Curve(steps, steps)},
    }
    return RunRecord(name, seed=seed, minutes=minutes, **(values | changes))


def test_figures_are_plain_json_that_plotly_takes() -> None:
    graph = pytest.importorskip('plotly.graph_objects')
    comparison = compare([run('a-0', 80, 10), run('a-1', 84, 12, seed=1), run('b', 90, 40)])
    evaluation = Evaluation('val', False, None, None, {}, np.array([[9, 1], [0, 0]]), ('ground', 'cat'))
    figures = [
        *curve_figures(comparison).values(),
        bar_figure(comparison, 'val'),
        confusion_figure(evaluation, 'a'),
        pareto_figure(comparison, 'val', 'minutes'),
        pair_figure([90.0], [80.0], ['stem'], 'a', 'b'),
    ]
    for figure in figures:
        assert graph.Figure(json.loads(json.dumps(figure, allow_nan=False))).data


def test_curves_of_runs() -> None:
    figures = curve_figures(compare([run('a-0', 80, 1), run('a-1', 84, 1, seed=1), run('b', 90, 1, curves={})]))
    assert list(figures) == ['train/loss']  # times have a column of the table
    first, second = figures['train/loss']['data']
    assert (first['name'], first['x'], first['y']) == ('a-0', [1, 2, 3, 4], [4, None, 2, 1])
    assert first['line']['color'] == second['line']['color']  # one experiment
    assert first['line']['dash'] != second['line']['dash']


def test_long_curves_become_means_of_neighbours() -> None:
    curve = thinned(Curve(np.arange(6.0), np.array([1, 3, np.nan, 5, np.nan, np.nan])), 3)
    np.testing.assert_array_equal(curve.iterations, [0.5, 2.5, 4.5])
    np.testing.assert_array_equal(curve.values, [2, 5, np.nan])
    uneven = thinned(Curve(np.arange(7.0), np.arange(7.0)), 3)
    np.testing.assert_allclose(uneven.values, [0.5, 2.5, 5])
    assert thinned(curve, 3) is curve


def test_bars_of_seeds_and_of_single_runs() -> None:
    figure = bar_figure(compare([run('a-0', 80, 1), run('a-1', 84, 1, seed=1), run('b', 90, 1)]), 'val')
    seeds, single = figure['data']
    assert (seeds['name'], seeds['y']) == ('a', [82])
    assert seeds['error_y']['array'] == seeds['error_y']['arrayminus'] == [pytest.approx(math.sqrt(8), abs=1e-3)]
    assert (single['error_y']['array'], single['error_y']['arrayminus']) == ([1], [2])
    assert figure['layout']['yaxis']['range'][0] == 0  # the length of a bar is its value


def test_confusion_by_hand() -> None:
    evaluation = Evaluation('val', False, None, None, {}, np.array([[30, 10], [0, 0]]), ('ground', 'cat'))
    figure = confusion_figure(evaluation, 'a')
    assert figure is not None
    assert figure['data'][0]['z'] == [[75, 25], [0, 0]]
    assert confusion_figure(Evaluation('val', False, None, None, {}), 'a') is None


def test_pareto_joins_what_nothing_beats() -> None:
    runs = [run('dear', 90, 40), run('cheap', 80, 10), run('beaten', 79, 20), run('unknown', 99, None)]
    figure = pareto_figure(compare(runs), 'val', 'minutes')
    assert figure is not None
    line, *points = figure['data']
    assert (line['x'], line['y']) == ([10, 40], [80, 90])
    assert [(point['name'], point['marker']['symbol']) for point in points] == [
        ('dear', 'circle'), ('cheap', 'circle'), ('beaten', 'circle-open'),
    ]  # fmt: skip
    assert pareto_figure(compare(runs), 'val', 'gflops') is None
