"""A search whose trainings run on the agents of a ClearML queue.

ClearML's ``HyperParameterOptimizer`` with Optuna clones a draft of the training, changes its section ``Args``, of which
`mmseg-ext train` reads ``option.<key>`` as an override of the config, and enqueues the clone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from mmseg_ext.errors import InputError, installing
from mmseg_ext.runs.config_names import experiment_name
from mmseg_ext.runs.record import FINISHED, RunRecord
from mmseg_ext.runs.scalars import best_point
from mmseg_ext.tracking.clearml import server
from mmseg_ext.tracking.clearml.project import read_task
from mmseg_ext.tracking.clearml.remote import ARGUMENTS_SECTION, OPTION_PREFIX
from mmseg_ext.tracking.clearml.titles import title_and_series
from mmseg_ext.workflows.arguments import check_least
from mmseg_ext.workflows.search.local import sampler_and_pruner
from mmseg_ext.workflows.search.report import rank
from mmseg_ext.workflows.search.settings import Parameter, SearchSettings
from mmseg_ext.workflows.train import enqueue_training

POLL_MINUTES = 0.2  # between two looks at a training
REPORT_MINUTES = 1.0  # between two reports to the search's own task
CLOSE_TIMEOUT_S = 30.0
PREFIX = f'{ARGUMENTS_SECTION}/{OPTION_PREFIX}'  # of a hyperparameter's name in ClearML


def search_on_queue(
    settings: SearchSettings, trials: int, queue: str, workers: int = 1, poll: float = POLL_MINUTES
) -> dict[str, Any]:
    """Search with the agents of a queue; this process chooses, waits and reports.

    Args:
        settings: The search.
        trials: How many trainings.
        queue: The queue's name.
        workers: How many trainings may wait or run at a time.
        poll: Minutes between two looks at a training.

    Returns:
        As `search`, with ``project`` and ``page`` of the search's own task.

    Raises:
        InputError: The config or a key of the space cannot be used, the server cannot be used or has no such queue,
            or every training failed.
    """
    check_least(1, trials=trials, workers=workers)
    ranges = [(parameter, *_range(parameter)) for parameter in settings.space]
    if importlib.util.find_spec('optuna') is None:
        raise InputError('optuna', 'is not installed', installing('search'))
    server.require()
    _check_queue(queue)
    arguments = {'config': settings.config, 'seed': settings.seed}
    base, _ = enqueue_training(settings.config, arguments, settings.example_options())
    from clearml import Task

    project = Task.get_task(task_id=base).get_project_name()
    task = Task.create(
        project_name=project, task_name=f'search {experiment_name(settings.config)}', task_type='optimizer'
    )
    task.mark_started(force=True)
    optimizer = _make_optimizer(
        settings,
        base_task_id=base,
        hyper_parameters=[_make_range(parameter, kind, values) for parameter, kind, values in ranges],
        execution_queue=queue,
        auto_connect_task=task,
        total_max_jobs=trials,
        max_number_of_concurrent_tasks=workers,
        pool_period_min=poll,
    )
    _run(optimizer, task)
    return _report(settings, optimizer.get_optimizer().get_created_jobs_ids(), project, task)


def _check_queue(queue: str) -> None:
    from clearml.backend_api.session.client import APIClient

    names = sorted(known.name for known in APIClient().queues.get_all())
    if queue not in names:
        known = ', '.join(names) or 'none'
        raise InputError(f'`queue={queue}`', 'the server has no such queue', f'it has {known}')


def _run(optimizer: Any, task: Any) -> None:
    """Search, and report how it has ended to the search's own task; Ctrl-C ends the trainings, too."""

    def close(mark: Callable[..., Any]) -> Iterator[None]:
        optimizer.stop()
        task.flush(wait_for_uploads=True)
        mark(force=True)
        yield

    optimizer.set_report_period(REPORT_MINUTES)
    try:
        optimizer.start()
        optimizer.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(InputError):  # a server that is gone cannot be told
            list(server.bounded(lambda: close(task.mark_stopped), CLOSE_TIMEOUT_S))
        raise
    list(server.bounded(lambda: close(task.mark_completed), 60 * REPORT_MINUTES + CLOSE_TIMEOUT_S))


def _range(parameter: Parameter) -> tuple[str, dict[str, Any]]:
    """Return the class of ``clearml.automation`` for a parameter, and its arguments."""
    if parameter.choices:
        return 'DiscreteParameterRange', {'values': [str(choice) for choice in parameter.choices]}
    if parameter.log and parameter.is_integer:
        raise InputError(
            f'`space={parameter.key}`', 'ClearML has no logarithmic range for whole numbers', 'list the values'
        )
    if parameter.log:
        low, high = math.log10(parameter.low), math.log10(parameter.high)
        return 'LogUniformParameterRange', {'min_value': low, 'max_value': high}
    kind = 'UniformIntegerParameterRange' if parameter.is_integer else 'UniformParameterRange'
    return kind, {'min_value': parameter.low, 'max_value': parameter.high}


def _make_range(parameter: Parameter, kind: str, values: dict[str, Any]) -> Any:
    from clearml import automation

    return getattr(automation, kind)(f'{PREFIX}{parameter.key}', **values)


def _make_optimizer(settings: SearchSettings, **options: Any) -> Any:
    import optuna
    from clearml.automation import HyperParameterOptimizer
    from clearml.automation.optuna import OptimizerOptuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings('ignore', 'The reported value is ignored')  # ClearML asks more often than it evaluates
    title, series = title_and_series(f'val/{settings.metric}')
    return HyperParameterOptimizer(
        objective_metric_title=title,
        objective_metric_series=series,
        objective_metric_sign='max_global',
        optimizer_class=OptimizerOptuna,
        max_iteration_per_job=None,
        **{f'optuna_{name}': part for name, part in sampler_and_pruner(settings).items()},
        **options,
    )


def _report(settings: SearchSettings, jobs: dict[str, Any], project: str, task: Any) -> dict[str, Any]:
    from clearml import Task

    rows = [
        _row(settings, number, read_task(Task.get_task(task_id=job)), chosen)
        for number, (job, chosen) in enumerate(jobs.items())
    ]
    if all(row['value'] is None for row in rows):
        reason = rows[-1]['reason'] if rows else 'none was enqueued'
        raise InputError(f'ClearML project {project}', f'every training failed; the last: {reason}')
    return {
        'settings': settings.describe(),
        'trials': rank(rows),
        'project': project,
        'page': str(task.get_output_log_web_page()),
    }


def _row(settings: SearchSettings, number: int, run: RunRecord, chosen: dict[str, Any]) -> dict[str, Any]:
    curve = run.curves.get(f'val/{settings.metric}')
    points = () if curve is None else zip(curve.iterations, curve.values, strict=True)
    iteration, value = best_point(points) or (None, None)
    return {
        'trial': number,
        'state': 'complete' if run.status == FINISHED else run.status,
        'value': value,
        'iteration': iteration,
        'minutes': run.minutes or 0.0,
        'reason': run.reason,
        'parameters': {key.removeprefix(PREFIX): value for key, value in chosen.items()},
        'work_dir': run.place,
    }
