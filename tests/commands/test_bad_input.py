"""Input that cannot be used: one line on standard error, exit code 1 or 2, nothing half-written."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Tool = Callable[..., subprocess.CompletedProcess[str]]
WriteConfig = Callable[..., Path]
OneLine = Callable[..., None]

MASK = 'labels_true/train/train_00003.png'
IMAGE = 'img/train/train_00003.jpg'


def spoil_class_id(data: Path) -> None:
    mask = np.asarray(Image.open(data / MASK)).copy()
    mask[5, 5] = 7
    Image.fromarray(mask).save(data / MASK)


def spoil_depth(data: Path) -> None:
    Image.fromarray(np.full((64, 64), 300, dtype=np.uint16)).save(data / MASK)


def spoil_colours(data: Path) -> None:
    Image.new('RGB', (64, 64), (220, 60, 60)).save(data / MASK)


def spoil_size(data: Path) -> None:
    Image.new('L', (32, 64)).save(data / MASK)


def spoil_image(data: Path) -> None:
    (data / IMAGE).write_bytes((data / IMAGE).read_bytes()[:600])


def spoil_split(data: Path) -> None:
    for folder in ('img', 'labels_true'):
        shutil.rmtree(data / folder / 'val')
        (data / folder / 'val').mkdir()


def spoil_pairing(data: Path) -> None:
    (data / MASK).unlink()


def spoil_classes(data: Path) -> None:
    (data / 'dataset.yaml').unlink()


BAD_DATA = {
    'class id': (spoil_class_id, [MASK, 'class id 7', 'mmseg-ext audit']),
    '16 bits': (spoil_depth, [MASK, 'I;16']),
    'colours': (spoil_colours, [MASK, 'mode RGB']),
    'size': (spoil_size, [MASK, '32×64', '64×64']),
    'truncated image': (spoil_image, [IMAGE, 'cannot be decoded']),
    'empty split': (spoil_split, ['img/val', 'holds no']),
    'missing mask': (spoil_pairing, [IMAGE, 'image without mask']),
    'no classes': (spoil_classes, ['dataset.yaml', 'not found']),
}


@pytest.fixture
def train(fast_tool: Tool, run_dir: Path, tmp_path: Path) -> Tool:
    """Trains the tiny experiment in ``tmp_path/run``."""

    def run(*options: str, config: Path | None = None, data: Path | None = None) -> subprocess.CompletedProcess[str]:
        config = config or run_dir.parent / 'tiny.py'
        return fast_tool('train', config, '--work-dir', tmp_path / 'run', *options, data=data)

    return run


@pytest.mark.parametrize('name', BAD_DATA)
def test_data(name: str, train: Tool, tiny_data: Path, tmp_path: Path, one_line: OneLine) -> None:
    spoil, words = BAD_DATA[name]
    shutil.copytree(tiny_data, tmp_path / 'data')
    spoil(tmp_path / 'data')
    one_line(train(data=tmp_path / 'data'), *words)
    assert not (tmp_path / 'run').exists()


def test_data_that_a_worker_finds(train: Tool, tiny_data: Path, tmp_path: Path, one_line: OneLine) -> None:
    shutil.copytree(tiny_data, tmp_path / 'data')
    for image in (tmp_path / 'data' / 'img' / 'train').iterdir():
        image.write_bytes(image.read_bytes()[:600])
    unchecked = [f'train_dataloader.dataset.{key}=False' for key in ('cache', 'check')]
    result = train('--cfg-options', *unchecked, 'train_dataloader.num_workers=1', data=tmp_path / 'data')
    one_line(result, 'img/train/train_', 'cannot be decoded', 'copy or convert the file')


CONFIGS = {
    'syntax': ('model = dict(', ['config cannot be read (no Python: ', 'line 1', 'correct that line']),
    'name': ('work_dir = nothing', ['config cannot be read', 'NameError']),
    'base': ('_base_ = "./missing.py"', ['config cannot be read', 'missing.py is not there', '`_base_`']),
    'type': ('model = dict(backbone=dict(type="UNett"))', ["type='UNett'", 'not known', 'mmseg::model']),
    'argument': ('model = dict(decode_head=dict(chanels=4))', ['SkipASPPHead', 'unexpected keyword argument']),
    'value': ('train_dataloader = dict(batch_size=0)', ['batch_size']),
    'our value': ('optim_wrapper = dict(dtype="int8")', ["dtype='int8'", 'bfloat16']),
    'optimizer': ('optim_wrapper = dict(optimizer=dict(lrr=1))', ['AdamW', "argument 'lrr'"]),
    'optimizer type': ('optim_wrapper = dict(optimizer=dict(type="AdamX"))', ["type='AdamX'", 'did you mean Adam']),
    'hook': ('custom_hooks = [dict(type="mmseg_ext.Nothing")]', ["type='mmseg_ext.Nothing'", 'hook']),
    'metric': ('default_hooks = dict(checkpoint=dict(save_best="mdice"))', ["save_best='mdice'", 'mDice']),
    'part': ('train_dataloader = None', ['has no train_dataloader']),
}


@pytest.mark.parametrize('name', CONFIGS)
def test_configs(name: str, train: Tool, write_config: WriteConfig, tmp_path: Path, one_line: OneLine) -> None:
    lines, words = CONFIGS[name]
    config = write_config(tmp_path / 'bad.py', lines)
    if lines.startswith('_base_'):
        config.write_text(lines)
    one_line(train(config=config), *words)


OPTIONS = {
    'optim_wraper.optimizer.lr=1': 'did you mean optim_wrapper.optimizer.lr?',
    'optim_wrapper.optimizers.lr=1': 'did you mean optim_wrapper.optimizer.lr?',
    'train_cfg.max_iter=1': 'did you mean train_cfg.max_iters?',
    'custom_hooks.17.interval=1': 'the config has no custom_hooks.17',
    'data_root=/data': 'train_dataloader.dataset.data_root',
    'train_cfg.max_iters=many': 'IterBasedTrainLoop',
    'train_cfg': 'must be KEY=VALUE',
    'train_cfg=3': 'train_cfg is 3, no dict',
}


@pytest.mark.parametrize('option', OPTIONS)
def test_options(option: str, train: Tool, tmp_path: Path, one_line: OneLine) -> None:
    one_line(train('--cfg-options', option), OPTIONS[option])
    assert not (tmp_path / 'run').exists()


def test_a_config_that_is_not_there(fast_tool: Tool, run_dir: Path, repo_root: Path, one_line: OneLine) -> None:
    config = run_dir.parent / 'tiny.py'
    one_line(fast_tool('train', config.with_name('tinny.py')), 'config not found', f'did you mean {config}?')
    one_line(fast_tool('test', config.with_name('tinny.py'), run_dir), f'did you mean {config}?')
    one_line(fast_tool('train', 'no/config.py'), 'no/config.py: config not found; see mmseg-ext configs')
    for arguments in (['train'], ['test', config], ['train', config, '--launcher', 'mpi'], ['train', config, '--sed']):
        one_line(fast_tool(*arguments), '--help')


def test_a_split_or_tta_that_is_not_there(
    fast_tool: Tool, write_config: WriteConfig, run_dir: Path, tmp_path: Path, one_line: OneLine
) -> None:
    out = ['--out', tmp_path / 'out']
    one_line(fast_tool('test', run_dir.parent / 'tiny.py', run_dir, '--split', 'tset', *out), 'img/tset', 'not found')
    config = write_config(tmp_path / 'plain.py', 'tta_model = None')
    one_line(fast_tool('test', config, run_dir, '--tta', *out), 'test without --tta')
    assert [path.name for path in tmp_path.iterdir()] == ['plain.py']


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system in memory."""
    folder = tmp_path / 'disk'
    folder.mkdir()

    def mounted(options: str) -> Path:
        if shutil.which('mount') is None or os.geteuid() != 0:
            pytest.skip('needs root, to mount a small file system')
        done = subprocess.run(
            ['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f'cannot mount a small file system here: {done.stderr.strip()}')
        return folder

    yield mounted
    if os.path.ismount(folder):
        subprocess.run(['umount', str(folder)], check=True)


def test_a_folder_that_cannot_be_written(
    fast_tool: Tool, run_dir: Path, tmp_path: Path, mount: Callable[[str], Path], one_line: OneLine
) -> None:
    config = run_dir.parent / 'tiny.py'
    (tmp_path / 'file').touch()
    below_a_file = tmp_path / 'file' / 'run'
    one_line(fast_tool('train', config, '--work-dir', below_a_file), str(below_a_file), 'choose another')
    one_line(fast_tool('test', config, run_dir, '--out', below_a_file), str(tmp_path / 'file'), 'choose another')
    if os.geteuid() != 0:
        (tmp_path / 'disk').chmod(0o555)
        folder = tmp_path / 'disk'
    else:
        folder = mount('ro,size=1m')
    one_line(fast_tool('train', config, '--work-dir', folder / 'run'), str(folder / 'run'), 'cannot be made')
    one_line(fast_tool('test', config, run_dir, '--out', folder / 'out'), str(folder), 'cannot be written')


@pytest.mark.parametrize(('size', 'what'), [('8k', 'the log'), ('200k', 'a checkpoint')])
def test_a_full_disk_in_training(
    size: str, what: str, fast_tool: Tool, run_dir: Path, mount: Callable[[str], Path], one_line: OneLine
) -> None:
    disk = mount(f'size={size}')
    result = fast_tool('train', run_dir.parent / 'tiny.py', '--work-dir', disk / 'run')
    one_line(result, str(disk / 'run'), 'No space left', codes=(1, 2))
    assert not list(disk.rglob('*.pth'))
    assert not list(disk.rglob('.*'))


def test_a_full_disk_in_testing(
    fast_tool: Tool, run_dir: Path, mount: Callable[[str], Path], one_line: OneLine
) -> None:
    disk = mount('size=40k')
    result = fast_tool('test', run_dir.parent / 'tiny.py', run_dir, '--out', disk / 'out')
    one_line(result, str(disk), 'No space left', codes=(1, 2))
    assert list(disk.iterdir()) == []
