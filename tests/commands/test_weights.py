from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmseg_ext.weights import PUBLISHED

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(repo_root: Path, tmp_path: Path) -> Command:
    """Runs ``mmseg-ext weights`` with an empty cache and a folder ``tmp_path``, where torch cannot be imported."""
    (tmp_path / 'blocked' / 'torch').mkdir(parents=True)
    (tmp_path / 'blocked' / 'torch' / '__init__.py').write_text('raise ImportError("torch was imported")')

    def call(*args: str | Path, torch: bool = False) -> subprocess.CompletedProcess[str]:
        path = [str(repo_root)] if torch else [str(tmp_path / 'blocked'), str(repo_root)]
        environment = {
            **os.environ,
            'PYTHONPATH': os.pathsep.join(path),
            'MMSEG_EXT_WEIGHTS': str(tmp_path),
            'XDG_CACHE_HOME': str(tmp_path / 'cache'),
        }
        command = [sys.executable, '-m', 'mmseg_ext', 'weights', *map(str, args)]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    return call


def test_the_list_has_every_entry_and_needs_no_torch(run: Command, tmp_path: Path) -> None:
    (tmp_path / PUBLISHED['mit-b0'].file).write_bytes(b'')
    done = run('list', '--markdown')
    assert (done.returncode, done.stderr) == (0, '')
    rows = [[cell.strip() for cell in line.strip('| ').split('|')] for line in done.stdout.splitlines() if '|' in line]
    assert rows[0] == ['name', 'source', 'licence', 'MB', 'top-1', 'where']
    assert [row[0] for row in rows[2:]] == list(PUBLISHED)
    assert ['mit-b0', 'NVIDIA', 'NVIDIA, non-commercial', '14.3', '70.5', 'folder'] in rows


def test_get_prints_paths(run: Command, tmp_path: Path, one_line: Callable) -> None:
    path = tmp_path / PUBLISHED['mit-b0'].file
    path.write_bytes(b'')
    done = run('get', 'mit-b0', path.name)
    assert (done.returncode, done.stdout) == (0, f'{path}\n{path}\n')
    one_line(run('get', 'mit-b9'), 'mit-b9', 'no such weights', 'mit-b0')
    one_line(run('get', 'mobilenet-v2'), 'not found', str(tmp_path), 'weights convert')


def test_convert_writes_a_file_and_never_over_another(run: Command, tmp_path: Path, one_line: Callable) -> None:
    torch = pytest.importorskip('torch')
    torch.save({'conv1.weight': torch.zeros(1), 'fc.bias': torch.zeros(1)}, tmp_path / 'theirs.pth')
    done = run('convert', 'theirs.pth', '--backbone', 'resnet', 'ours.pth', torch=True)
    assert (done.returncode, done.stdout) == (
        0, 'ours.pth: 1 of 2 tensors, converted from the layout of torchvision or timm\n',
    )  # fmt: skip
    one_line(run('convert', 'theirs.pth', '--backbone', 'resnet', 'ours.pth', torch=True), 'ours.pth', '--overwrite')
    one_line(
        run('convert', 'theirs.pth', '--backbone', 'vgg', 'vgg.pth', torch=True),
        'theirs.pth',
        'is not a vgg',
        '--backbone',
    )
    one_line(run('convert', 'theirs.pth', '--backbone', 'alexnet', 'x.pth'), 'alexnet', 'mobilenet-v2')
