"""A search with real trainings of the tiny experiment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip('optuna')

Tool = Callable[..., subprocess.CompletedProcess[str]]
OneLine = Callable[..., None]


def test_trainings_are_listed_and_a_broken_one_costs_only_itself(
    run_tool: Tool, tiny_data: Path, write_config: Callable[..., Path], tmp_path: Path
) -> None:
    config = write_config(tmp_path / 'tiny.py')
    space = ['optim_wrapper.optimizer.type=AdamW,AdamX', 'model.decode_head.dropout_ratio=0.0:0.5']
    out = tmp_path / 'out'
    arguments = [config, '--trials', 3, '--out', out, '--seed', 1, '--space', *space]
    done = run_tool('search', *arguments, env={'DEMO_DATA': str(tiny_data)})
    assert done.returncode == 0, done.stderr
    assert 'Traceback' not in done.stderr
    rows = json.loads((out / 'search.json').read_text())['trials']
    assert {row['trial'] for row in rows} == {0, 1, 2}
    by_kind = {row['parameters']['optim_wrapper.optimizer.type']: row for row in rows}
    assert by_kind['AdamW']['state'] == 'complete'
    work_dir = Path(by_kind['AdamW']['work_dir'])
    curve = [json.loads(line) for line in (work_dir / 'scalars.json').read_text().splitlines()]
    assert by_kind['AdamW']['value'] == max(row['val/mDice'] for row in curve if 'val/mDice' in row)
    assert by_kind['AdamX']['state'] == 'failed'
    assert 'AdamX' in by_kind['AdamX']['reason']
    assert Path(f'{by_kind["AdamX"]["work_dir"]}.log').is_file()
    assert 'AdamW' in done.stdout
