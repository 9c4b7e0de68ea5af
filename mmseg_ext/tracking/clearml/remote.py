"""Training on a ClearML agent: what a queue is given, and what an agent finds.

The arguments of `mmseg-ext train` stand in the task's section ``Args``; an override of the config is ``option.<key>``.
They can be edited in a clone of the task, by hand or by a search for hyperparameters. The agent runs ``tools/train.py``
without arguments, which then takes those of `agent_arguments`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError
from mmseg_ext.runs.hyperparameters import data_sources, hyperparameters
from mmseg_ext.tracking.clearml.client import ROOT, TRAIN_SCRIPT, Client, sdk_command, sdk_environment
from mmseg_ext.tracking.clearml.messages import Enqueue, StartTask
from mmseg_ext.tracking.clearml.process import QUEUED_EXIT_CODE
from mmseg_ext.tracking.clearml.server import DEFAULT_PROJECT, PROBE_TIMEOUT_S, is_installed

ARGUMENTS_SECTION = 'Args'
OPTION_PREFIX = 'option.'
ENQUEUE_TIMEOUT_S = 120.0  # to make the task and put it into the queue
FETCH_TIMEOUT_S = 120.0


def enqueue(
    config: Mapping[str, Any],
    text: str,
    queue: str | None,
    arguments: Mapping[str, Any],
    name: str,
    project: str = DEFAULT_PROJECT,
    probe_timeout: float = PROBE_TIMEOUT_S,
) -> tuple[str, str]:
    """Make a task for a training and put it into a queue.

    Args:
        config: The experiment, after all overrides.
        text: The config as it is shown.
        queue: The queue's name; None leaves the task a draft, of which copies may be enqueued.
        arguments: Arguments of `mmseg-ext train`, from `to_section`.
        name: The task's name.
        project: The project in ClearML.
        probe_timeout: Seconds that the server may take to answer.

    Returns:
        The task's id and the address of its page.

    Raises:
        InputError: ClearML is not installed, this is no checkout, the server cannot be used, or has no such queue.
    """
    subject = f'`queue={queue}`' if queue else 'ClearML'
    if not is_installed():
        raise InputError(subject, 'clearml is not installed', 'pip install clearml')
    if not TRAIN_SCRIPT.is_file():
        raise InputError(subject, f'an agent runs {TRAIN_SCRIPT}, which does not exist', 'start from a checkout')
    task = StartTask(
        project, name, hyperparameters(config), text, data_sources(config), requirements=pinned_requirements()
    )
    problems: list[str] = []

    def note(line: str, is_warning: bool) -> None:
        if is_warning:
            problems.append(line)

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / 'clearml.log'
        client = Client('online', note, log, log.parent, probe_timeout, PROBE_TIMEOUT_S, TRAIN_SCRIPT)
        if client.wait_for_mode() == 'online':
            client.send(task)
            client.send(Enqueue(queue, ARGUMENTS_SECTION, dict(arguments)))
            code = client.wait_for_end(ENQUEUE_TIMEOUT_S)
        else:
            problems.append(client.reason or 'the server does not answer')
            code = client.wait_for_end(0)
    if code != QUEUED_EXIT_CODE or client.started is None:
        reason = problems[0] if problems else 'no answer in time'
        raise InputError(subject, reason, 'check that the server runs and has this queue')
    return client.started.task_id, str(client.started.page)


def pinned_requirements() -> str | None:
    """Return the path of the file of pinned requirements, which an agent installs; None outside of a checkout."""
    path = Path(ROOT) / 'requirements.txt'
    return str(path) if path.is_file() else None


def to_section(arguments: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of `mmseg-ext train` as a flat section.

    Args:
        arguments: Name → value; None and False are left out.
        options: Overrides of the config, dotted key → value; they become ``option.<key>``.

    >>> to_section({'config': 'c.py', 'seed': 1, 'amp': False}, {'train_cfg.max_iters': 20})
    {'config': 'c.py', 'seed': 1, 'option.train_cfg.max_iters': '20'}
    """
    section = {name: value for name, value in arguments.items() if value is not None and value is not False}
    return section | {f'{OPTION_PREFIX}{key}': str(value) for key, value in options.items()}


def from_section(section: Mapping[str, Any]) -> list[str]:
    """Return the command line that a section stands for.

    Args:
        section: As from `to_section`, with text as values.

    Raises:
        InputError: It names no config.

    >>> from_section({'config': 'c.py', 'seed': '1', 'option.train_cfg.max_iters': '20'})
    ['c.py', '--seed', '1', '--cfg-options', 'train_cfg.max_iters=20']
    """
    if 'config' not in section:
        raise InputError(
            'ClearML', f'the task has no {ARGUMENTS_SECTION}/config', 'create it with mmseg-ext train --clearml-queue'
        )
    argv = [str(section['config'])]
    options = []
    for name, value in sorted(section.items()):
        if name.startswith(OPTION_PREFIX):
            options.append(f'{name.removeprefix(OPTION_PREFIX)}={value}')
        elif name != 'config' and str(value) not in ('', 'False'):
            flag = f'--{name.replace("_", "-")}'
            argv += [flag] if str(value) == 'True' else [flag, str(value)]
    return [*argv, '--cfg-options', *options] if options else argv


def agent_arguments() -> list[str] | None:
    """Return the command line of the task that an agent runs here; None where no agent does.

    Raises:
        InputError: The task cannot be read.
    """
    task_id = os.environ.get('CLEARML_TASK_ID')
    if not task_id or not is_installed():
        return None
    command = sdk_command(f'from mmseg_ext.tracking.clearml import remote; remote.print_section({task_id!r})')
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=FETCH_TIMEOUT_S,
            check=True,
            env=sdk_environment(),
            cwd=ROOT,
        )
        section: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise InputError(
            f'ClearML task {task_id}', f'cannot be read ({type(error).__name__})', 'check that its server runs'
        ) from error
    # a work dir of its own for each task lets copies of a task run in one folder
    return from_section({'work_dir': f'work_dirs/{task_id}', **section})


def print_section(task_id: str) -> None:
    """Print the arguments of a task as JSON, in a process in which the SDK may be imported."""
    from clearml import Task

    prefix = f'{ARGUMENTS_SECTION}/'
    parameters = Task.get_task(task_id=task_id).get_parameters()
    section = {key.removeprefix(prefix): value for key, value in parameters.items() if key.startswith(prefix)}
    print(json.dumps(section))
