"""Offline sessions sent to the server."""

from __future__ import annotations

import contextlib
import json
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError
from mmseg_ext.tracking.clearml import server
from mmseg_ext.tracking.clearml.session import CONTINUES, STATUS

TASK = 'task.json'


@dataclass(frozen=True)
class OfflineSession:
    """What an offline session holds.

    Attributes:
        path: Its zip file.
        task_id: The id that it had offline.
        name: The task's name.
        project: The project's name.
        status: ``completed``, or ``failed: <reason>`` and so on.
        continues: The id of the session or task that it continues, or None.
        artifacts: Their names; each one's file is in the zip.
    """

    path: Path
    task_id: str
    name: str
    project: str
    status: str
    continues: str | None
    artifacts: tuple[str, ...]


def read_session(path: str | Path) -> OfflineSession:
    """Read what a session holds, and make sure that all of it is there.

    ClearML's own import leaves out a checkpoint that is not in the zip, and says nothing.

    Raises:
        InputError: The file is missing, is no session, or lacks the file of an artifact.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            names = set(archive.namelist())
            task = json.loads(archive.read(TASK))
            folder = f'{task["offline_folder"]}/'
            session = _session(path, task)
    except FileNotFoundError:
        raise InputError(f'{path}: session not found; clearml.json in the work dir names it') from None
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f'{path}: is no offline session ({error}); give the zip that clearml.json names') from error
    if damaged is not None:
        raise InputError(f'{path}: {damaged} is damaged; copy the zip again')
    for artifact in task.get('execution', {}).get('artifacts') or []:
        name = str(artifact['uri']).removeprefix(folder)
        if name not in names:
            raise InputError(
                f'{path}: lacks {name}, the file of "{artifact["key"]}"; put it there or make the zip anew'
            )
    return session


def _session(path: Path, task: dict[str, Any]) -> OfflineSession:
    properties = {name: one['value'] for name, one in (task.get('hyperparams') or {}).get('properties', {}).items()}
    artifacts = (task.get('execution') or {}).get('artifacts') or []
    return OfflineSession(
        path=path,
        task_id=task['id'],
        name=task['name'],
        project=task.get('project_name') or '',
        status=properties.get(STATUS, 'completed'),
        continues=properties.get(CONTINUES),
        artifacts=tuple(artifact['key'] for artifact in artifacts),
    )


def import_sessions(paths: Sequence[str | Path]) -> list[tuple[OfflineSession, str]]:
    """Send offline sessions to the server. One that continues another of the list goes to the same task.

    Args:
        paths: Zip files.

    Returns:
        Each session with the address of its task's page.

    Raises:
        InputError: A session cannot be read (nothing is sent then), or the server cannot be used or fails.
    """
    sessions = [read_session(path) for path in paths]
    with contextlib.redirect_stdout(sys.stderr):  # the SDK talks
        server.require()
        imported: dict[str, str] = {}
        return [(session, _import(session, imported)) for session in sessions]


def _import(session: OfflineSession, imported: dict[str, str]) -> str:
    """Send one session, note its id on the server under its offline id, and return its page."""
    from clearml import Task

    previous = imported.get(session.continues or '')
    if session.continues and not session.continues.startswith('offline-'):
        previous = session.continues  # the run began online
    try:
        known = _drafts(session) if previous else set()
        task_id = Task.import_offline_session(str(session.path), previous_task_id=previous)
        task = Task.get_task(task_id=task_id)
        for draft in _drafts(session) - known - {task_id} if previous else ():
            Task.get_task(task_id=draft).delete(delete_artifacts_and_models=False)  # the SDK leaves it behind
        status, _, message = session.status.partition(': ')
        if status != 'completed':
            mark = task.mark_failed if status == 'failed' else task.mark_stopped
            mark(force=True, status_message=message)
        imported[session.task_id] = task_id
        return str(task.get_output_log_web_page())
    except Exception as error:  # whatever the SDK raises when the server fails in between
        message = ' '.join(str(error).split())
        raise InputError(f'{session.path}: not imported ({type(error).__name__}: {message}); try again') from error


def _drafts(session: OfflineSession) -> set[str]:
    """The ids of the tasks of that name that have never run."""
    from clearml import Task

    found = Task.query_tasks(
        project_name=session.project, task_name=f'^{session.name}$', task_filter={'status': ['created']}
    )
    return {one if isinstance(one, str) else one['id'] for one in found}
