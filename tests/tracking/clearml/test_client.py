"""The client without its process: which script a task names, how it is started and closed."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmseg_ext.tracking.clearml import client as module
from mmseg_ext.tracking.clearml.client import Client, running_script, sdk_command, sdk_environment


def test_the_command_names_the_script_that_an_agent_can_run(
    monkeypatch: pytest.MonkeyPatch, repo_root: Path, tmp_path: Path
) -> None:
    def script(argument: str) -> Path:
        monkeypatch.setattr(sys, 'argv', [argument, 'train', 'config.py'])
        return running_script()

    train = repo_root / 'tools' / 'train.py'
    assert script('/venv/bin/mmseg-ext') == train
    assert script(str(repo_root / 'mmseg_ext' / '__main__.py')) == train
    assert script('/other/tools/train.py') == Path('/other/tools/train.py')
    assert script('own.py') == Path('own.py').absolute()
    monkeypatch.setattr(module, 'TRAIN_SCRIPT', tmp_path / 'train.py')  # no checkout
    assert script('/venv/bin/mmseg-ext') == Path('/venv/bin/mmseg-ext')


def test_the_process_is_no_module_and_no_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    assert '-m' not in sdk_command('main()')
    monkeypatch.setenv('LOCAL_RANK', '1')
    monkeypatch.setenv('OWN', '1')
    assert 'LOCAL_RANK' not in sdk_environment()
    assert sdk_environment()['OWN'] == '1'


@pytest.mark.parametrize(('answers_until', 'waited'), [(0, 7), (4, 11), (9999, 600)])
def test_closing_waits_as_long_as_the_server_answers_and_is_configured(
    answers_until: float, waited: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now, told = 0.0, []
    monkeypatch.setattr(module, 'time', SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(module, 'sdk_command', lambda code: ['sleep', '999'])
    client = Client('online', lambda *line: told.append(line), tmp_path / 'log', tmp_path, 1, close_timeout=7)

    def wait(seconds: float) -> bool:
        nonlocal now
        now += 0.5
        if now <= answers_until:
            client._alive = now
        return False

    monkeypatch.setattr(client._ended, 'wait', wait)
    client.close('completed')
    lost = 'data not yet sent are lost, the work dir is complete'
    assert told == [(f'ClearML: the session could not be closed in {waited} s; {lost}', True)]
    assert client._process.returncode == -signal.SIGKILL
