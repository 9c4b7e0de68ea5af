"""Trainings that log to ClearML: the real SDK against a server on the loopback that keeps what arrives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('clearml')
Tool = Callable[..., subprocess.CompletedProcess[str]]
WriteConfig = Callable[..., Path]
OneLine = Callable[..., None]

BACKEND = "visualizer = dict(vis_backends=[dict(type='mmseg_ext.ClearMLBackend', probe_timeout={probe}, {more})])\n"
HOOK = "custom_hooks = [*_base_.custom_hooks, dict(type='mmseg_ext.ClearMLHook', interval=1){more}]\n"
HOOKS = """
import os
import time
from pathlib import Path
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module(force=True)
class Raising(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if runner.iter == 2:
            raise {error}

@HOOKS.register_module(force=True)
class Pausing(Hook):
    priority = 'LOWEST'
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        mark = Path(runner.work_dir) / 'paused'
        if runner.iter == 2:
            mark.write_text(str(os.getpid()))
            while mark.exists():
                time.sleep(0.02)
"""


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment in which nothing of ClearML is configured."""
    (tmp_path / 'home').mkdir()
    unset = {name: '' for name in os.environ if name.startswith(('CLEARML_', 'TRAINS_'))}
    return {**unset, 'HOME': str(tmp_path / 'home')}


@pytest.fixture
def config(write_config: WriteConfig, tmp_path: Path) -> Callable[..., Path]:
    """The tiny experiment of four iterations, with an eager log and patience with a busy machine."""

    def write(name: str = 'tiny', hook: str = '', error: str = 'SystemExit', probe: float = 30, more: str = '') -> Path:
        (tmp_path / f'{name}_hooks.py').write_text(HOOKS.format(error=error))
        lines = BACKEND.format(probe=probe, more=more) + HOOK.format(more=f', dict(type="{hook}")' if hook else '')
        if hook:
            lines += (
                f'import sys\nsys.path.insert(0, {str(tmp_path)!r})\ncustom_imports = dict(imports=["{name}_hooks"])\n'
            )
        return write_config(tmp_path / f'{name}.py', lines)

    return write


def curve(server: Any, metric: str, variant: str) -> list[tuple[int, float]]:
    found = [event for event in server.events if event.get('metric') == metric and event.get('variant') == variant]
    return [(event['iter'], event['value']) for event in found]


def assert_complete(run: Path, iterations: int = 4) -> None:
    """What a training leaves on the disk, whatever became of the server."""
    rows = [json.loads(line) for line in (run / 'scalars.json').read_text().splitlines()]
    assert rows[-1]['iter'] == iterations
    assert 'val/mDice' in rows[-1]
    assert (run / f'iter_{iterations}.pth').exists()
    assert list(run.glob('best_mDice_iter_*.pth'))


def test_what_arrives(fast_tool: Tool, config: Callable[..., Path], contract: Any, home: Any, tmp_path: Path) -> None:
    run = tmp_path / 'runs' / 'first'
    result = fast_tool('train', config(), '--work-dir', run, '--seed', 5, env={**home, **contract.environment()})
    assert (result.returncode, result.stderr) == (0, '')
    assert_complete(run)
    assert not contract.unknown
    (task,) = contract.tasks.values()
    note = json.loads((run / 'clearml.json').read_text())
    assert note['task_id'] == task['id']
    assert note['page'] in result.stdout
    assert (task['name'], task['status'], task['tags']) == ('first', 'completed', ['pets'])

    scalars = [e for e in contract.events if e['type'] == 'training_stats_scalar' and e['iter'] >= 0]
    counts = Counter((event['metric'], event['variant'], event['iter']) for event in scalars)
    assert set(counts.values()) == {1}
    titles = {event['metric'] for event in scalars}
    assert {'train/loss', 'train/lr', 'train/seconds', 'train/memory', 'val/mDice', 'val/Dice'} <= titles
    assert not [name for name in titles if name.split('/')[-1] in ('epoch', 'iter', 'time')]
    assert {e['variant'] for e in scalars if e['metric'] == 'train/seconds'} == {'step', 'data'}
    own = [json.loads(line) for line in (run / 'scalars.json').read_text().splitlines()]
    validation = [(row['iter'], pytest.approx(row['val/Dice/cat'])) for row in own if 'val/Dice/cat' in row]
    assert curve(contract, 'val/Dice', 'cat') == validation
    assert [step for step, _ in curve(contract, 'train/loss', 'decode.loss_dice')] == [1, 2, 3, 4]

    values = {name: entry['value'] for name, entry in task['hyperparams']['Hyperparameters'].items()}
    assert values['optimizer'] == 'AdamW'
    assert float(values['lr']) == 0.002
    assert values['loss'] == 'mmseg_ext.CrossEntropyLoss + mmseg_ext.DiceLoss'
    assert (values['seed'], values['batch_size'], values['labels']) == ('5', '2', 'labels_true')
    assert len(values['data_fingerprint'].split(' + ')) == 2
    assert len(values['commit']) >= 40
    assert 'max_iters=4' in task['configuration']['config']['value']
    assert task['hyperparams']['properties']['dataset']['value'] == 'pets'

    singles = {event['variant']: event['value'] for event in contract.events if event.get('metric') == 'Summary'}
    assert singles['final mDice'] == pytest.approx(own[-1]['val/mDice'])
    assert singles['best mDice'] == pytest.approx(max(row['val/mDice'] for row in own if 'val/mDice' in row))
    plots = {(e['metric'], e['iter']): json.loads(e['plot_str']) for e in contract.events if e['type'] == 'plot'}
    table = plots['val/classes', 4]['data'][0]
    assert table['cells']['values'][0] == ['background', 'cat', 'dog']
    dice = table['cells']['values'][1]
    assert dice[1] == pytest.approx(own[-1]['val/Dice/cat'], abs=0.01)
    matrix = plots['val/confusion', 4]['data'][0]['z']
    assert sum(sum(row) for row in matrix) == pytest.approx(300, abs=0.1)
    images = Counter(event['variant'] for event in contract.events if event['type'] == 'training_debug_image')
    assert set(images.values()) == {2}
    assert len(images) == 4  # all of val, in two batches
    (model,) = contract.models.values()
    assert model['labels'] == {'background': 0, 'cat': 1, 'dog': 2}
    assert 'palette = [[' in model['design']['design']
    (best,) = run.glob('best_*.pth')
    uploaded = [content for path, content in contract.files.items() if path.endswith('.pth')]
    assert uploaded == [best.read_bytes()]


def test_a_training_that_raises_is_marked_failed(
    fast_tool: Tool, config: Callable[..., Path], contract: Any, home: Any, tmp_path: Path
) -> None:
    path = config(hook='Raising', error='ValueError("ö\\nbad")')
    result = fast_tool('train', path, '--work-dir', tmp_path / 'run', env={**home, **contract.environment()})
    assert result.returncode == 1, result.stderr
    assert 'ValueError: ö' in result.stderr
    (task,) = contract.tasks.values()
    assert (task['status'], task['status_message']) == ('failed', 'ö bad')
    assert len([path for path in contract.files if path.endswith('.pth')]) == 1


def test_a_server_that_falls_silent_costs_nothing_but_a_line(
    fast_tool: Tool, config: Callable[..., Path], contract: Any, home: Any, tmp_path: Path, one_line: OneLine
) -> None:
    contract.fail('silent')
    environment, path, reason = {**home, **contract.environment()}, config(probe=1), 'does not answer within 1 s'
    result = fast_tool('train', path, '--work-dir', tmp_path / 'run', env=environment)
    assert result.returncode == 0, result.stderr
    assert_complete(tmp_path / 'run')
    (session,) = json.loads((tmp_path / 'run' / 'clearml.json').read_text())['sessions']
    warnings = [line for line in result.stdout.splitlines() if 'WARNING' in line and 'ClearML' in line]
    assert len(warnings) == 1
    assert reason in warnings[0]
    assert f'mmseg-ext clearml-import {session}' in warnings[0]
    with zipfile.ZipFile(session) as archive:
        assert [name for name in archive.namelist() if name.endswith('.pth')]

    result = fast_tool('train', path, '--work-dir', tmp_path / 'online', '--clearml', 'online', env=environment)
    one_line(result, reason)
    assert not (tmp_path / 'online').exists()


@pytest.mark.parametrize('comes_back', [False, True])
def test_a_server_that_dies_on_the_way(
    fast_tool: Tool, config: Callable[..., Path], contract: Any, home: Any, tmp_path: Path, comes_back: bool
) -> None:
    path, run = config(hook='Pausing', more='' if comes_back else 'close_timeout=1'), tmp_path / 'run'

    def kill() -> None:
        while not (run / 'paused').exists() or not contract.calls['events.add_batch']:
            time.sleep(0.02)
        contract.kill()
        (run / 'paused').unlink()
        if comes_back:
            time.sleep(0.5)
            contract.start()

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    result = fast_tool('train', path, '--work-dir', run, '--clearml', 'online', env={**home, **contract.environment()})
    thread.join(10)
    assert (result.returncode, result.stderr) == (0, '')
    assert_complete(run)
    (task,) = contract.tasks.values()
    if comes_back:
        assert [step for step, _ in curve(contract, 'train/loss', 'loss')] == [1, 2, 3, 4]
        assert task['status'] == 'completed'
    else:
        lost = [line for line in result.stdout.splitlines() if 'WARNING' in line and 'ClearML' in line]
        assert len(lost) == 1
        assert 'could not be closed in' in lost[0]


def test_a_training_that_is_killed_is_marked_failed_and_resumes_its_task(
    fast_tool: Tool, config: Callable[..., Path], contract: Any, home: Any, tmp_path: Path
) -> None:
    path, run = config(hook='Pausing'), tmp_path / 'run'

    def kill() -> None:
        while not (run / 'paused').exists():
            time.sleep(0.02)
        end = time.monotonic() + 60
        while time.monotonic() < end and 3 not in dict(curve(contract, 'train/loss', 'loss')):
            time.sleep(0.02)
        os.kill(int((run / 'paused').read_text()), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    result = fast_tool('train', path, '--work-dir', run, env={**home, **contract.environment()})
    assert result.returncode == -signal.SIGKILL
    for _ in range(3000):
        if [status for _, status in contract.statuses if status == 'failed']:
            break
        time.sleep(0.02)
    (task,) = contract.tasks.values()
    assert (task['status'], task['status_message']) == ('failed', 'the process of the training has ended')
    assert [step for step, _ in curve(contract, 'train/loss', 'loss')] == [1, 2, 3]

    result = fast_tool('train', config(), '--work-dir', run, '--resume', env={**home, **contract.environment()})
    assert result.returncode == 0, result.stderr
    assert 'resumed epoch: 0, iter: 2' in result.stdout
    assert len(contract.tasks) == 1
    assert [step for step, _ in curve(contract, 'train/loss', 'loss')] == [1, 2, 3, 4]  # the third is not logged again
    assert task['status'] == 'completed'


def test_without_a_configuration_or_without_clearml_nothing_happens(
    fast_tool: Tool, config: Callable[..., Path], home: Any, tmp_path: Path, one_line: OneLine
) -> None:
    result = fast_tool('train', config(), '--work-dir', tmp_path / 'run', env=home)
    assert (result.returncode, result.stderr) == (0, '')
    assert_complete(tmp_path / 'run')
    assert not (tmp_path / 'run' / 'clearml.json').exists()
    lines = [line for line in result.stdout.splitlines() if 'ClearML' in line]
    assert len(lines) == 1
    assert 'INFO' in lines[0]
    assert 'not configured' in lines[0]

    path = config('without')
    path.write_text(path.read_text() + 'import sys\nsys.modules["clearml"] = None\n')
    for mode, code in (('auto', 0), ('offline', 2)):
        run = tmp_path / mode
        result = fast_tool('train', path, '--work-dir', run, '--clearml', mode, env={**home, 'CLEARML_AUTH_TOKEN': 'x'})
        assert result.returncode == code, result.stderr
        if code:
            one_line(result, 'clearml is not installed')
        else:
            assert_complete(run)
            assert 'not installed' in result.stdout


def test_offline_sessions_are_imported(
    fast_tool: Tool, config: Callable[..., Path], contract: Any, home: Any, tmp_path: Path, one_line: OneLine
) -> None:
    path, run = config(), tmp_path / 'run'
    for options in ([], ['--resume', '--cfg-options', 'train_cfg.max_iters=6']):
        result = fast_tool('train', path, '--work-dir', run, '--clearml', 'offline', *options, env=home)
        assert result.returncode == 0, result.stderr
    sessions = json.loads((run / 'clearml.json').read_text())['sessions']
    assert len(sessions) == 2
    for session in sessions:
        assert session in ''.join(path.read_text() for path in run.glob('*/*.log'))

    environment = {**home, **contract.environment()}
    result = fast_tool('clearml_import', *reversed(sessions), env=environment)
    assert result.returncode == 0, result.stderr
    (task,) = [task for task in contract.tasks.values() if task['status'] != 'created']
    assert task['status'] == 'completed'
    assert [line.split(': ')[0] for line in result.stdout.splitlines()] == sessions
    assert all(task['id'] in line for line in result.stdout.splitlines())
    assert [step for step, _ in curve(contract, 'train/loss', 'loss')] == [1, 2, 3, 4, 5, 6]
    assert [step for step, _ in curve(contract, 'val/mDice', 'mDice')] == [2, 4, 6]
    assert task['hyperparams']['Hyperparameters']['optimizer']['value'] == 'AdamW'
    (best,) = run.glob('best_*.pth')
    assert best.read_bytes() in contract.files.values()
    assert 'final mDice' in {event['variant'] for event in contract.events if event.get('metric') == 'Summary'}

    broken = tmp_path / 'broken.zip'
    with zipfile.ZipFile(sessions[0]) as archive, zipfile.ZipFile(broken, 'w') as copy:
        for name in archive.namelist():
            if not name.endswith('.pth'):
                copy.writestr(name, archive.read(name))
    events = len(contract.events)
    one_line(fast_tool('clearml_import', sessions[1], broken, env=environment), str(broken), 'best checkpoint')
    assert len(contract.events) == events
    broken.write_bytes(b'no zip')
    one_line(fast_tool('clearml_import', broken, env=environment), 'is not an offline session')
    one_line(fast_tool('clearml_import', tmp_path / 'nowhere.zip', env=environment), 'not found')
    one_line(fast_tool('clearml_import', sessions[0], env=home), 'not configured')


def test_a_queue_and_its_agent(
    fast_tool: Tool, config: Callable[..., Path], contract: Any, home: Any, tmp_path: Path, one_line: OneLine
) -> None:
    environment = {**home, **contract.environment()}
    path, run = config(), tmp_path / 'run'
    arguments = ['--work-dir', run, '--seed', 3, '--cfg-options', 'train_cfg.max_iters=2', 'train_cfg.val_interval=1']
    result = fast_tool('train', path, *arguments, '--clearml-queue', 'gpu', env=environment)
    assert (result.returncode, result.stderr) == (0, '')
    assert not run.exists()
    (task,) = contract.tasks.values()
    assert contract.queues['q1']['entries'] == [task['id']]
    assert task['status'] == 'queued'
    assert result.stdout.startswith('queued: http')
    assert task['id'] in result.stdout
    section = {name: entry['value'] for name, entry in task['hyperparams']['Args'].items()}
    assert section == {'config': str(path), 'work_dir': str(run), 'seed': '3', 'option.train_cfg.max_iters': '2',
                       'option.train_cfg.val_interval': '1'}  # fmt: skip
    assert task['script']['entry_point'] == 'tools/train.py'

    task['hyperparams']['Args']['option.train_cfg.max_iters']['value'] = '4'  # as in a clone
    result = fast_tool('train', env={**environment, 'CLEARML_TASK_ID': task['id']})
    assert (result.returncode, result.stderr) == (0, '')
    assert_complete(run)
    assert len(contract.tasks) == 1
    assert [step for step, _ in curve(contract, 'val/mDice', 'mDice')] == [1, 2, 3, 4]
    assert task['hyperparams']['Hyperparameters']['iterations']['value'] == '4'

    one_line(fast_tool('train', path, '--clearml-queue', 'nowhere', env=environment), 'nowhere')
