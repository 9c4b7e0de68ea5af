"""Scalars of a run over its iterations, which ``scalars.json`` holds as one JSON object a line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError

DEFAULT_METRIC = 'mDice'


def read_scalars(path: str | Path) -> list[dict[str, Any]]:
    """Read the lines of a ``scalars.json``; a last line cut short by a kill is left out.

    Raises:
        InputError: The file is missing, or another line is not a JSON object with an ``iter``.
    """
    try:
        lines = Path(path).read_text(encoding='utf-8').splitlines()
    except OSError as error:
        raise InputError(path, f'cannot be read ({error.strerror or error})') from error
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            row['iter'] + 0
        except (ValueError, TypeError, KeyError) as error:
            if number == len(lines):
                break
            raise InputError(f'{path}, line {number}', 'not a JSON object with an "iter"', 'remove the line') from error
        rows.append(row)
    return rows


def points_of(rows: Iterable[Mapping[str, Any]], key: str) -> list[tuple[int, float]]:
    """List iteration and value of a scalar, where it is a number.

    Args:
        rows: Of `read_scalars`.
        key: ``train/loss``, ``val/mDice``, …
    """
    return [(row['iter'], row[key]) for row in rows if isinstance(row.get(key), int | float)]


def best_point(points: Iterable[tuple[float, float]], greater_is_better: bool = True) -> tuple[int, float] | None:
    """Find the best of the points (iteration, value): the first of equal ones, NaN and infinity left out.

    >>> best_point([(10, 70.0), (20, 90.0), (30, 90.0), (40, float('nan'))])
    (20, 90.0)
    """
    sign = 1 if greater_is_better else -1
    finite = [(int(iteration), float(value)) for iteration, value in points if math.isfinite(value)]
    return max(finite, key=lambda point: sign * point[1], default=None)


def sample_training(history: Mapping[str, Any], iteration: int, interval: int, last: int) -> dict[str, float] | None:
    """Take the training scalars of an iteration where one is due: every ``interval``, and at the last one.

    Args:
        history: ``log_scalars`` of mmengine's message hub: name → ``HistoryBuffer``.
        iteration: How many have finished.
        interval: Over how many of them losses are averaged; learning rates are current.
        last: The planned number of iterations.

    Returns:
        Name (``train/…``) → value, or None where no sample is due.
    """
    if iteration % interval and iteration != last:
        return None
    return {
        name: buffer.current() if name.endswith('lr') else buffer.mean(interval)
        for name, buffer in history.items()
        if name.startswith('train/')
    }
