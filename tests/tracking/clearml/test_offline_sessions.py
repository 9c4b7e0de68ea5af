"""What is sent, and what is said of it, where the server fails in between. The SDK: tests/commands/test_clearml.py."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmseg_ext.commands.clearml_import import main
from mmseg_ext.errors import InputError
from mmseg_ext.tracking.clearml import server


class FakeTask:
    """What is used of ``clearml.Task``; drafts are found as the server does, by a regular expression."""

    drafts: dict[str, str] = {}  # noqa: RUF012 - of all tasks: id → name
    deleted: list[str] = []  # noqa: RUF012

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id

    @classmethod
    def import_offline_session(cls, path: str, previous_task_id: str | None) -> str:
        print('the SDK prints')
        if Path(path).stem == 'third':
            raise ConnectionError('no answer')
        if previous_task_id:
            cls.drafts |= {'left': 'run (1)', 'of others': 'run 1'}
        return previous_task_id or f'task-{Path(path).stem}'

    @classmethod
    def get_task(cls, task_id: str) -> FakeTask:
        return cls(task_id)

    @classmethod
    def query_tasks(cls, project_name: str, task_name: str, task_filter: Any) -> list[str]:
        return [task_id for task_id, name in cls.drafts.items() if re.search(task_name, name)]

    def delete(self, delete_artifacts_and_models: bool) -> None:
        self.deleted.append(self.task_id)

    def get_output_log_web_page(self) -> str:
        return f'https://server/{self.task_id}'


@pytest.fixture(autouse=True)
def fake_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'clearml', SimpleNamespace(Task=FakeTask))
    monkeypatch.setattr(server, 'require', lambda: None)
    monkeypatch.setattr(FakeTask, 'drafts', {})
    monkeypatch.setattr(FakeTask, 'deleted', [])


def session(folder: Path, name: str, continues: str | None = None) -> Path:
    properties = {'continues': {'value': continues}} if continues else {}
    task = {
        'id': f'offline-{name}',
        'name': 'run (1)',
        'offline_folder': 'session',
        'hyperparams': {'properties': properties},
    }
    with zipfile.ZipFile(folder / f'{name}.zip', 'w') as archive:
        archive.writestr('task.json', json.dumps(task))
    return folder / f'{name}.zip'


def test_what_was_sent_before_a_failure_is_printed_and_only_drafts_of_this_name_are_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = (
        session(tmp_path, *names) for names in (('first',), ('second', 'offline-first'), ('third',))
    )
    with pytest.raises(InputError) as raised:
        main([str(path) for path in (first, second, third)])
    assert capsys.readouterr().out.splitlines() == [
        f'{first}: https://server/task-first',
        f'{second}: https://server/task-first',
    ]
    assert raised.value.subject == str(third)
    assert raised.value.remedy == f'try again without {first}, {second} (already sent)'
    assert FakeTask.deleted == ['left']


def test_sessions_are_sent_after_those_that_they_continue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = session(tmp_path, 'a', 'offline-b')
    middle = session(tmp_path, 'b', 'offline-c')
    first = session(tmp_path, 'c')
    online = session(tmp_path, 'd', 'task-online')
    assert main([str(path) for path in (later, middle, first, online)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f'{first}: https://server/task-c',
        f'{middle}: https://server/task-c',
        f'{later}: https://server/task-c',
        f'{online}: https://server/task-online',
    ]
    assert set(err.splitlines()) == {'the SDK prints'}


def test_a_session_without_the_one_that_it_continues_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = session(tmp_path, 'a', 'offline-b')
    assert main([str(later)]) == 0
    out, err = capsys.readouterr()
    assert out == f'{later}: https://server/task-a\n'
    assert err.splitlines()[-1] == (
        f'{later}: has a task of its own: it continues offline-b, which is not among these sessions'
    )
