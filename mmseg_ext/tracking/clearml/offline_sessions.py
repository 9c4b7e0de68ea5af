"""Offline sessions: reading them, and sending them to the server."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError, one_line
from mmseg_ext.tracking.clearml import server
from mmseg_ext.tracking.clearml.session import CONTINUES_PROPERTY, STATUS_PROPERTY

TASK_MEMBER = 'task.json'
OFFLINE_ID = 'offline-'  # begins the ids of tasks that are not on the server


@dataclass(frozen=True)
class OfflineSession:
    """An offline session.

    Attributes:
        path: Its zip file.
        task_id: The id that it had offline.
        name: The task's name.
        project: The project's name.
        status: ``completed``, or ``failed: <reason>`` and so on.
        continues: The id of the session or task that it continues, or None.
    """

    path: Path
    task_id: str
    name: str
    project: str
    status: str
    continues: str | None

    @property
    def earlier_session(self) -> str | None:
        """The id of the offline session that it continues, or None."""
        return self.continues if self.continues and self.continues.startswith(OFFLINE_ID) else None


def read_session(path: str | Path) -> OfflineSession:
    """Read a session, and check that it is complete.

    ClearML's own import silently leaves out a checkpoint that is not in the zip.

    Raises:
        InputError: The file is missing, is no session, or lacks the file of an artifact.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            names = set(archive.namelist())
            task = json.loads(archive.read(TASK_MEMBER))
            folder = f'{task["offline_folder"]}/'
            session = _session(path, task)
    except FileNotFoundError:
        raise InputError(path, 'session not found', 'see clearml.json in the work dir') from None
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(path, f'is not an offline session ({error})', 'give the zip listed in clearml.json') from error
    if damaged is not None:
        raise InputError(path, f'{damaged} is damaged', 'copy the zip again')
    for artifact in (task.get('execution') or {}).get('artifacts') or []:
        name = str(artifact['uri']).removeprefix(folder)
        if name not in names:
            raise InputError(path, f'lacks {name}, the file of "{artifact["key"]}"', 'add it, or copy the zip again')
    return session


def _session(path: Path, task: dict[str, Any]) -> OfflineSession:
    properties = {name: entry['value'] for name, entry in (task.get('hyperparams') or {}).get('properties', {}).items()}
    return OfflineSession(
        path=path,
        task_id=task['id'],
        name=task['name'],
        project=task.get('project_name') or '',
        status=properties.get(STATUS_PROPERTY, 'completed'),
        continues=properties.get(CONTINUES_PROPERTY),
    )


def import_sessions(paths: Sequence[str | Path]) -> Iterator[tuple[OfflineSession, str]]:
    """Send offline sessions to the server. One that continues another of the list goes to the same task, after it.

    Args:
        paths: Zip files, in any order.

    Yields:
        Each session, as soon as it has been sent, with the address of its task's page.

    Raises:
        InputError: A session cannot be read (nothing is sent then), or the server cannot be used or fails.
    """
    sessions = _earlier_first([read_session(path) for path in paths])
    with contextlib.redirect_stdout(sys.stderr):  # the SDK prints
        server.require()
    imported: dict[str, str] = {}
    for number, session in enumerate(sessions):
        try:
            with contextlib.redirect_stdout(sys.stderr):
                page = _import(session, imported)
        except Exception as error:  # whatever the SDK raises when the server fails in between
            reason = f'{type(error).__name__}: {one_line(error)}'
            sent = ', '.join(str(other.path) for other in sessions[:number])
            remedy = f'try again without {sent} (already sent)' if sent else 'try again'
            raise InputError(session.path, f'not imported ({reason})', remedy) from error
        yield session, page


def _earlier_first(sessions: Sequence[OfflineSession]) -> list[OfflineSession]:
    known = {session.task_id: session for session in sessions}
    ordered: dict[str, OfflineSession] = {}
    for session in sessions:
        chain: dict[str, OfflineSession] = {}
        earlier: OfflineSession | None = session
        while earlier is not None and earlier.task_id not in {**ordered, **chain}:
            chain[earlier.task_id] = earlier
            earlier = known.get(earlier.continues or '')
        ordered |= dict(reversed(chain.items()))
    return list(ordered.values())


def _import(session: OfflineSession, imported: dict[str, str]) -> str:
    """Send one session and return its page; ``imported`` gets its offline id → its id on the server."""
    from clearml import Task

    previous = imported.get(session.earlier_session) if session.earlier_session else session.continues
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


def _drafts(session: OfflineSession) -> set[str]:
    """Return the ids of the tasks of that name that have never run."""
    from clearml import Task

    found = Task.query_tasks(
        project_name=session.project, task_name=f'^{re.escape(session.name)}$', task_filter={'status': ['created']}
    )
    return {task if isinstance(task, str) else task['id'] for task in found}
