"""Charts of scores as Plotly figures: plain dictionaries of ``data`` and ``layout``, for whoever shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mmseg_ext.reports.compare.comparison import Comparison, Group, spread
from mmseg_ext.reports.compare.pareto import pareto_front
from mmseg_ext.reports.compare.style import COLOURS, Figure
from mmseg_ext.runs.record import Evaluation, RunRecord

FRONT = '#7d8794'
LABELLED_CLASSES = 12  # a larger confusion matrix is coloured only
COSTS: dict[str, tuple[str, Callable[[RunRecord], float | None]]] = {
    'minutes': ('minutes of training', lambda run: run.minutes),
    'parameters': ('parameters, millions', lambda run: run.parameters and run.parameters / 1e6),
    'gflops': ('GFLOPs (10⁹ multiply-adds an image)', lambda run: run.gflops),
    'images_per_second': ('seconds a training image', lambda run: run.images_per_second and 1 / run.images_per_second),
}


def bar_figure(comparison: Comparison, kind: str) -> Figure:
    """The Dice of each class, a bar for each group: with the interval of one run, or the deviation over seeds."""
    data = []
    for number, group in enumerate(comparison.groups):
        spreads = [comparison.spread(group, kind, label) for label in comparison.classes]
        if not any(spreads):
            continue
        up, down = zip(*(_error(comparison, group, kind, label) for label in comparison.classes), strict=True)
        values = [None if one is None else _rounded(one.mean) for one in spreads]
        data.append(
            {
                'type': 'bar',
                'name': group.label,
                'x': list(comparison.classes),
                'y': values,
                'error_y': {'type': 'data', 'array': list(up), 'arrayminus': list(down), 'thickness': 1, 'width': 3},
                'marker': {'color': COLOURS[number % len(COLOURS)]},
            }
        )
    return {
        'data': data,
        'layout': {
            'barmode': 'group',
            'xaxis': {'type': 'category'},
            'yaxis': {'title': {'text': f'Dice, {kind}, percent'}, 'range': [0, 100]},
        },
    }


def confusion_figure(evaluation: Evaluation, title: str) -> Figure | None:
    """Shares of the pixels of each true class (rows) by predicted class (columns); None without counts."""
    if evaluation.confusion is None:
        return None
    counts = evaluation.confusion.astype(np.float64)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    trace: Figure = {
        'type': 'heatmap',
        'z': [[_rounded(value) for value in row] for row in shares],
        'x': list(evaluation.class_names),
        'y': list(evaluation.class_names),
        'zmin': 0,
        'zmax': 100,
        'colorscale': [[0, '#f3f6fa'], [0.5, '#7fb2e5'], [1, '#0b4a8a']],
        'showscale': False,
        'xgap': 1,
        'ygap': 1,
        'hovertemplate': 'true %{y}<br>predicted %{x}<br>%{z:.2f} %<extra></extra>',
    }
    if len(evaluation.class_names) <= LABELLED_CLASSES:
        trace['texttemplate'] = '%{z:.2f}'
    return {
        'data': [trace],
        'layout': {
            'title': {'text': title},
            'xaxis': {'title': {'text': 'predicted'}, 'type': 'category', 'side': 'bottom'},
            'yaxis': {'title': {'text': 'true'}, 'type': 'category', 'autorange': 'reversed'},
        },
    }


def pareto_figure(comparison: Comparison, kind: str, cost: str) -> Figure | None:
    """Plot mDice over a cost of ``COSTS``; a line joins the groups that none beats. None for fewer than two points."""
    title, cost_of = COSTS[cost]
    points = []
    for number, group in enumerate(comparison.groups):
        value, price = comparison.spread(group, kind), spread(map(cost_of, group.runs))
        if value is not None and price is not None and price.mean > 0:
            points.append((group, price.mean, value.mean, number))
    if len(points) < 2:
        return None
    front = pareto_front([point[1] for point in points], [point[2] for point in points])
    line = {
        'type': 'scatter', 'mode': 'lines', 'name': 'Pareto front', 'hoverinfo': 'skip', 'showlegend': False,
        'x': [_rounded(points[place][1]) for place in front], 'y': [_rounded(points[place][2]) for place in front],
        'line': {'color': FRONT, 'width': 1.5, 'dash': 'dot', 'shape': 'hv'},
    }  # fmt: skip
    traces = [
        _pareto_point(comparison, kind, group, price, value, number, place in front)
        for place, (group, price, value, number) in enumerate(points)
    ]
    return {
        'data': [line, *traces],
        'layout': {
            'showlegend': False,
            'xaxis': {'title': {'text': title}},
            'yaxis': {'title': {'text': f'mDice, {kind}, percent'}},
        },
    }


def pair_figure(x: Sequence[float], y: Sequence[float], stems: Sequence[str], first: str, second: str) -> Figure:
    """The Dice of each image, in percent, by two runs; above the diagonal the second one is better."""
    return {
        'data': [
            {
                'type': 'scatter', 'mode': 'lines', 'x': [0, 100], 'y': [0, 100], 'hoverinfo': 'skip',
                'line': {'color': FRONT, 'width': 1, 'dash': 'dot'}, 'showlegend': False,
            },
            {
                'type': 'scatter', 'mode': 'markers', 'x': list(x), 'y': list(y), 'text': list(stems),
                'marker': {'size': 7, 'color': COLOURS[0], 'opacity': 0.7}, 'showlegend': False,
                'hovertemplate': '%{text}<br>A %{x:.2f}<br>B %{y:.2f}<extra></extra>',
            },
        ],
        'layout': {'xaxis': {'title': {'text': f'A: {first}'}}, 'yaxis': {'title': {'text': f'B: {second}'}}},
    }  # fmt: skip


def _pareto_point(
    comparison: Comparison, kind: str, group: Group, price: float, value: float, number: int, is_front: bool
) -> Figure:
    up, down = _error(comparison, group, kind, None)
    return {
        'type': 'scatter',
        'mode': 'markers+text' if is_front else 'markers',
        'name': group.label,
        'x': [_rounded(price)],
        'y': [_rounded(value)],
        'text': [group.label],
        'textposition': 'bottom right',
        'error_y': {'type': 'data', 'array': [up], 'arrayminus': [down], 'thickness': 1, 'width': 3},
        'marker': {
            'size': 10,
            'color': COLOURS[number % len(COLOURS)],
            'symbol': 'circle' if is_front else 'circle-open',
        },
        'hovertemplate': '%{text}<br>%{x}<br>mDice %{y:.2f}<extra></extra>',
    }


def _error(comparison: Comparison, group: Group, kind: str, label: str | None) -> tuple[float, float]:
    """Upwards and downwards: over seeds the standard deviation, of one run its interval, 0 where there is neither."""
    over_seeds = comparison.spread(group, kind, label)
    if over_seeds is None:
        return 0.0, 0.0
    if over_seeds.sd is not None:
        return _rounded(over_seeds.sd), _rounded(over_seeds.sd)
    score = next(one for run in group.runs if (one := comparison.score(run, kind, label)) is not None)
    if score.low is None or score.high is None:
        return 0.0, 0.0
    return _rounded(score.high - score.value), _rounded(score.value - score.low)


def _rounded(value: float) -> float:
    return round(float(value), 3)
