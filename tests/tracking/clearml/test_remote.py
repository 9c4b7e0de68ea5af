"""Arguments that go through a queue; the real SDK with a queue: tests/commands/test_clearml.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.tracking.clearml import remote as module
from mmseg_ext.tracking.clearml.remote import enqueue, from_section, to_section


def test_arguments_survive_the_queue() -> None:
    section = to_section(
        {'config': 'c.py', 'work_dir': 'a b', 'seed': 0, 'amp': True, 'none': None, 'off': False},
        {'model.depth': [1, 2], 'lr': 1e-3},
    )
    assert from_section({name: str(value) for name, value in section.items()}) == [
        'c.py', '--amp', '--seed', '0', '--work-dir', 'a b', '--cfg-options', 'lr=0.001', 'model.depth=[1, 2]'
    ]  # fmt: skip
    with pytest.raises(InputError, match='Args/config'):
        from_section({'seed': '1'})


def test_an_agent_needs_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, 'is_installed', lambda: True)
    monkeypatch.setattr(module, 'TRAIN_SCRIPT', tmp_path / 'train.py')
    with pytest.raises(InputError, match=r'`queue=gpu`: .*which does not exist; start from a checkout'):
        enqueue({}, '', 'gpu', {}, 'name')


def test_without_clearml_there_is_no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'is_installed', lambda: False)
    with pytest.raises(InputError, match='`queue=gpu`: clearml is not installed'):
        enqueue({}, '', 'gpu', {}, 'name')
