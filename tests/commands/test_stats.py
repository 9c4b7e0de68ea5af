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
