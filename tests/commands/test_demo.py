"""The tool as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.workflows.demo import make_demo

Run = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]
SMALL = ('--train', '2', '--val', '1', '--test', '1', '--size', '64', '--defects', '1')


@pytest.fixture
def run(run_tool: Run) -> Run:
    return partial(run_tool, 'make_demo_data')


def test_a_set_is_made_once_and_replaced_on_request(run: Run, one_line: OneLine, tmp_path: Path) -> None:
    data, sheet = tmp_path / 'pets', tmp_path / 'sheet.png'
    made = run(data, *SMALL, '--sheet', sheet)
    assert made.returncode == 0, made.stderr
    assert made.stderr == ''  # no progress bar in a pipe
    assert 'train 2, val 1, test 1' in made.stdout
    assert 'defects: 3 images' in made.stdout
    assert len(list(data.rglob('*.jpg'))) == 4
    assert sheet.read_bytes().startswith(b'\x89PNG')

    again = run(data, *SMALL)
    assert (again.returncode, again.stderr) == (0, '')
    assert 'already there' in again.stdout

    one_line(run(data, *SMALL, '--seed', '1'))

    replaced = run(data, *SMALL, '--seed', '1', '--overwrite')
    assert replaced.returncode == 0
    assert 'made' in replaced.stdout


def test_a_picture_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / 'sheet.png').write_bytes(b'dear')
    with pytest.raises(InputError, match=r'sheet\.png: exists'):
        make_demo(tmp_path / 'pets', sheet=tmp_path / 'sheet.png')
    assert [path.name for path in tmp_path.iterdir()] == ['sheet.png']


def test_a_foreign_folder_stays(run: Run, one_line: OneLine, tmp_path: Path) -> None:
    (tmp_path / 'photo.jpg').write_bytes(b'dear')
    one_line(run(tmp_path, *SMALL, '--overwrite'))
    assert [path.name for path in tmp_path.iterdir()] == ['photo.jpg']


@pytest.mark.parametrize(
    'arguments',
    [
        (),
        ('--train', '-1'),
        ('--size', '32'),
        ('--size', 'big'),
        ('--defects', '2'),
        ('--sheet', 'x.jpg'),
        ('--unknown',),
    ],
)
def test_wrong_use_is_one_line(run: Run, one_line: OneLine, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    data = (tmp_path / 'pets',) if arguments else ()
    one_line(run(*data, *arguments))
    assert not (tmp_path / 'pets').exists()


def test_the_demo_needs_no_deep_learning_library(repo_root: Path) -> None:
    code = (
        'import sys, mmseg_ext.demo.generate, mmseg_ext.demo.contact_sheet; '
        'print(sorted({"torch", "mmseg", "mmengine", "mmcv"} & set(sys.modules)))'
    )
    environment = {**os.environ, 'PYTHONPATH': str(repo_root)}
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env=environment, check=True)
    assert result.stdout.strip() == '[]'
