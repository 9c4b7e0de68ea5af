"""A tiny data set and a tiny experiment on it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

BASE = 'configs/demo/deeplabv3plus_resnet-v2-222-w32_ce-dice-adamw-1000it_demo-192x192.py'
TINY = """
_base_ = '{base}'
model = dict(
    backbone=dict(depth=(1, 1, 1), base_width=4),
    decode_head=dict(in_channels=[16, 32, 64], skip_channels=[2, 2], channels=4),
)
train_dataloader = dict(batch_size=2, num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=3, num_workers=0)
test_dataloader = dict(batch_size=3, num_workers=0)
train_cfg = dict(max_iters=4, val_interval=2)
default_hooks = dict(checkpoint=dict(interval=2), logger=dict(interval=2))
"""

Completed = subprocess.CompletedProcess[str]


@pytest.fixture(scope='session')
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mmseg_ext.demo.generate import DemoSettings, make_demo_data

    root = tmp_path_factory.mktemp('data') / 'pets'
    make_demo_data(root, DemoSettings(train=8, val=4, test=4, size=64))
    return root


@pytest.fixture(scope='session')
def write_config(repo_root: Path) -> Callable[..., Path]:
    """Writes the tiny experiment, with further lines, and returns its path."""

    def write(path: Path, lines: str = '') -> Path:
        path.write_text(TINY.format(base=repo_root / BASE) + lines)
        return path

    return write


@pytest.fixture(scope='session')
def fast_tool(run_tool: Callable[..., Completed], tiny_data: Path) -> Callable[..., Completed]:
    """Runs ``tools/<name>.py`` as `run_tool` does, on the tiny data."""
    pytest.importorskip('mmseg')

    def run(
        name: str, *args: Any, data: Path | None = None, env: Mapping[str, str] | None = None, **options: Any
    ) -> Completed:
        return run_tool(name, *args, env={'DEMO_DATA': str(data or tiny_data), **(env or {})}, **options)

    return run


@pytest.fixture(scope='session')
def run_dir(
    fast_tool: Callable[..., Completed], write_config: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The work dir of a finished run of the tiny experiment, whose config is ``tiny.py`` in it."""
    folder = tmp_path_factory.mktemp('experiment')
    result = fast_tool('train', write_config(folder / 'tiny.py'), '--work-dir', folder / 'run')
    assert result.returncode == 0, result.stderr
    return folder / 'run'


@pytest.fixture(scope='session')
def one_line() -> Callable[..., None]:
    """Asserts that a tool refused its input in one line that holds some words."""

    def check(result: Completed, *words: str, codes: tuple[int, ...] = (2,)) -> None:
        assert result.returncode in codes, result.stdout + result.stderr
        assert 'Traceback' not in result.stdout + result.stderr
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith('error: ')
        for word in words:
            assert word in lines[0]

    return check


@pytest.fixture(scope='session')
def colour_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX model that calls what is red a cat, what is green a dog, and what is blue background."""
    from colour_networks import CLASSES, save_onnx

    from mmseg_ext.inference.network import ModelInfo

    return save_onnx(tmp_path_factory.mktemp('model') / 'colours.onnx', ModelInfo(CLASSES, (0, 0, 0), (1, 1, 1)))
