from __future__ import annotations

import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mmseg_ext.errors import InputError

HOOK = {'type': 'mmseg_ext.ScalarsHook', 'interval': 4}


def strict_lines(path: Path) -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]


def test_the_curves_of_a_run(toy: ModuleType, tmp_path: Path) -> None:
    runner = toy.build_runner(tmp_path, epochs=3, custom_hooks=[HOOK])
    runner.train()
    rows = strict_lines(tmp_path / 'scalars.json')
    train = [row for row in rows if 'train/loss' in row]
    val = [row for row in rows if 'val/mDice' in row]
    assert [(row['iter'], row['epoch']) for row in train] == [(4, 1), (8, 2), (12, 3)]
    assert [(row['iter'], row['epoch']) for row in val] == [(4, 1), (8, 2), (12, 3)]
    losses = runner.message_hub.get_scalar('train/loss').data[0]
    assert train[1]['train/loss'] == pytest.approx(losses[4:8].mean())
    assert train[0]['train/lr'] == runner.message_hub.get_scalar('train/lr').data[0][3]
    assert val[0]['val/nothing'] is None  # NaN
    assert not math.isnan(val[0]['val/Dice/cat'])


def test_resuming_drops_what_it_writes_again(toy: ModuleType, tmp_path: Path) -> None:
    toy.build_runner(tmp_path, epochs=3, custom_hooks=[HOOK]).train()
    (tmp_path / 'epoch_3.pth').unlink()
    with (tmp_path / 'scalars.json').open('a') as stream:
        stream.write('{"iter": 13, "tra')  # the kill came in the middle of a line
    toy.build_runner(tmp_path, epochs=4, custom_hooks=[HOOK], resume=True).train()
    iters = [row['iter'] for row in strict_lines(tmp_path / 'scalars.json') if 'train/loss' in row]
    assert iters == [4, 8, 12, 16]


def test_a_fresh_run_starts_a_fresh_file(toy: ModuleType, tmp_path: Path) -> None:
    for _ in range(2):
        toy.build_runner(tmp_path, epochs=1, custom_hooks=[HOOK]).train()
    assert [row['iter'] for row in strict_lines(tmp_path / 'scalars.json')] == [4, 4]


def test_iteration_based_runs_count_passes(toy: ModuleType, tmp_path: Path) -> None:
    toy.build_runner(tmp_path, iters=10, custom_hooks=[HOOK]).train()
    rows = [row for row in strict_lines(tmp_path / 'scalars.json') if 'train/loss' in row]
    assert [(row['iter'], row['epoch']) for row in rows] == [(4, 1), (8, 2), (10, 3)]


def test_fewer_images_than_a_batch(toy: ModuleType, tmp_path: Path) -> None:
    loader = {
        'batch_size': 16,
        'num_workers': 0,
        'drop_last': True,
        'collate_fn': {'type': 'default_collate'},
        'dataset': toy.ToyData(),
        'sampler': {'type': 'InfiniteSampler'},
    }
    toy.build_runner(tmp_path, iters=4, custom_hooks=[HOOK], train_dataloader=loader).train()
    assert [(row['iter'], row['epoch']) for row in strict_lines(tmp_path / 'scalars.json')] == [(4, 4), (4, 4)]
    loader['sampler'] = {'type': 'DefaultSampler', 'shuffle': True}
    with pytest.raises(InputError, match='its 8 images do not fill a batch of 16'):
        toy.build_runner(tmp_path, epochs=1, custom_hooks=[HOOK], train_dataloader=loader).train()


def test_validation_alone_writes_nothing(toy: ModuleType, tmp_path: Path) -> None:
    toy.build_runner(tmp_path, custom_hooks=[HOOK]).val()
    assert not (tmp_path / 'scalars.json').exists()


def test_a_senseless_interval_is_named() -> None:
    from mmseg_ext.engine import ScalarsHook

    with pytest.raises(InputError, match='interval=0'):
        ScalarsHook(interval=0)
