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


# Group norm, and a loss that is a mean over as many pixels of each image: no step depends on how the batch is divided.
DIVISIBLE = """
norm = dict(type='GN', num_groups=2)
model = dict(
    backbone=dict(
        _delete_=True, type='UNet', base_channels=4, num_stages=2, strides=(1, 1), enc_num_convs=(1, 1),
        dec_num_convs=(1,), downsamples=(True,), enc_dilations=(1, 1), dec_dilations=(1,), norm_cfg=norm),
    decode_head=dict(
        _delete_=True, type='FCNHead', in_channels=4, channels=4, num_convs=1, concat_input=False, dropout_ratio=0,
        num_classes=3, norm_cfg=norm,
        loss_decode=dict(type='mmseg_ext.CrossEntropyLoss', class_weight=[0.1, 1, 1], normalize='pixels')),
)
flip = dict(type='RandomFlip', prob=0.5)
train_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(pipeline=[_base_.load_image, _base_.load_mask, flip, _base_.pack]))
optim_wrapper = dict(
    dtype=None, optimizer=dict(_delete_=True, type='SGD', lr=0.5, momentum=0.9), paramwise_cfg=None)
param_scheduler = []
train_cfg = dict(max_iters=20, val_interval=10)
default_hooks = dict(checkpoint=dict(interval=10), logger=dict(interval=20))
"""


def test_two_processes_train_one_run_to_the_metrics_of_one(
    launch: Launch, fast_tool: Callable[..., Completed], write_config: Callable[..., Path], tmp_path: Path
) -> None:
    import torch

    from mmseg_ext.runs.checkpoint_file import load_checkpoint_file

    config = write_config(tmp_path / 'divisible.py', DIVISIBLE)
    batch = 'train_dataloader.batch_size'
    done = [
        fast_tool('train', config, '--work-dir', tmp_path / 'one', '--cfg-options', f'{batch}=4'),
        launch('train', config, '--work-dir', tmp_path / 'two', '--cfg-options', f'{batch}=2'),
    ]
    assert [result.returncode for result in done] == [0, 0], done[1].stderr
    one, two = (
        [json.loads(line) for line in (tmp_path / name / 'scalars.json').read_text().splitlines()]
        for name in ('one', 'two')
    )
    assert done[1].stdout.count('run: ') == done[1].stdout.count('best checkpoint: ') == 1
    assert [row['iter'] for row in two if 'val/mDice' in row] == [10, 20]
    assert len(list((tmp_path / 'two').glob('best_*.pth'))) == len(list((tmp_path / 'two').glob('*/*.log'))) == 1
    expected, found = ([row['val/mDice'] for row in rows if 'val/mDice' in row] for rows in (one, two))
    assert found == pytest.approx(expected, rel=1e-6)
    assert expected[1] > expected[0]  # it has learnt something
    checkpoints = [load_checkpoint_file(tmp_path / name / 'iter_20.pth') for name in ('one', 'two')]
    assert [checkpoint['meta']['iter'] for checkpoint in checkpoints] == [20, 20]
    weights = [checkpoint['state_dict'] for checkpoint in checkpoints]
    assert weights[1].keys() == weights[0].keys()  # without a prefix `module.`
    for key, value in weights[0].items():
        torch.testing.assert_close(weights[1][key], value, rtol=1e-5, atol=1e-6)
