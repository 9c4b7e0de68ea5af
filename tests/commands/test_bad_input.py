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


@pytest.fixture
def train(fast_tool: Tool, run_dir: Path, tmp_path: Path) -> Tool:
    """Trains the tiny experiment in ``tmp_path/run``."""

    def run(*options: str, config: Path | None = None, data: Path | None = None) -> subprocess.CompletedProcess[str]:
        config = config or run_dir.parent / 'tiny.py'
        return fast_tool('train', config, '--work-dir', tmp_path / 'run', *options, data=data)

    return run


def test_data(train: Tool, tiny_data: Path, tmp_path: Path, one_line: OneLine) -> None:
    """What else is refused: tests/data/test_check.py."""
    shutil.copytree(tiny_data, tmp_path / 'data')
    mask = np.asarray(Image.open(tmp_path / 'data' / MASK)).copy()
    mask[5, 5] = 7
    Image.fromarray(mask).save(tmp_path / 'data' / MASK)
    one_line(train(data=tmp_path / 'data'), MASK, 'class id 7', 'mmseg-ext audit')
    assert not (tmp_path / 'run').exists()


def test_data_that_a_worker_finds(train: Tool, tiny_data: Path, tmp_path: Path, one_line: OneLine) -> None:
    shutil.copytree(tiny_data, tmp_path / 'data')
    for image in (tmp_path / 'data' / 'img' / 'train').iterdir():
        image.write_bytes(image.read_bytes()[:600])
    unchecked = [f'train_dataloader.dataset.{key}=False' for key in ('cache', 'check')]
    result = train('--cfg-options', *unchecked, 'train_dataloader.num_workers=1', data=tmp_path / 'data')
    one_line(result, 'img/train/train_', 'cannot be decoded', 'copy or convert the file')


CONFIGS = {
    'argument': ('model = dict(decode_head=dict(chanels=4))', ['SkipASPPHead', 'unexpected keyword argument']),
    'value': ('train_dataloader = dict(batch_size=0)', ['batch_size']),
    'optimizer': ('optim_wrapper = dict(optimizer=dict(lrr=1))', ['AdamW', "argument 'lrr'"]),
}


@pytest.mark.parametrize('name', CONFIGS)
def test_configs(name: str, train: Tool, write_config: WriteConfig, tmp_path: Path, one_line: OneLine) -> None:
    """What else is refused: tests/runs/test_config.py and tests/engine/test_guard.py."""
    lines, words = CONFIGS[name]
    one_line(train(config=write_config(tmp_path / 'bad.py', lines)), *words)


def test_options(train: Tool, tmp_path: Path, one_line: OneLine) -> None:
    option = 'optim_wraper.optimizer.lr=1'
    one_line(train('--cfg-options', option), f'--cfg-options {option[:-2]}', 'did you mean optim_wrapper.optimizer.lr?')
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
    one_line(fast_tool('train', config, '--work-dir', folder / 'run'), str(folder / 'run'), 'cannot be created')
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
