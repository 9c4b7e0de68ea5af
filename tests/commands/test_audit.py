"""The tool as a user runs it."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mmseg_ext.demo.generate import DemoSettings, make_demo_data


@pytest.fixture(scope='module')
def small_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('audit') / 'pets'
    make_demo_data(root, DemoSettings(train=6, val=2, test=0, size=64, defects=0))
    (root / 'labels_wrong/train').mkdir(parents=True)
    for path in sorted((root / 'labels/train').iterdir())[1:]:
        shutil.copy(path, root / 'labels_wrong/train')
    (root / 'labels_wrong/train' / path.name).write_bytes(path.read_bytes()[:60])
    return root


def test_everything_is_written(run_tool: Callable, small_set: Path, tmp_path: Path) -> None:
    arguments = (small_set, '--labels', 'labels_wrong', '--splits', 'train', '--out', tmp_path / 'out')
    result = run_tool('audit', *arguments, '--json', tmp_path / 'findings.json')
    assert result.returncode == 1, result.stderr
    assert result.stderr == ''
    assert 'unpaired_image' in result.stdout
    content = json.loads((tmp_path / 'findings.json').read_text())
    assert content == json.loads((tmp_path / 'out/audit.json').read_text())
    assert content['summary']['severities']['error'] == 2
    errors = [(f['check'], f['stem']) for f in content['findings'] if f['severity'] == 'error']
    assert errors == [('unpaired_image', 'train_00000'), ('unreadable', 'train_00005')]
    with (tmp_path / 'out/findings.csv').open(newline='') as stream:
        assert len(list(csv.DictReader(stream))) == len(content['findings'])
    assert 'train_00005' in (tmp_path / 'out/audit.html').read_text()
    again = run_tool('audit', *arguments)
    assert again.returncode == 2
    assert '--overwrite' in again.stderr
    quiet = run_tool('audit', *arguments, '--overwrite', '--fail-on', 'never', '--workers', '2')
    assert quiet.returncode == 0, quiet.stderr
    assert json.loads((tmp_path / 'out/audit.json').read_text()) == content


def test_fail_on_warning_and_nothing_found(run_tool: Callable, small_set: Path) -> None:
    everything = ['--set', 'unreadable.severity=warning', '--set', 'unpaired_image.severity=warning']
    arguments = [small_set, '--labels', 'labels_wrong', '--splits', 'train', *everything]
    assert run_tool('audit', *arguments).returncode == 0
    assert run_tool('audit', *arguments, '--fail-on', 'warning').returncode == 1


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--labels', 'lables'], ['lables', 'labels_wrong']),
        (['--splits', 'train,trian'], ['trian', 'train,val']),
        (['--set', 'fragments.moust=8'], ['moust', 'most']),
        (['--thresholds', 'no.toml'], ['no.toml']),
        (['--workers', 'some'], ['--workers some']),
        (['--workers', 'dask://here'], ['dask://here']),
        (['--fail-on', 'sometimes'], ['sometimes']),
    ],
)
def test_wrong_use_is_one_line(
    run_tool: Callable, small_set: Path, one_line: Callable[..., None], arguments: list[str], words: list[str]
) -> None:
    one_line(run_tool('audit', small_set, *arguments), *words)


def test_outputs_that_cannot_be_written_name_their_flag(
    run_tool: Callable, small_set: Path, tmp_path: Path, one_line: Callable[..., None]
) -> None:
    (tmp_path / 'file').touch()
    one_line(run_tool('audit', small_set, '--out', tmp_path / 'file'), 'file: is a file; choose another --out')
    one_line(run_tool('audit', small_set, '--json', tmp_path / 'file'), '--overwrite or choose another --json')


def test_no_data_set(run_tool: Callable, tmp_path: Path, one_line: Callable[..., None]) -> None:
    one_line(run_tool('audit', tmp_path), 'dataset.yaml')


def test_the_benchmark_ends_with_its_ratio(run_tool: Callable, small_set: Path, one_line: Callable[..., None]) -> None:
    for data in ([], ['--data', small_set]):
        result = run_tool('benchmark', 'audit', '--images', 3, '--size', 64, '--rounds', 1, *data)
        assert result.returncode in (0, 1), result.stderr
        assert re.fullmatch(r'audit ratio \d+\.\d{3} goal 1\.5', result.stdout.splitlines()[-1])
        assert result.stdout.startswith('3 images' if not data else '8 images')
    one_line(run_tool('benchmark', 'audit', '--rounds', 0), '--rounds: 0')
    one_line(run_tool('benchmark', 'audit', '--data', small_set, '--labels', 'lables'), 'lables')
