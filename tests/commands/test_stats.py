from __future__ import annotations

import csv
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mmseg_ext.eda.statistics.report import FILES

Tool = Callable[..., subprocess.CompletedProcess[str]]


def test_it_prints_and_writes_tables_and_plots(run_tool: Tool, tiny_data: Path, tmp_path: Path, one_line) -> None:
    out = tmp_path / 'out'
    result = run_tool('statistics', tiny_data, '--out', out)
    assert (result.returncode, result.stderr) == (0, '')
    for title in ('Images', 'Class balance', 'Object area', 'Brightness and contrast', 'Position', 'Drift from train'):
        assert f'\n{title} ' in f'\n{result.stdout}'
    assert '…' not in result.stdout  # nothing is cut off in a pipe
    assert result.stdout.splitlines()[-1] == f'tables and plots: {out / "statistics.md"}'
    assert {path.name for path in out.iterdir()} == FILES
    for name in ('balance', 'area', 'light', 'position', 'drift'):
        assert (out / f'{name}.png').read_bytes().startswith(b'\x89PNG')
        assert '</svg>' in (out / f'{name}.svg').read_text(encoding='utf-8')
    table = list(csv.DictReader((out / 'balance.csv').open(encoding='utf-8')))
    assert [(row['split'], row['class']) for row in table[:3]] == [
        ('train', 'background'), ('train', 'cat'), ('train', 'dog'),
    ]  # fmt: skip
    assert sum(int(row['pixels']) for row in table if row['split'] == 'train') == 8 * 64 * 64
    one_line(run_tool('statistics', tiny_data, '--out', out), str(out), '--overwrite')


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (('--labels', 'nowhere'), ('nowhere', 'not found')),
        (('--splits', 'train,zoo'), ("no split 'zoo'", 'train,val')),
        (('--reference', 'zoo'), ('--reference zoo', 'train, val')),
        (('--background', 'bird'), ('bird', 'background, cat, dog')),
        (('--out', __file__), (__file__, 'is a file')),
    ],
)
def test_wrong_use(run_tool: Tool, tiny_data: Path, one_line, arguments: tuple[str, ...], words) -> None:
    one_line(run_tool('statistics', tiny_data, *arguments), *words)


def test_a_broken_image_is_named(run_tool: Tool, tiny_data: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tiny_data, tmp_path / 'data')
    image = next((broken / 'img' / 'val').iterdir())
    image.write_bytes(image.read_bytes()[:200])
    result = run_tool('statistics', broken)
    assert result.returncode == 1
    error, count = result.stderr.splitlines()
    assert error.startswith(f'error: {image}: image cannot be decoded')
    assert count == '1 file was left out'


def test_the_references_tables(run_tool: Tool, shared_data: Path) -> None:
    result = run_tool('statistics', shared_data / 'pets', '--labels', 'labels', '--splits', 'train')
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ['train', 'cat', '120', '8.27', '7.39', '1.76', '12.22', '0.01', '26.13', '–', '–'] in lines
    assert ['train', 'dog', '107', '7.77', '6.12', '3.25', '11.46', '0.02', '25.92', '–', '–'] in lines
    assert ['train', 'cat', '98', '49.5', '120', '1.22', '6', '650536', '5.01', '–', '–'] in lines
    assert ['train', 'dog', '100', '50.5', '107', '1.07', '3', '545106', '4.20', '–', '–'] in lines
