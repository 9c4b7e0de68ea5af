"""Data, model and checkpoint that do not belong together: one line before the first step, by every door."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.masks import read_mask, write_mask

Tool = Callable[..., subprocess.CompletedProcess[str]]
WriteConfig = Callable[..., Path]
OneLine = Callable[..., None]

ONE_OUTPUT = 'model = dict(decode_head=dict(num_classes=2, out_channels=1, threshold=0.5))\n'


def masks_of(data: Path) -> list[Path]:
    return list((data / 'labels_true').rglob('*.png'))


@pytest.fixture
def data(tiny_data: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_data, tmp_path / 'data'))


def name_classes(data: Path, *names: str) -> None:
    colours = [[0, 0, 0], [220, 60, 60], [60, 100, 230]][: len(names)]
    (data / 'dataset.yaml').write_text(f'classes: [{", ".join(names)}]\npalette: {colours}\n')


def test_classes_of_the_config_and_of_the_masks(
    fast_tool: Tool, write_config: WriteConfig, data: Path, tmp_path: Path, one_line: OneLine
) -> None:
    train = ['train', write_config(tmp_path / 'tiny.py'), '--work-dir', tmp_path / 'run']
    heads = ['--cfg-options', 'model.decode_head.num_classes=2']
    one_line(fast_tool(*train, *heads, data=data), 'decode_head.num_classes=2', 'has 3 classes', 'num_classes=3')
    for path in masks_of(data):
        write_mask(path, np.where(read_mask(path) > 0, 255, 0).astype(np.uint8), [(0, 0, 0)])
    one_line(fast_tool(*train, data=data), 'are these 0/255 masks?', 'mmseg-ext remap')
    assert not (tmp_path / 'run').exists()


def test_a_checkpoint_of_other_classes(
    fast_tool: Tool, run_dir: Path, data: Path, tmp_path: Path, one_line: OneLine
) -> None:
    config = run_dir.parent / 'tiny.py'
    run = shutil.copytree(run_dir, tmp_path / 'run')
    start = ['train', config, '--work-dir', tmp_path / 'new', '--cfg-options', f'load_from={run / "iter_4.pth"}']
    name_classes(data, 'background', 'dog', 'cat')
    words = ('different order (background, cat, dog)', 'data (background, dog, cat)', 'dataset.yaml')
    one_line(fast_tool('test', config, run, '--out', tmp_path / 'out', data=data), *words)
    longer = ['--resume', '--cfg-options', 'train_cfg.max_iters=6']
    one_line(fast_tool('train', config, '--work-dir', run, *longer, data=data), *words)
    one_line(fast_tool(*start, data=data), *words)
    name_classes(data, 'background', 'fox', 'hare')
    one_line(fast_tool('test', config, run, '--out', tmp_path / 'out', data=data), 'different classes', 'fox, hare')
    begun = fast_tool(*start, data=data)  # a training may start from anything
    assert begun.returncode == 0, begun.stderr
    assert 'was trained with different classes (background, cat, dog)' in begun.stdout


def test_one_output_is_enough_for_two_classes(
    fast_tool: Tool, write_config: WriteConfig, data: Path, tmp_path: Path
) -> None:
    name_classes(data, 'background', 'animal')
    for path in masks_of(data):
        write_mask(path, np.minimum(read_mask(path), 1), [(0, 0, 0), (220, 60, 60)])
    config, run, masks = write_config(tmp_path / 'one.py', ONE_OUTPUT), tmp_path / 'run', tmp_path / 'masks'
    trained = fast_tool('train', config, '--work-dir', run, '--resume', data=data)
    assert trained.returncode == 0, trained.stderr
    assert 'no checkpoint to resume from' in trained.stdout
    for options in (['--probabilities', '--out', tmp_path / 'test'], ['--tta']):
        tested = fast_tool('test', config, run, *options, data=data)
        assert tested.returncode == 0, tested.stderr
    predicted = fast_tool('predict', config, run, data / 'img' / 'test', '--out', masks, data=data)
    assert predicted.returncode == 0, predicted.stderr
    for path in (tmp_path / 'test' / 'masks').iterdir():
        with np.load(tmp_path / 'test' / 'probabilities' / f'{path.stem}.npz') as saved:
            assert next(iter(saved.values())).shape[0] == 2
        assert set(np.unique(read_mask(path))) <= {0, 1}
