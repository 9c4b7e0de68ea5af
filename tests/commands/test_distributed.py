"""Two processes on one machine, started as a user starts them. Nothing but the loopback device is used."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Completed = subprocess.CompletedProcess[str]
Launch = Callable[..., Completed]


@pytest.fixture(scope='module')
def launch(repo_root: Path, tiny_data: Path) -> Launch:
    """Runs a tool in two processes on the CPU."""
    torch = pytest.importorskip('torch')
    if not torch.distributed.is_gloo_available():
        pytest.skip('torch is built without gloo')

    def run(name: str, *args: object) -> Completed:
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            port = probe.getsockname()[1]
        command = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2', '--master_addr=127.0.0.1']
        command += [f'--master_port={port}', str(repo_root / 'tools' / f'{name}.py'), *map(str, args)]
        environment = {
            **os.environ,
            'PYTHONPATH': str(repo_root),
            'OMP_NUM_THREADS': '1',
            'CUDA_VISIBLE_DEVICES': '',
            'GLOO_SOCKET_IFNAME': 'lo',
            'DEMO_DATA': str(tiny_data),
        }
        return subprocess.run(
            [*command, '--launcher', 'pytorch'], env=environment, cwd=repo_root, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=600, check=False,
        )  # fmt: skip

    return run


def masks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / 'masks').iterdir()}


def test_two_processes_score_what_one_does(
    launch: Launch, fast_tool: Callable[..., Completed], run_dir: Path, tiny_data: Path, tmp_path: Path
) -> None:
    config = run_dir.parent / 'tiny.py'
    # Three images for two processes: the sampler repeats one to fill up, which may not be counted twice.
    few = ['--cfg-options', 'test_dataloader.dataset.indices=3', 'test_dataloader.batch_size=1']
    assert fast_tool('test', config, run_dir, '--out', tmp_path / 'one', *few).returncode == 0
    done = launch('test', config, run_dir, '--out', tmp_path / 'two', *few)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('metrics, records and masks: ') == 1
    one, two = (json.loads((tmp_path / name / 'metrics.json').read_text()) for name in ('one', 'two'))
    assert one['images'] == two['images'] == 3
    assert one['scores'] == two['scores']
    assert masks(tmp_path / 'one') == masks(tmp_path / 'two')
    assert len(masks(tmp_path / 'two')) == 3
    assert {path.name for path in tmp_path.iterdir()} == {'one', 'two'}


def test_two_processes_train_one_run(launch: Launch, run_dir: Path, tmp_path: Path) -> None:
    from mmseg_ext.runs.checkpoint_file import load_checkpoint_file

    done = launch('train', run_dir.parent / 'tiny.py', '--work-dir', tmp_path / 'run')
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('run: ') == done.stdout.count('best checkpoint: ') == 1
    rows = [json.loads(line) for line in (tmp_path / 'run' / 'scalars.json').read_text().splitlines()]
    assert [row['iter'] for row in rows if 'val/mDice' in row] == [2, 4]
    assert load_checkpoint_file(tmp_path / 'run' / 'iter_4.pth')['meta']['iter'] == 4
    state = load_checkpoint_file(tmp_path / 'run' / 'iter_4.pth')['state_dict']
    assert not [key for key in state if key.startswith('module.')]
    assert len(list((tmp_path / 'run').glob('best_*.pth'))) == 1
    assert len(list((tmp_path / 'run').glob('*/*.log'))) == 1
