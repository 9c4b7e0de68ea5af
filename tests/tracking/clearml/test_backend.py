"""The backend without a training: what a config, `add_scalars` and `close` do."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('mmseg')
pytest.importorskip('clearml')

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.visualization import Visualizer

from mmseg_ext.errors import InputError
from mmseg_ext.tracking.clearml import backend as module
from mmseg_ext.tracking.clearml import server
from mmseg_ext.tracking.clearml.backend import ClearMLBackend, find_backend, set_mode
from mmseg_ext.tracking.clearml.messages import SingleValues, Table

Make = Callable[..., ClearMLBackend]


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of ClearML is configured."""
    for name in os.environ:
        if name.startswith(('CLEARML_', 'TRAINS_')):
            monkeypatch.delenv(name)
    monkeypatch.setenv('HOME', str(tmp_path))


@pytest.fixture
def make(clean: None, contract: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Make:
    """A backend as a visualizer makes it, for a server on the loopback."""
    for name, value in contract.environment().items():
        monkeypatch.setenv(name, value)

    def build(**options: Any) -> ClearMLBackend:
        backend = {'type': 'mmseg_ext.ClearMLBackend', 'probe_timeout': 30, **options}
        init_default_scope('mmseg')
        visualizer = Visualizer(vis_backends=[backend], save_dir=str(tmp_path / 'log'))
        found = find_backend(visualizer)
        assert found is not None
        found.add_config(Config({'work_dir': str(tmp_path), 'default_scope': 'mmseg'}))
        return found

    return build


def test_what_mmengine_logs_without_the_hook(make: Make, contract: Any, tmp_path: Path) -> None:
    backend = make(mode='online', tags=['größe'], project='Tiere', task_name='ein Lauf')
    backend.add_scalars({'loss': 0.5, 'lr': 1e-3, 'epoch': 1, 'iter': 10, 'note': 'x', 'list': [1]}, 10, 'scalars.json')
    backend.add_scalars({'mDice': 80.0, 'Dice/cat': float('nan'), 'time': 0.1}, 10, 'scalars.json')
    backend.add_scalars({'mDice': 81.0}, 10, 'scalars.json')
    for step in range(500):
        backend.add_scalars({f'own/{name}': step / 7 for name in range(4)}, step)
    backend.add_scalar('own/nan', float('inf'), 3)
    backend.add_image('own/picture', np.zeros((4, 4, 3), np.uint8), 3)
    backend.send('no such message')  # type: ignore[arg-type]
    for _ in range(2):
        backend.send(Table('t', 's', None, 3))  # type: ignore[arg-type]
    backend.close()
    backend.close()
    backend.add_scalar('own/late', 1.0)

    (task,) = contract.tasks.values()
    assert (task['name'], task['status']) == ('ein Lauf', 'completed')
    assert set(task['tags']) >= {'größe'}
    assert [project['name'] for project in contract.projects.values()] == ['Tiere']
    scalars = [event for event in contract.events if event['type'] == 'training_stats_scalar' and event['iter'] >= 0]
    places = Counter((event['metric'], event['variant']) for event in scalars)
    assert places == {
        ('train/loss', 'loss'): 1, ('train/lr', 'lr'): 1, ('val/mDice', 'mDice'): 1, ('val/seconds', 'step'): 1,
        **{(f'own/{name}', str(name)): 500 for name in range(4)},
    }  # fmt: skip
    assert {event['value'] for event in scalars if event['metric'] == 'val/mDice'} == {80.0}
    assert len([event for event in contract.events if event['type'] == 'training_debug_image']) == 1


def test_failures_are_told_once_and_counted(make: Make, contract: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, bool]] = []
    monkeypatch.setattr(module, '_log', lambda text, bad: told.append((text, bad)))
    backend = make(mode='online')
    backend.start()
    for _ in range(3):
        backend.send(Table('t', 's', None, 1))  # type: ignore[arg-type]
    backend.send('no such message')  # type: ignore[arg-type]
    backend.send(SingleValues({'mDice': 1.0}))
    backend.close('stopped', 'Ctrl-C')
    warnings = [text for text, bad in told if bad]
    assert len(warnings) == 3
    assert 'table is not logged (TypeError' in warnings[0]
    assert warnings[1] == "ClearML: str is not logged (TypeError: unknown message 'no such message')"
    assert warnings[2].endswith('failures in total: table 3 times')
    assert [event['value'] for event in contract.events if event.get('variant') == 'mDice'] == [1.0]
    (task,) = contract.tasks.values()
    assert (task['status'], task['status_message']) == ('stopped', 'Ctrl-C')


def test_a_server_that_makes_no_task(make: Make, contract: Any) -> None:
    contract.broken.add('tasks.create')
    with pytest.raises(InputError, match='creates no task'):
        make(mode='online', close_timeout=1).start()


def test_a_process_that_dies_is_told_and_forgotten(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(module, '_log', lambda text, bad: told.append(text) if bad else None)
    backend = make(mode='online')
    backend.start()
    assert backend.experiment is not None
    backend.experiment._process.kill()
    while not backend.experiment._ended.wait(0.02):
        pass
    for step in range(100):
        backend.add_scalar('x', 1.0, step)
    backend.close()
    assert told == ['ClearML: its process has ended; nothing more is logged there']


def test_only_the_first_process_logs(make: Make, contract: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, 'is_main_process', lambda: False)
    backend = make(mode='online')
    backend.start()
    backend.add_scalar('x', 1.0)
    backend.close()
    assert backend.experiment is None
    assert not contract.calls


def test_modes(clean: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mode='on' must be one of auto, online, offline, off"):
        ClearMLBackend(str(tmp_path), mode='on')
    backend = ClearMLBackend(str(tmp_path))
    assert backend._possible_mode() == 'off'
    monkeypatch.setenv('CLEARML_OFFLINE_MODE', '1')
    assert backend._possible_mode() == 'offline'
    monkeypatch.delenv('CLEARML_OFFLINE_MODE')
    (tmp_path / 'clearml.conf').write_text('')
    assert backend._possible_mode() == 'auto'
    monkeypatch.setattr(server, 'is_installed', lambda: False)
    assert backend._possible_mode() == 'off'
    with pytest.raises(InputError, match='clearml is not installed'):
        ClearMLBackend(str(tmp_path), mode='offline')._possible_mode()


def test_the_command_line_rules_over_the_config() -> None:
    plain = Config({'visualizer': {'type': 'V', 'vis_backends': [{'type': 'Local'}]}})
    set_mode(plain, None)
    assert plain.visualizer.vis_backends == [{'type': 'Local'}, {'type': 'mmseg_ext.ClearMLBackend', 'mode': 'auto'}]
    assert plain.custom_hooks == [{'type': 'mmseg_ext.ClearMLHook'}]
    given = {'type': 'mmseg_ext.ClearMLBackend', 'mode': 'offline', 'project': 'p'}
    hook = {'type': 'mmseg_ext.ClearMLHook', 'interval': 5}
    for mode, expected in ((None, 'offline'), ('off', 'off')):
        config = Config({'visualizer': {'type': 'V', 'vis_backends': [given]}, 'custom_hooks': [hook]})
        set_mode(config, mode)
        assert config.visualizer.vis_backends == [{**given, 'mode': expected}]
        assert config.custom_hooks == [hook]
