"""One training of a search: a process of its own, watched by its curve."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError
from mmseg_ext.processes import end_with_parent, last_line
from mmseg_ext.runs.layout import SCALARS
from mmseg_ext.runs.scalars import best_point, points_of, read_scalars

POLL_S = 0.5  # between two looks at a training's curve
TERMINATION_TIMEOUT_S = 10.0
MAX_NAMED = 6  # metrics in an error
VAL = 'val/'  # begins the names of the values of validation

IsHopeless = Callable[[float, int], bool]


@dataclass(frozen=True)
class Outcome:
    """How a training of the search ended.

    Attributes:
        state: ``complete``, ``pruned`` or ``failed``.
        value: The best value of the metric; None where there was none.
        iteration: When it was reached.
        minutes: Duration.
        reason: Why it failed.
    """

    state: str
    value: float | None
    iteration: int | None
    minutes: float
    reason: str = ''


def run_trial(
    config: str, work_dir: Path, seed: int, options: Mapping[str, Any], metric: str, is_hopeless: IsHopeless
) -> Outcome:
    """Train in a process of its own, whose output goes to ``<work_dir>.log``.

    Args:
        config: The experiment.
        work_dir: Where the training goes.
        seed: Of the training.
        options: Overrides of the config.
        metric: The value of validation, as in ``scalars.json`` without ``val/``.
        is_hopeless: Called with each value of validation and its iteration; True ends the training.

    Raises:
        InputError: The validation has no such value; the training is ended.
    """
    start = time.monotonic()
    context = multiprocessing.get_context('spawn')  # mmengine keeps global state, which a second training would meet
    log = work_dir.with_name(f'{work_dir.name}.log')
    scalars = work_dir / SCALARS
    process = context.Process(target=_train, args=(config, str(work_dir), seed, dict(options), str(log)))
    process.start()
    try:
        pruned = _watch(process, scalars, metric, is_hopeless)
    finally:
        _stop(process)
    minutes = round((time.monotonic() - start) / 60, 2)
    iteration, value = best_point(_read_curve(scalars, metric)) or (None, None)
    if pruned:
        return Outcome('pruned', value, iteration, minutes)
    if process.exitcode != 0:
        return Outcome('failed', value, iteration, minutes, f'exit code {process.exitcode}: {last_line(log)}')
    if value is None:
        return Outcome('failed', None, None, minutes, f'no val/{metric} in its curve')
    return Outcome('complete', value, iteration, minutes)


def _watch(process: BaseProcess, scalars: Path, metric: str, is_hopeless: IsHopeless) -> bool:
    """Wait for the end, or for a value that makes the training hopeless. Returns whether the latter came."""
    seen = 0
    while process.is_alive():
        process.join(POLL_S)
        points = _read_curve(scalars, metric)
        for iteration, value in points[seen:]:
            if is_hopeless(value, iteration) and process.is_alive():
                return True
        seen = len(points)
    return False


def _stop(process: BaseProcess) -> None:
    """End a training that still runs: it has nothing to lose, since its files are written atomically."""
    if process.is_alive():
        process.terminate()
        process.join(TERMINATION_TIMEOUT_S)
        process.kill()
    process.join()


def _read_curve(scalars: Path, metric: str) -> list[tuple[int, float]]:
    """Return the iterations and values of a metric so far.

    Raises:
        InputError: There were validations, and none had this metric.
    """
    rows = read_scalars(scalars, []) if scalars.is_file() else []
    known = {key.removeprefix(VAL): None for row in rows for key in row if key.startswith(VAL)}
    if known and metric not in known:
        remedy = f'choose one that it has, such as {", ".join(list(known)[:MAX_NAMED])}, and another `out`'
        raise InputError(f'`metric={metric}`', 'is no value of the validation', remedy)
    return points_of(rows, f'{VAL}{metric}')


def _train(config: str, work_dir: str, seed: int, options: dict[str, Any], log: str) -> None:
    """Train in the process: output goes to a file, and an input error becomes one line and an exit code."""
    end_with_parent()
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    from mmseg_ext.workflows.train import train_in_own_process

    try:
        train_in_own_process(config, work_dir, seed, options)
    except InputError as error:
        print(f'error: {error}', file=sys.stderr, flush=True)
        sys.exit(error.exit_code)
