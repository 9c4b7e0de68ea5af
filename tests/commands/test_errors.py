"""The tool as a user runs it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import error_scenes as scenes
import numpy as np
import pytest
from PIL import Image

Tool = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]


@pytest.fixture
def result(tmp_path: Path) -> Path:
    return scenes.write_result(tmp_path, scenes.random_masks(4, 3), 3)


def test_it_analyses_a_result(run_tool: Tool, result: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}
    out = tmp_path / 'out'
    done = run_tool(
        'analyze_errors', result, '--out', out, '--markdown', tmp_path / 'md/errors.md', '--corrected', 'labels',
        '--band', '2', '--top', '2',
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, '')
    assert 'Causes of the wrong pixels' in done.stdout
    assert done.stdout.splitlines()[-1] == f'page: {out / "errors.html"}; numbers: {out / "errors.json"}'
    summary = json.loads((out / 'errors.json').read_text())
    wrong = sum(
        int((np.asarray(Image.open(result / f'masks/i0{n}.png')) != np.asarray(Image.open(path))).sum())
        for n, path in enumerate(sorted((tmp_path / 'data/labels/val').iterdir()))
    )
    assert sum(one['pixels'] for one in summary['causes']) == wrong
    assert summary['settings']['band'] == 2
    assert summary['command'][:2] == ['mmseg-ext', 'errors']
    assert summary['label_suspects']['corrected']['changed'] == 0
    assert (tmp_path / 'md/errors.md').is_file()
    assert {path: path.read_bytes() for path in before} == before


def test_wrong_use_is_one_line(run_tool: Tool, result: Path, tmp_path: Path, one_line: OneLine) -> None:
    out = ('--out', tmp_path / 'out')
    one_line(run_tool('analyze_errors', result, *out, '--background', 'cra'), '--background cra', 'thing 1')
    one_line(run_tool('analyze_errors', result, *out, '--band', '0'), '--band 0.0', 'at least 1')
    one_line(run_tool('analyze_errors', tmp_path / 'data', *out), 'not a result folder')
    assert not (tmp_path / 'out').exists()


def test_a_broken_file_and_an_earlier_analysis(run_tool: Tool, result: Path, tmp_path: Path, one_line: OneLine) -> None:
    out = tmp_path / 'out'
    (out).mkdir()
    (out / 'errors.json').write_text('{}')
    one_line(run_tool('analyze_errors', result, '--out', out), '--overwrite')
    (result / 'masks/i02.png').write_bytes(b'\x89PNG\r\n\x1a\n')
    one_line(run_tool('analyze_errors', result, '--out', out, '--overwrite'), 'i02.png', 'cannot be read')
    assert (out / 'errors.json').read_text() == '{}'
