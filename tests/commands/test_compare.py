from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope='module')
def two_runs(run_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run, and a copy of it that is killed halfway."""
    folder = tmp_path_factory.mktemp('runs')
    shutil.copytree(run_dir, folder / 'done')
    shutil.copytree(run_dir, folder / 'killed')
    record = json.loads((folder / 'killed' / 'run.json').read_text())
    record |= {'status': 'running', 'process': {**record['process'], 'id': 2**22 + 1}}
    (folder / 'killed' / 'run.json').write_text(json.dumps(record))
    return folder


def test_a_training_records_itself(run_dir: Path) -> None:
    record = json.loads((run_dir / 'run.json').read_text())
    assert (record['status'], record['config'], record['seed']) == ('finished', 'tiny.py', 0)
    assert record['iterations'] == {'done': 4, 'planned': 4}
    assert record['best']['metric'] == 'mDice'
    assert record['hyperparameters']['backbone'] == 'ResNetV2'
    assert 0 < record['gflops'] < 1
    assert record['input_size'] == [192, 192]
    assert record['images_per_second'] > 0
    (train,) = record['data']['train']
    assert (train['root'], train['split']) == ('pets', 'train')
    assert len(train['fingerprint']) == 12
    assert (run_dir / 'records' / 'val_best.parquet').is_file()


def test_page_table_and_numbers(run_tool: Callable[..., Any], two_runs: Path, tmp_path: Path) -> None:
    page, numbers = tmp_path / 'out' / 'report.html', tmp_path / 'numbers.json'
    result = run_tool('compare', two_runs, '--out', page, '--json', numbers, '--markdown', '-')
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 4
    assert lines[2].startswith('| `tiny`, done | ')
    assert lines[3].startswith('| `tiny`, killed (interrupted) | ')
    assert 'killed: interrupted: its process ended' in result.stderr
    assert '<title>Comparison of runs</title>' in page.read_text()
    document = json.loads(numbers.read_text())
    record = json.loads((two_runs / 'done' / 'run.json').read_text())
    assert [run['status'] for run in document['runs']] == ['finished', 'interrupted']
    assert document['runs'][0]['scores']['val']['mDice']['value'] == pytest.approx(record['best']['value'], abs=1e-3)
    assert document['runs'][0]['parameters'] == record['parameters']
    (pair,) = document['pairs']
    assert (pair['difference'], pair['p_value']) == (0, 1)


def test_nothing_is_overwritten_unasked(
    fast_tool: Callable[..., Any], two_runs: Path, tmp_path: Path, one_line: Callable[..., None]
) -> None:
    table = tmp_path / 'table.md'
    table.write_text('mine')
    one_line(fast_tool('compare', two_runs, '--markdown', table), 'table.md', 'exists', '--overwrite')
    assert table.read_text() == 'mine'
    assert fast_tool('compare', two_runs, '--markdown', table, '--overwrite').returncode == 0
    assert table.read_text().startswith('| config |')


def test_wrong_use(
    fast_tool: Callable[..., Any], two_runs: Path, tmp_path: Path, one_line: Callable[..., None]
) -> None:
    one_line(fast_tool('compare', tmp_path / 'none'), 'none: no such folder')
    one_line(fast_tool('compare', two_runs / 'done' / 'run.json'), 'run.json: is a file')
    one_line(fast_tool('compare'), 'RUN')
    one_line(fast_tool('compare', two_runs, '--out', '-'), 'the page needs a file')
    one_line(fast_tool('compare', two_runs, '--markdown', '-', '--json', '-'), 'only one of them')
    (tmp_path / 'file').write_text('')
    one_line(fast_tool('compare', two_runs, '--json', tmp_path / 'file' / 'x.json'), 'file: is a file', '--json')
    one_line(fast_tool('compare', two_runs, '--json', tmp_path / 'file'), 'exists', 'choose another --json')
    (tmp_path / 'empty').mkdir()
    one_line(fast_tool('compare', tmp_path / 'empty'), 'empty: no run here', 'run.json', 'mmseg-ext train')


def test_runs_of_which_nothing_can_be_read(fast_tool: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / 'broken').mkdir()
    (tmp_path / 'broken' / 'run.json').write_text('{')
    result = fast_tool('compare', tmp_path / 'broken', '--out', tmp_path / 'page.html')
    assert result.returncode == 1
    assert '| `broken` (unreadable) |' in result.stdout
    assert result.stderr.startswith('broken: unreadable: run.json: cannot be read as JSON')
    assert (tmp_path / 'page.html').is_file()
