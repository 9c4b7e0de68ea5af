"""Trainings of a ClearML project, read as runs to compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mmseg_ext.errors import InputError, one_line
from mmseg_ext.runs.config_dump import read_config_dump
from mmseg_ext.runs.config_names import experiment_name
from mmseg_ext.runs.record import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    RUNNING,
    UNFINISHED,
    UNREADABLE,
    Curve,
    Evaluation,
    RunRecord,
    Score,
)
from mmseg_ext.runs.scalars import best_point
from mmseg_ext.tracking.clearml import server
from mmseg_ext.tracking.clearml.remote import ARGUMENTS_SECTION
from mmseg_ext.tracking.clearml.session import CONFIG_OBJECT, HYPERPARAMETERS_SECTION
from mmseg_ext.tracking.clearml.titles import name_of

CLASS_DICE_PREFIX = 'val/Dice/'
DRAFT_STATUS = 'created'
STATUSES = {
    'completed': (FINISHED, ''),
    'published': (FINISHED, ''),
    'closed': (FINISHED, ''),
    'in_progress': (RUNNING, 'last update {updated}'),
    'stopped': (INTERRUPTED, 'stopped'),
    'failed': (FAILED, 'failed'),
    DRAFT_STATUS: (UNFINISHED, 'a draft, not started'),
    'queued': (UNFINISHED, 'waiting in a queue'),
}


def read_project(
    project: str,
    known: Sequence[RunRecord] = (),
    timeout: float = server.PROBE_TIMEOUT_S,
    patience: float = server.SILENCE_TIMEOUT_S,
) -> list[RunRecord]:
    """Read the trainings of a project from the configured ClearML server.

    Drafts, archived tasks, those of another type than training, and those of runs that are known already are left out;
    of more than 500 tasks the latest are read. What the server does not know stays None: intervals, images, confusion
    counts, and of tasks that were logged without ``run.json`` parameters and GFLOPs.

    Args:
        project: Name of the project.
        known: Runs that were read from their folders; names differ from theirs.
        timeout: Seconds that the server may take to answer at first.
        patience: Seconds that it may take later.

    Raises:
        InputError: ClearML is not installed or not configured, the server cannot be used or falls silent, or there
            is no such project, or no training in it.
    """
    server.require(timeout)
    ids = {run.task_id for run in known}
    found = [run for run in server.bounded(lambda: _read_tasks(project, ids), patience) if run is not None]
    if not found and not ids - {None}:
        raise InputError(f'`project={project}`', 'no training in this project', 'log one there with mmseg-ext train')
    names = {run.name for run in known}
    return [_with_own_name(run, names) for run in found]


def _read_tasks(project: str, ids: set[str | None]) -> Iterator[RunRecord | None]:
    from clearml import Task

    if Task.get_project_id(project) is None:
        raise InputError(f'`project={project}`', 'the server has no such project')
    tasks = Task.get_tasks(
        project_name=project, allow_archived=False, task_filter={'type': ['training'], 'order_by': ['created']}
    )
    for task in tasks:
        yield None if task.id in ids or str(task.data.status) == DRAFT_STATUS else read_task(task)


def read_task(task: Any) -> RunRecord:
    """Read a ``clearml.Task``; one that cannot be read becomes a record with the reason."""
    try:
        return _read_task(task)
    except Exception as error:  # one broken task must not cost the page of all others
        reason = f'{type(error).__name__}: {one_line(error)}'[: server.MAX_REASON_CHARACTERS]
        return RunRecord(str(task.name), status=UNREADABLE, reason=reason, task_id=task.id)


def _read_task(task: Any) -> RunRecord:
    parameters: dict[str, Any] = task.get_parameters(cast=True) or {}
    settings = _section(parameters, HYPERPARAMETERS_SECTION)
    singles: dict[str, float] = task.get_reported_single_values() or {}
    curves = {
        name_of(title, series): Curve(np.array(points['x'], np.float64), np.array(points['y'], np.float64))
        for title, all_series in (task.get_reported_scalars() or {}).items()
        for series, points in all_series.items()
        if title.startswith(('train/', 'val/'))
    }
    status, reason = _status(task.data)
    evaluation = _evaluation(curves, singles, settings.get('val_labels', settings.get('labels')))
    problems = ['has logged no val/mDice'] if evaluation is None else []
    text = task.get_configuration_object(CONFIG_OBJECT)
    dump: dict[str, Any] = {}
    if text:
        try:
            dump = read_config_dump(CONFIG_OBJECT, text)
        except InputError as error:
            problems.append(one_line(error))
    config = settings.pop('config', None) or _section(parameters, ARGUMENTS_SECTION).get('config') or task.name
    commit = settings.pop('commit', None)
    batch = settings.get('batch_size')
    parameter_count = singles.get('parameters')
    return RunRecord(
        name=str(task.name),
        place=str(task.get_output_log_web_page()),
        experiment=experiment_name(str(config)),
        status=status,
        reason='; '.join(filter(None, [reason, *problems])),
        seed=settings.get('seed') if isinstance(settings.get('seed'), int) else None,
        evaluations=() if evaluation is None else (evaluation,),
        curves=curves,
        hyperparameters=settings,
        config=dump,
        parameters=None if parameter_count is None else round(parameter_count),
        gflops=singles.get('GFLOPs'),
        minutes=singles.get('minutes'),
        images_per_second=_images_per_second(curves.get('train/time'), batch),
        batch_size=batch if isinstance(batch, int) else None,
        commit=None if commit in (None, 'none') else str(commit),
        task_id=str(task.id),
    )


def _section(parameters: Mapping[str, Any], section: str) -> dict[str, Any]:
    start = f'{section}/'
    return {key.removeprefix(start): value for key, value in parameters.items() if key.startswith(start)}


def _status(data: Any) -> tuple[str, str]:
    """Return status and reason; the message that a training has left is preferred to the general one."""
    status, reason = STATUSES.get(str(data.status), (UNFINISHED, f'has the status {data.status}'))
    message = one_line(data.status_message or data.status_reason or '')
    if status in (FAILED, INTERRUPTED) and message:
        return status, message
    return status, reason.format(updated=data.last_update)


def _evaluation(curves: Mapping[str, Curve], singles: Mapping[str, float], labels: Any) -> Evaluation | None:
    """Return the best validation: the one that the training names as such, or else that of the greatest mDice."""
    curve = curves.get('val/mDice')
    found = None if curve is None else best_point(zip(curve.iterations, curve.values, strict=True))
    if curve is None or found is None:
        return None
    best = singles.get('best mDice at')
    step = best if best in curve.iterations else found[0]
    values = {name: curve.values[curve.iterations == step] for name, curve in curves.items() if name.startswith('val/')}
    classes = {
        name.removeprefix(CLASS_DICE_PREFIX): Score(float(value[-1]))
        for name, value in values.items()
        if name.startswith(CLASS_DICE_PREFIX) and value.size
    }
    source = f'ClearML, iteration {step:g}; for the interval, test its checkpoint'
    known = None if labels in (None, 'none') else str(labels)
    return Evaluation('val', False, known, Score(float(values['val/mDice'][-1])), classes, source=source)


def _images_per_second(times: Curve | None, batch: Any) -> float | None:
    if times is None or not isinstance(batch, int):
        return None
    seconds = float(np.median(times.values))
    return batch / seconds if seconds > 0 else None


def _with_own_name(run: RunRecord, names: set[str]) -> RunRecord:
    """Return the run under a name that is not taken, and add that to the names."""
    name = run.name if run.name not in names else f'{run.name} · {str(run.task_id)[:6]}'
    while name in names:  # of the same six digits
        name += '+'
    names.add(name)
    return run if name == run.name else run.renamed(name)
