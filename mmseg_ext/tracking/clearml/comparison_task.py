"""A comparison of runs as a task of a ClearML project."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from mmseg_ext.reports.compare.charts import comparison_figures
from mmseg_ext.reports.compare.comparison import Comparison
from mmseg_ext.reports.compare.tables import DASH, Cell, columns, group_cells, hyperparameter_text, run_cells
from mmseg_ext.tracking.clearml import server

TASK_NAME = 'comparison'
TASK_TYPE = 'qc'


def publish(
    comparison: Comparison,
    project: str,
    timeout: float = server.PROBE_TIMEOUT_S,
    patience: float = server.SILENCE_TIMEOUT_S,
) -> tuple[str, str | None]:
    """Make a task ``comparison`` with the tables and charts of a comparison.

    Args:
        comparison: The runs.
        project: Name of the project, which is made if it does not exist.
        timeout: Seconds that the server may take to answer at first.
        patience: Seconds that it may take later.

    Returns:
        The address of the task's page; and that where ClearML compares the runs themselves, None where fewer than two
        of them have a task on a server.

    Raises:
        InputError: ClearML is not installed or not configured, or the server cannot be used or falls silent.
    """
    server.require(timeout)
    *_, (page, compare_page) = server.bounded(lambda: _publish(comparison, project), patience)
    return page, compare_page


def tables(comparison: Comparison) -> dict[str, list[list[str]]]:
    """Return the tables of a comparison, each with its head as first row.

    Returns:
        ``groups`` and, where some group has several runs, ``runs``: the scores; ``hyperparameters that differ``, where
        there are any, with a column for each group.
    """
    head = ['run', *(column.title if column.kind is None else f'{column.title}, {column.kind}'
                    for column in columns(comparison))]  # fmt: skip
    runs = {run.name: run_cells(comparison, run) for run in comparison.runs}
    groups = [
        (group.label, group_cells(comparison, group) if len(group.runs) > 1 else runs[group.runs[0].name])
        for group in comparison.groups
    ]
    found = {'groups': [head, *([label, *map(_text, cells)] for label, cells in groups)]}
    if len(groups) < len(runs):
        found['runs'] = [head, *([name, *map(_text, cells)] for name, cells in runs.items())]
    if comparison.differing:
        labels = [group.label for group in comparison.groups]
        rows = [[key, *map(hyperparameter_text, values)] for key, values in comparison.differing.items()]
        found['hyperparameters that differ'] = [['hyperparameter', *labels], *rows]
    return found


def compare_address(web: str, project_id: str, task_ids: list[str]) -> str:
    """Return the address where ClearML compares tasks.

    >>> compare_address('https://web', 'p1', ['a', 'b'])
    'https://web/projects/p1/compare-tasks;ids=a,b/scalars/graph'
    """
    return f'{web}/projects/{project_id}/compare-tasks;ids={",".join(task_ids)}/scalars/graph'


def _publish(comparison: Comparison, project: str) -> Iterator[tuple[str, str | None]]:
    from clearml import Task
    from clearml.backend_api import Session

    task = Task.create(project_name=project, task_name=TASK_NAME, task_type=TASK_TYPE)
    ids = list(dict.fromkeys(run.task_id for run in comparison.runs if run.task_id))
    address = compare_address(Session.get_app_server_host(), str(task.project), ids) if len(ids) > 1 else None
    task.mark_started(force=True)
    if address:
        task.set_comment(address)
    yield '', None  # signs of life, since one answer after the other may take its time
    yield from (('', None) for _ in _report(task, comparison))
    task.flush(wait_for_uploads=True)
    task.mark_completed(force=True)
    yield str(task.get_output_log_web_page()), address


def _report(task: Any, comparison: Comparison) -> Iterator[None]:
    logger = task.get_logger()
    for series, rows in tables(comparison).items():
        logger.report_table('table', series, 0, table_plot=rows)
        yield
    for title, figures in comparison_figures(comparison).items():
        for series, figure in figures.items():
            logger.report_plotly(title, series, copy.deepcopy(figure), 0)  # the SDK writes into it
            yield


def _text(cell: Cell) -> str:
    return cell.text if cell.text == DASH or not cell.small else f'{cell.text} {cell.small}'
