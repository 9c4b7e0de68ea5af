"""Scalars of a run over its iterations, which ``scalars.json`` holds as one JSON object a line."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError
from mmseg_ext.reading import load_bytes, parse_json

DEFAULT_METRIC = 'mDice'
MAX_ITERATION = 2**53  # beyond it, a float does not hold every whole number


def read_scalars(path: str | Path, faults: list[str] | None = None) -> list[dict[str, Any]]:
    """Read the lines of a ``scalars.json``; a last line cut short by a kill is left out.

    Args:
        path: The file.
        faults: Gets a line for each line that cannot be used, and the others are read all the same.

    Returns:
        A row for each line: ``iter``, and the values that are finite numbers or None.

    Raises:
        InputError: The file is missing, or, without ``faults``, another line is not a JSON object with an ``iter``.
    """
    try:
        lines = load_bytes(path).split(b'\n')
    except OSError as error:
        raise InputError(path, f'cannot be read ({error.strerror or error})') from error
    lines = lines[:-1] if lines[-1] == b'' else lines
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        row = _row(line)
        if row is not None:
            rows.append(row)
        elif number == len(lines):
            break
        elif faults is None:
            raise InputError(f'{path}, line {number}', 'not a JSON object with an "iter"', 'remove the line')
        else:
            faults.append(f'{Path(path).name}, line {number}: not a JSON object with an "iter", left out')
    return rows


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = parse_json(line)
    except ValueError:
        return None
    if not isinstance(row, dict) or isinstance(row.get('iter'), bool) or not isinstance(row.get('iter'), int):
        return None
    return row if 0 <= row['iter'] <= MAX_ITERATION and all(map(_is_value, row.values())) else None


def _is_value(value: Any) -> bool:
    """Whether a value can be drawn: None, or a number that a float can hold."""
    return value is None or (isinstance(value, int | float) and abs(value) <= sys.float_info.max) or value != value


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
