"""The client without its process: which script a task names, and how the process is started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mmseg_ext.tracking.clearml import client as module
from mmseg_ext.tracking.clearml.client import running_script, sdk_command, sdk_environment


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
