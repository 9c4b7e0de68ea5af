"""Charts of a comparison as Plotly figures: plain dictionaries of ``data`` and ``layout``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.evaluation.scores import row_percent
from mmseg_ext.reports.compare.comparison import Comparison, Group, spread
from mmseg_ext.runs.record import Curve, Evaluation, RunRecord

Figure = dict[str, Any]

# Distinct from each other, and visible on a white and on a black page.
COLOURS = (
    '#3b82d6', '#e07b1a', '#2a9d6a', '#cf4d6f', '#8d6fd6', '#a87a2a', '#1a9cb7', '#c65fb0', '#7c9321', '#7d8794',
)  # fmt: skip
REFERENCE_COLOUR = '#7d8794'  # of the Pareto front and of the diagonal
DASHES = ('solid', 'dash', 'dot', 'dashdot', 'longdash')

HIDDEN_CURVES = ('train/base_lr', 'train/data_time', 'train/time', 'val/data_time', 'val/time')
VAL_CURVES = ('val/mDice', 'val/mIoU', 'val/aAcc', 'val/Dice/', 'val/loss')
MAX_CHART_POINTS = 8000  # each curve of a chart is sampled to its share of them
MAX_CURVE_POINTS, MIN_CURVE_POINTS = 400, 60
MAX_LABELLED_CLASSES = 12  # the cells of a larger confusion matrix have no numbers

COSTS: dict[str, tuple[str, Callable[[RunRecord], float | None]]] = {
    'minutes': ('minutes of training', lambda run: run.minutes),
    'parameters': ('parameters, millions', lambda run: run.parameters and run.parameters / 1e6),
    'gflops': ('GFLOPs (10⁹ multiply-adds per image)', lambda run: run.gflops),
    'images_per_second': (
        'seconds per training image',
        lambda run: run.images_per_second and 1 / run.images_per_second,
    ),
}


def comparison_figures(comparison: Comparison) -> dict[str, dict[str, Figure]]:
    """Make all charts but that of two runs.

    Returns:
        ``curves`` (scalar → figure), ``bars`` (kind →), ``confusion`` (``run · kind`` →) and ``pareto``
        (``kind · cost`` →).
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


def run_styles(comparison: Comparison) -> dict[str, dict[str, str]]:
    """Return the line style of each run: one colour per group, one dash per run in it."""
    return {
        run.name: {'color': COLOURS[number % len(COLOURS)], 'dash': DASHES[member % len(DASHES)]}
        for number, group in enumerate(comparison.groups)
        for member, run in enumerate(group.runs)
    }


def curve_figures(comparison: Comparison) -> dict[str, Figure]:
    """Plot each scalar over the iterations, a line per run that has it; mDice and the training loss come first."""
    styles = run_styles(comparison)
    share = MAX_CHART_POINTS // max(1, len(comparison.runs))
    max_points = max(MIN_CURVE_POINTS, min(MAX_CURVE_POINTS, share))
    keys = {key for run in comparison.runs for key in run.curves if _is_shown(key)}
    return {
        key: {
            'data': [
                _curve_trace(run.name, sample_curve(run.curves[key], max_points), styles[run.name])
                for run in comparison.runs
                if key in run.curves
            ],
            'layout': {'xaxis': {'title': {'text': 'iteration'}}, 'yaxis': {'title': {'text': key}}},
        }
        for key in sorted(keys, key=_curve_order)
    }


def sample_curve(curve: Curve, max_points: int) -> Curve:
    """Shorten a curve to the means of neighbouring points; NaN where none of them is finite."""
    count = len(curve.values)
    if count <= max_points:
        return curve
    starts = np.linspace(0, count, max_points, endpoint=False).astype(int)
    finite = np.isfinite(curve.values)
    counts = np.add.reduceat(finite.astype(float), starts)
    sums = np.add.reduceat(np.where(finite, curve.values, 0), starts)
    sizes = np.diff([*starts, count])
    means = np.divide(sums, counts, out=np.full(max_points, np.nan), where=counts > 0)
    return Curve(np.add.reduceat(curve.iterations, starts) / sizes, means)


def bar_figure(comparison: Comparison, kind: str) -> Figure:
    """Plot the Dice of each class, a bar per group: with the interval of one run, or the deviation over runs."""
    data = []
    for number, group in enumerate(comparison.groups):
        spreads = [comparison.spread(group, kind, label) for label in comparison.classes]
        if not any(spreads):
            continue
        up, down = zip(*(_error(comparison, group, kind, label) for label in comparison.classes), strict=True)
        data.append(
            {
                'type': 'bar',
                'name': group.label,
                'x': list(comparison.classes),
                'y': [None if dice is None else _rounded(dice.mean) for dice in spreads],
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
    """Plot the shares of the pixels of each true class (rows) by predicted class (columns); None without counts."""
    if evaluation.confusion is None:
        return None
    trace: Figure = {
        'type': 'heatmap',
        'z': row_percent(evaluation.confusion).tolist(),
        'x': list(evaluation.class_names),
        'y': list(evaluation.class_names),
        'zmin': 0,
        'zmax': 100,
        'colorscale': [[0, '#f3f6fa'], [0.5, '#9cc5ee'], [1, '#0b4a8a']],
        'showscale': False,
        'xgap': 1,
        'ygap': 1,
        'hovertemplate': 'true %{y}<br>predicted %{x}<br>%{z:.2f} %<extra></extra>',
    }
    if len(evaluation.class_names) <= MAX_LABELLED_CLASSES:
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
    """Plot mDice over a cost of `COSTS`, a line through the Pareto front; None for fewer than two points."""
    title, cost_of = COSTS[cost]
    points = []
    for number, group in enumerate(comparison.groups):
        score, price = comparison.spread(group, kind), spread(map(cost_of, group.runs))
        if score is not None and price is not None and price.mean > 0:
            points.append((group, price.mean, score.mean, COLOURS[number % len(COLOURS)]))
    if len(points) < 2:
        return None
    prices, values = [point[1] for point in points], [point[2] for point in points]
    front = pareto_front(prices, values)
    middle = (min(prices) + max(prices)) / 2
    line = {
        'type': 'scatter', 'mode': 'lines', 'name': 'Pareto front', 'hoverinfo': 'skip', 'showlegend': False,
        'x': [_rounded(prices[place]) for place in front], 'y': [_rounded(values[place]) for place in front],
        'line': {'color': REFERENCE_COLOUR, 'width': 1.5, 'dash': 'dot', 'shape': 'hv'},
    }  # fmt: skip
    traces: list[Figure] = []
    for place, (group, x, y, colour) in enumerate(points):
        up, down = _error(comparison, group, kind, None)
        traces.append(
            {
                'type': 'scatter',
                'mode': 'markers+text' if place in front else 'markers',
                'name': group.label,
                'x': [_rounded(x)],
                'y': [_rounded(y)],
                'text': [group.label],
                'textposition': 'bottom right' if x <= middle else 'bottom left',  # inside the chart
                'error_y': {'type': 'data', 'array': [up], 'arrayminus': [down], 'thickness': 1, 'width': 3},
                'marker': {'size': 10, 'color': colour, 'symbol': 'circle' if place in front else 'circle-open'},
                'hovertemplate': '%{text}<br>%{x}<br>mDice %{y:.2f}<extra></extra>',
            }
        )
    return {
        'data': [line, *traces],
        'layout': {
            'showlegend': False,
            'xaxis': {'title': {'text': title}},
            'yaxis': {'title': {'text': f'mDice, {kind}, percent'}},
        },
    }


def pareto_front(costs: Sequence[float], values: Sequence[float]) -> list[int]:
    """Find the points that no other dominates: one that costs no more, is worth no less, and is better in one of both.

    Args:
        costs: Lower is better (minutes, parameters).
        values: Higher is better (mDice).

    Returns:
        Positions of the points, the cheapest first; equal points are all among them.

    >>> pareto_front([9.0, 2.0, 5.0], [90.0, 80.0, 79.0])
    [1, 0]
    """
    order = sorted(range(len(costs)), key=lambda point: (costs[point], -values[point]))
    front: list[int] = []
    for point in order:
        last = front[-1] if front else None
        if last is None or values[point] > values[last] or (costs[point], values[point]) == (costs[last], values[last]):
            front.append(point)
    return front


def pair_figure() -> Figure:
    """Make the empty chart of two runs, which the page fills: the Dice of each image by run A (x) and by run B (y)."""
    return {
        'data': [
            {
                'type': 'scatter', 'mode': 'lines', 'x': [0, 100], 'y': [0, 100], 'hoverinfo': 'skip',
                'line': {'color': REFERENCE_COLOUR, 'width': 1, 'dash': 'dot'}, 'showlegend': False,
            },
            {
                'type': 'scatter', 'mode': 'markers', 'x': [], 'y': [], 'text': [],
                'marker': {'size': 7, 'color': COLOURS[0], 'opacity': 0.7}, 'showlegend': False,
                'hovertemplate': '%{text}<br>A %{x:.2f}<br>B %{y:.2f}<extra></extra>',
            },
        ],
        'layout': {},
    }  # fmt: skip


def _curve_trace(name: str, curve: Curve, style: Mapping[str, str]) -> Figure:
    return {
        'type': 'scatter',
        'mode': 'lines+markers' if len(curve.values) < 30 else 'lines',
        'name': name,
        'x': _short_numbers(curve.iterations),
        'y': _short_numbers(curve.values),
        'line': {'width': 1.6, **style},
        'marker': {'size': 5},
    }


def _short_numbers(values: NDArray[np.float64]) -> list[float | None]:
    """Round to five significant digits; None for what is not finite."""
    return [float(f'{value:.5g}') if np.isfinite(value) else None for value in values]


def _is_shown(key: str) -> bool:
    return key not in HIDDEN_CURVES and key.startswith(('train/', *VAL_CURVES))


def _curve_order(key: str) -> tuple[int, str]:
    leading = ('val/mDice', 'train/loss')
    return (leading.index(key) if key in leading else len(leading), key)


def _error(comparison: Comparison, group: Group, kind: str, label: str | None) -> tuple[float, float]:
    """Return the error bar upwards and downwards: the deviation over runs, the interval of one run, or 0."""
    over_runs = comparison.spread(group, kind, label)
    if over_runs is None:
        return 0.0, 0.0
    if over_runs.sd is not None:
        return _rounded(over_runs.sd), _rounded(over_runs.sd)
    score = next(score for run in group.runs if (score := comparison.score(run, kind, label)) is not None)
    if score.low is None or score.high is None:
        return 0.0, 0.0
    return _rounded(score.high - score.value), _rounded(score.value - score.low)


def _rounded(value: float) -> float:
    return round(float(value), 3)
