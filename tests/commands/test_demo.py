"""The tool as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.workflows.demo import make_demo

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'make_demo_data.py'
SMALL = ('--train', '2', '--val', '1', '--test', '1', '--size', '64', '--defects', '1')


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), *map(str, arguments)]
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)


def test_help_ends_with_an_example() -> None:
    result = run('--help')
    assert result.returncode == 0
    assert result.stdout.rstrip().splitlines()[-1].strip().startswith('mmseg-ext demo ')


def test_a_set_is_made_once_and_replaced_on_request(tmp_path: Path) -> None:
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

    other = run(data, *SMALL, '--seed', '1')
    assert other.returncode == 2
    assert other.stderr.startswith('error: ')
    assert len(other.stderr.splitlines()) == 1

    replaced = run(data, *SMALL, '--seed', '1', '--overwrite')
    assert replaced.returncode == 0
    assert 'made' in replaced.stdout


def test_a_picture_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / 'sheet.png').write_bytes(b'dear')
    with pytest.raises(InputError, match=r'sheet\.png: exists'):
        make_demo(tmp_path / 'pets', sheet=tmp_path / 'sheet.png')
    assert [path.name for path in tmp_path.iterdir()] == ['sheet.png']


def test_a_foreign_folder_stays(tmp_path: Path) -> None:
    (tmp_path / 'photo.jpg').write_bytes(b'dear')
    result = run(tmp_path, *SMALL, '--overwrite')
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
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
def test_wrong_use_is_one_line_and_exit_code_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    data = (tmp_path / 'pets',) if arguments else ()
    result = run(*data, *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith('error: ')
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / 'pets').exists()


def test_the_demo_needs_no_deep_learning_library() -> None:
    code = (
        'import sys, mmseg_ext.demo.generate, mmseg_ext.demo.contact_sheet; '
        'print(sorted({"torch", "mmseg", "mmengine", "mmcv"} & set(sys.modules)))'
    )
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env=environment, check=True)
    assert result.stdout.strip() == '[]'
