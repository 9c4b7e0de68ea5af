"""Training on a ClearML agent: what a queue is given, and what an agent finds.

The arguments of ``tools/train.py`` stand in the task's section ``Args``; an override of the config is ``option.<key>``.
They can be edited in a clone of the task, by hand or by a search for hyperparameters.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError
from mmseg_ext.runs.hyperparameters import data_sources, hyperparameters
from mmseg_ext.tracking.clearml.client import ROOT, Client, own_environment
from mmseg_ext.tracking.clearml.process import QUEUED
from mmseg_ext.tracking.clearml.server import PROJECT, TIMEOUT, is_installed

SECTION = 'Args'
OPTION = 'option.'
WAIT = 120.0  # seconds to make the task and put it into the queue
FETCH = """
import json, os, sys
sys.path.insert(0, {root!r})
from clearml import Task
parameters = Task.get_task(task_id={task!r}).get_parameters()
print(json.dumps({{key: value for key, value in parameters.items() if key.startswith({section!r} + '/')}}))
"""


def enqueue(
    config: Mapping[str, Any],
    text: str,
    queue: str | None,
    arguments: Mapping[str, Any],
    name: str,
    project: str = PROJECT,
    probe_timeout: float = TIMEOUT,
    script: str | None = None,
) -> tuple[str, str]:
    """Make a task for a training and put it into a queue.

    Args:
        config: The experiment, after all overrides.
        text: The config as it is shown.
        queue: The queue's name; None leaves the task a draft, of which copies may be enqueued.
        arguments: Of ``tools/train.py``, flat: from `to_section`.
        name: The task's name.
        project: The project in ClearML.
        probe_timeout: Seconds that the server may take to answer.
        script: Path of ``tools/train.py``; None where that is what runs here.

    Returns:
        The task's id and the address of its page.

    Raises:
        InputError: ClearML is not installed, the server cannot be used, or has no such queue.
    """
    if not is_installed():
        raise InputError('--clearml-queue: clearml is not installed; pip install clearml')
    requirements = Path(ROOT) / 'requirements.txt'
    run = {
        'project': project, 'name': name, 'tags': [], 'work_dir': None, 'resume': False,
        'requirements': str(requirements) if requirements.is_file() else None,
        'hyperparameters': hyperparameters(config), 'config': text, 'data': data_sources(config),
    }  # fmt: skip
    problems: list[str] = []

    def tell(line: str, is_warning: bool) -> None:
        if is_warning:
            problems.append(line)

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / 'clearml.log'
        client = Client('online', tell, log, log.parent, probe_timeout, TIMEOUT, script)
        if client.wait_for_mode() == 'online':
            client.send('start', run=run)
            client.send('enqueue', queue=queue, section=SECTION, arguments=dict(arguments))
            code = client.wait_for_end(WAIT)
        else:
            problems.append(client.reason or 'the server does not answer')
            code = client.wait_for_end(0)
    if code != QUEUED or client.started is None:
        reason = problems[0] if problems else 'no answer in time'
        raise InputError(f'--clearml-queue {queue or ""}: {reason}; see that the server runs and has this queue')
    return str(client.started['task']), str(client.started['page'])


def to_section(arguments: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``tools/train.py`` as a flat section: those that are set, and ``option.<key>`` of the config.

    Args:
        arguments: Name → value; None and False are left out.
        options: ``--cfg-options``, dotted key → value.
    """
    section = {name: value for name, value in arguments.items() if value is not None and value is not False}
    return section | {f'{OPTION}{key}': str(value) for key, value in options.items()}


def from_section(section: Mapping[str, Any]) -> list[str]:
    """The command line that a section stands for.

    Args:
        section: As from `to_section`, with text as values.

    Raises:
        InputError: It names no config.
    """
    if 'config' not in section:
        raise InputError(f'ClearML: the task has no {SECTION}/config; make it with --clearml-queue')
    argv = [str(section['config'])]
    for name, value in sorted(section.items()):
        if name == 'config' or name.startswith(OPTION):
            continue
        option = f'--{name.replace("_", "-")}'
        argv += [option] if str(value) == 'True' else [] if str(value) in ('', 'False') else [option, str(value)]
    options = [f'{name.removeprefix(OPTION)}={value}' for name, value in sorted(section.items()) if OPTION in name]
    return [*argv, '--cfg-options', *options] if options else argv


def agent_arguments() -> list[str] | None:
    """The command line of the task that an agent runs here; None where no agent does.

    Raises:
        InputError: The task cannot be read.
    """
    task = os.environ.get('CLEARML_TASK_ID')
    if not task or not is_installed():
        return None
    code = FETCH.format(root=ROOT, task=task, section=SECTION)
    command = [sys.executable, '-P', '-c', code]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=WAIT, check=True, env=own_environment(), cwd=ROOT
        )
        found = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise InputError(f'ClearML: the task {task} cannot be read ({type(error).__name__}); see its server') from error
    section = {'work_dir': f'work_dirs/{task}', **{key.partition('/')[2]: value for key, value in found.items()}}
    return from_section(section)  # a work dir of their own lets copies of a task run in one folder
