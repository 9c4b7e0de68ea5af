"""Charts of scalars over iterations, as Plotly figures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.reports.compare.comparison import Comparison
from mmseg_ext.reports.compare.style import Figure, run_styles
from mmseg_ext.runs.record import Curve, RunRecord

HIDDEN_CURVES = ('train/base_lr', 'train/data_time', 'train/time', 'val/data_time', 'val/time')
VAL_CURVES = ('val/mDice', 'val/mIoU', 'val/aAcc', 'val/Dice/', 'val/loss')
POINTS_OF_ALL = 8000  # of one chart; a curve of many runs is thinned to its share
MOST_POINTS, FEWEST_POINTS = 400, 60


def curve_figures(comparison: Comparison) -> dict[str, Figure]:
    """One chart for each scalar, with a line for each run that has it; validation scores first, then losses."""
    present = dict.fromkeys(key for run in comparison.runs for key in run.curves if _is_shown(key))
    having = {key: [run for run in comparison.runs if key in run.curves] for key in present}
    styles = run_styles(comparison)
    most = max(FEWEST_POINTS, min(MOST_POINTS, POINTS_OF_ALL // max(1, len(comparison.runs))))
    return {
        key: {
            'data': [_curve(run, run.curves[key], styles[run.name], most) for run in having[key]],
            'layout': {'xaxis': {'title': {'text': 'iteration'}}, 'yaxis': {'title': {'text': key}}},
        }
        for key in sorted(present, key=_curve_order)
    }


def thinned(curve: Curve, most: int) -> Curve:
    """Means of neighbouring points, so that at most ``most`` remain; a mean of none that is finite is NaN."""
    count = len(curve.values)
    if count <= most:
        return curve
    starts = np.linspace(0, count, most, endpoint=False).astype(int)
    finite = np.isfinite(curve.values)
    counts = np.add.reduceat(finite.astype(float), starts)
    sums = np.add.reduceat(np.where(finite, curve.values, 0), starts)
    sizes = np.diff([*starts, count])
    means = np.divide(sums, counts, out=np.full(most, np.nan), where=counts > 0)
    return Curve(np.add.reduceat(curve.iterations, starts) / sizes, means)


def _curve(run: RunRecord, curve: Curve, style: Mapping[str, str], most: int) -> Figure:
    curve = thinned(curve, most)
    return {
        'type': 'scatter',
        'mode': 'lines+markers' if len(curve.values) < 30 else 'lines',
        'name': run.name,
        'x': _plain(curve.iterations),
        'y': _plain(curve.values),
        'line': {'width': 1.6, **style},
        'marker': {'size': 5},
    }


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    """Five significant digits; None for what is not finite."""
    return [float(f'{value:.5g}') if np.isfinite(value) else None for value in values]


def _is_shown(key: str) -> bool:
    return key not in HIDDEN_CURVES and (key.startswith('train/') or key.startswith(VAL_CURVES))


def _curve_order(key: str) -> tuple[int, str]:
    leading = ('val/mDice', 'train/loss')
    return (leading.index(key) if key in leading else len(leading), key)
