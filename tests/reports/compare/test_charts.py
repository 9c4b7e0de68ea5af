from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.reports.compare.charts import (
    bar_figure,
    confusion_figure,
    curve_figures,
    pair_figure,
    pareto_figure,
    pareto_front,
    sample_curve,
)
from mmseg_ext.reports.compare.comparison import compare_runs
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
    comparison = compare_runs([run('a-0', 80, 10), run('a-1', 84, 12, seed=1), run('b', 90, 40)])
    evaluation = Evaluation('val', False, None, None, {}, np.array([[9, 1], [0, 0]]), ('background', 'cat'))
    figures = [
        *curve_figures(comparison).values(),
        bar_figure(comparison, 'val'),
        confusion_figure(evaluation, 'a'),
        pareto_figure(comparison, 'val', 'minutes'),
        pair_figure(),
    ]
    for figure in figures:
        assert graph.Figure(json.loads(json.dumps(figure, allow_nan=False))).data


def test_curves_of_runs() -> None:
    figures = curve_figures(compare_runs([run('a-0', 80, 1), run('a-1', 84, 1, seed=1), run('b', 90, 1, curves={})]))
    assert list(figures) == ['train/loss']  # times have a column of the table
    first, second = figures['train/loss']['data']
    assert (first['name'], first['x'], first['y']) == ('a-0', [1, 2, 3, 4], [4, None, 2, 1])
    assert first['line']['color'] == second['line']['color']  # one experiment
    assert first['line']['dash'] != second['line']['dash']


def test_long_curves_become_means_of_neighbours() -> None:
    curve = sample_curve(Curve(np.arange(6.0), np.array([1, 3, np.nan, 5, np.nan, np.nan])), 3)
    np.testing.assert_array_equal(curve.iterations, [0.5, 2.5, 4.5])
    np.testing.assert_array_equal(curve.values, [2, 5, np.nan])
    uneven = sample_curve(Curve(np.arange(7.0), np.arange(7.0)), 3)
    np.testing.assert_allclose(uneven.values, [0.5, 2.5, 5])
    assert sample_curve(curve, 3) is curve


def test_bars_of_seeds_and_of_single_runs() -> None:
    figure = bar_figure(compare_runs([run('a-0', 80, 1), run('a-1', 84, 1, seed=1), run('b', 90, 1)]), 'val')
    seeds, single = figure['data']
    assert (seeds['name'], seeds['y']) == ('a', [82])
    assert seeds['error_y']['array'] == seeds['error_y']['arrayminus'] == [pytest.approx(math.sqrt(8), abs=1e-3)]
    assert (single['error_y']['array'], single['error_y']['arrayminus']) == ([1], [2])
    assert figure['layout']['yaxis']['range'][0] == 0  # the length of a bar is its value


def test_confusion_by_hand() -> None:
    evaluation = Evaluation('val', False, None, None, {}, np.array([[30, 10], [0, 0]]), ('background', 'cat'))
    figure = confusion_figure(evaluation, 'a')
    assert figure is not None
    assert figure['data'][0]['z'] == [[75, 25], [0, 0]]
    assert confusion_figure(Evaluation('val', False, None, None, {}), 'a') is None


def test_the_pareto_line_joins_the_front() -> None:
    runs = [run('dear', 90, 40), run('cheap', 80, 10), run('beaten', 79, 20), run('unknown', 99, None)]
    figure = pareto_figure(compare_runs(runs), 'val', 'minutes')
    assert figure is not None
    line, *points = figure['data']
    assert (line['x'], line['y']) == ([10, 40], [80, 90])
    assert [(point['name'], point['marker']['symbol']) for point in points] == [
        ('dear', 'circle'), ('cheap', 'circle'), ('beaten', 'circle-open'),
    ]  # fmt: skip
    assert pareto_figure(compare_runs(runs), 'val', 'gflops') is None
    # names point into the chart
    assert [point['textposition'] for point in points] == ['bottom left', 'bottom right', 'bottom right']


def test_pareto_front_by_hand() -> None:
    #            costly and best; cheap; beaten; same value, more costly; cheapest twice
    costs = [9.0, 2.0, 5.0, 6.0, 1.0, 1.0]
    values = [90.0, 80.0, 79.0, 80.0, 70.0, 70.0]
    assert pareto_front(costs, values) == [4, 5, 1, 0]
    assert pareto_front([], []) == []
    assert pareto_front([1.0, 1.0], [3.0, 4.0]) == [1]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_the_pareto_front_is_what_nothing_dominates(points: list[tuple[int, int]]) -> None:
    def dominated(point: tuple[int, int]) -> bool:
        return any(c <= point[0] and v >= point[1] and (c, v) != point for c, v in points)

    front = pareto_front([float(c) for c, _ in points], [float(v) for _, v in points])
    assert sorted(front) == [place for place, point in enumerate(points) if not dominated(point)]
    assert [points[place][0] for place in front] == sorted(points[place][0] for place in front)
