"""What a resumed run reports. The real SDK: tests/commands/test_clearml.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mmseg_ext.tracking.clearml.messages import CloseTask, ConfusionMatrix, Image, Message, Scalars, StartTask, Table
from mmseg_ext.tracking.clearml.session import Session


class FakeTask:
    """What is used of ``clearml.Task``: keeps what is reported."""

    id = 'id'
    last_iteration = 0

    def __init__(self) -> None:
        self.reported: list[tuple[str, int]] = []

    def get_logger(self) -> FakeTask:
        return self

    def get_last_iteration(self) -> int:
        return self.last_iteration

    def get_offline_mode_folder(self) -> str:
        return 'offline/session'

    def report_scalar(self, title: str, series: str, value: float, step: int) -> None:
        self.reported.append((f'{title}/{series}', step))

    def report_table(self, title: str, series: str, step: int, **more: Any) -> None:
        self.reported.append((title, step))

    def report_image(self, title: str, series: str, step: int, **more: Any) -> None:
        self.reported.append((title, step))

    def report_confusion_matrix(self, title: str, series: str, matrix: Any, step: int, **more: Any) -> None:
        self.reported.append((title, step))

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **options: None


def validation(step: int) -> list[Message]:
    return [
        Image('val/overlays', 'a', np.zeros((1, 1, 3), np.uint8), step),
        Scalars([('val/mDice', 'mDice', 50.0)], step),
        Table('val/classes', 'percent', [], step),
        ConfusionMatrix('val/confusion', 'percent', np.eye(1), ['cat'], step),
    ]


def training(step: int) -> Message:
    return Scalars([('train/loss', 'loss', 1.0)], step)


@pytest.mark.parametrize('offline', [True, False])
@pytest.mark.parametrize('is_older', [False, True])
def test_a_validation_that_was_cut_short_is_reported_when_it_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: bool, is_older: bool
) -> None:
    modules = {name: ModuleType(name) for name in ('clearml', 'clearml.config')}
    modules['clearml.config'].running_remotely = lambda: False  # type: ignore[attr-defined]
    task_class = modules['clearml'].Task = type('Task', (FakeTask,), {})  # type: ignore[attr-defined]
    task_class.set_offline = task_class.force_requirements_env_freeze = lambda *_, **__: None
    task_class.get_task = lambda *_, **__: FakeTask()
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)

    def run(messages: list[Message], resume: bool) -> list[tuple[str, int]]:
        task = FakeTask()
        task_class.init = lambda **_: task
        session = Session(lambda reply: None, offline)
        start = StartTask('pets', 'run', {'dataset': 'pets'}, '', [], None, work_dir=str(tmp_path), resume=resume)
        for message in [start, *messages, CloseTask('stopped')]:
            session.handle(message)
        FakeTask.last_iteration = max(step for _, step in task.reported)
        return task.reported

    monkeypatch.setattr(FakeTask, 'last_iteration', 0)
    run([training(10), *validation(10), training(20), validation(20)[0]], resume=False)
    content = json.loads((tmp_path / 'clearml.json').read_text())
    assert (content['last_iteration'], content['last_validation']) == (20, 10)
    if is_older:
        del content['last_validation']
        (tmp_path / 'clearml.json').write_text(json.dumps(content))
    names = ['val/overlays', 'val/mDice/mDice', 'val/classes', 'val/confusion']
    repeated = [] if is_older else [(name, 20) for name in names]
    again = run([training(10), *validation(10), training(20), *validation(20), training(30)], resume=True)
    assert again == [*repeated, ('train/loss/loss', 30)]
