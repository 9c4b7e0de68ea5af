"""The report of a small project made up here: two experiments that were run, one that was not."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmengine')

from mmseg_ext.demo.generate import DemoSettings, make_demo_data
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.bootstrap import paired_test
from mmseg_ext.evaluation.records import ImageRecord, read_records, write_records
from mmseg_ext.evaluation.summary import summarize

SCRIPT = Path(__file__).resolve().parents[2] / 'practicum_work' / 'write_report.py'
spec = importlib.util.spec_from_file_location('write_report', SCRIPT)
assert spec is not None
assert spec.loader is not None
sys.modules['write_report'] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
from write_report import (  # noqa: E402
    Difference,
    ReportSources,
    best_experiment,
    blind_table,
    changes_table,
    ladder_table,
    names_by_note,
    read_experiments,
    read_hypothesis,
    read_test_scores,
    steps_table,
    write_report,
)

DOCSTRING = '"""{name}.\n\nHypothesis: {hypothesis}\nover two lines.\n\nRun: nothing\n"""\n'
PROJECT = """
metric: mDice
experiments:
  - config: configs/first.py
    reference: {val: 60.0}
  - config: configs/second.py
    against: configs/first.py
    epochs: 3
    note: Two
      lines.
  - config: configs/third.py
    against: configs/second.py
    reference: {val: 70.0, test: 71.5}
"""


def write_result(folder: Path, seed: int, right: float, stems: int = 12) -> None:
    """Records of random counts of which a share is right, and their metrics."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(stems):
        counts = rng.integers(1, 50, (2, 2)) + np.diag(rng.integers(0, int(1000 * right), 2))
        rows.append(ImageRecord(f'{number:03}', 'val', f'{number}.jpg', None, 8, 8, counts.astype(np.int64)))
    folder.mkdir(parents=True)
    write_records(folder / 'records_val.parquet', rows, ('ground', 'animal'))
    scores = summarize(read_records(folder / 'records_val.parquet'), resamples=50)
    (folder / 'metrics_val.json').write_text(json.dumps({'tta': False, 'scores': scores}))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / 'configs').mkdir()
    for name, lr in (('first', 0.1), ('second', 0.2), ('third', 0.2)):
        text = DOCSTRING.format(name=name, hypothesis=f'the {name} idea')
        text += f'optim_wrapper = dict(optimizer=dict(type="SGD", lr={lr}))\n'
        text += 'train_cfg = dict(by_epoch=True, max_epochs=30)\n'
        (tmp_path / 'configs' / f'{name}.py').write_text(text)
    (tmp_path / 'project.yaml').write_text(PROJECT)
    write_result(tmp_path / 'results' / 'first', 0, 0.3)
    write_result(tmp_path / 'results' / 'second', 1, 0.9)
    with zipfile.ZipFile(tmp_path / 'results' / 'second.zip', 'w') as archive:
        archive.writestr('a.png', b'')
    return tmp_path


def read(project: Path) -> list:
    return read_experiments(project / 'project.yaml', project / 'results', project)


def test_what_is_known_of_each_experiment(project: Path) -> None:
    first, second, third = read(project)
    assert [experiment.was_run for experiment in (first, second, third)] == [True, True, False]
    assert first.hypothesis == 'The first idea over two lines.'
    assert second.note == 'Two lines.'
    assert [experiment.length for experiment in (first, second, third)] == ['30 epochs', '3 of 30 epochs', '30 epochs']
    assert (first.test_masks, second.test_masks) == (0, 1)
    assert second.changes == {'lr': (0.1, 0.2)}
    assert third.changes == {}
    assert third.difference is None
    assert best_experiment([first, second, third]) is second
    assert best_experiment([third]) is None


def test_the_difference_is_that_of_paired_images(project: Path) -> None:
    first, second, _ = read(project)
    expected = paired_test(first.records.confusion, second.records.confusion, resamples=2000)
    assert (second.difference.value, second.difference.low, second.difference.high) == pytest.approx(
        [100 * value for value in (expected.difference, expected.low, expected.high)]
    )
    value = second.score()['value'] - first.score()['value']
    assert second.difference.value == pytest.approx(value, abs=1e-3)


@pytest.mark.parametrize(('low', 'high', 'verdict'), [(0.1, 2, 'better'), (-2, -0.1, 'worse'), (-1, 1, 'open')])
def test_a_verdict_needs_an_interval_beyond_zero(low: float, high: float, verdict: str) -> None:
    assert Difference(0.0, low, high).verdict == verdict


def test_records_in_another_order_are_paired_by_name(project: Path) -> None:
    path = project / 'results' / 'second' / 'records_val.parquet'
    before = read(project)[1].difference
    records = read_records(path)
    order = list(reversed(range(len(records))))
    rows = [ImageRecord(records.stems[i], 'val', records.images[i], None, 8, 8, records.confusion[i]) for i in order]
    write_records(path, rows, records.classes)
    assert read(project)[1].difference == before


def test_tables(project: Path) -> None:
    first, second, third = experiments = read(project)
    ladder = ladder_table(experiments).rows
    assert [row[:4] for row in ladder] == [
        ['first', '30 epochs', 60.0, first.score()['value']],
        ['second', '3 of 30 epochs', None, second.score()['value']],
        ['third', '30 epochs', 70.0, None],
    ]
    classes = second.metrics['scores']['classes']
    assert ladder[1][5] == f'{classes["ground"]["Dice"]["value"]:.2f} / {classes["animal"]["Dice"]["value"]:.2f}'
    step = ['second', '3 of 30 epochs', 'first', '30 epochs', second.difference.value]
    assert [row[:5] for row in steps_table(experiments).rows] == [step]
    assert steps_table(experiments).rows[0][6] == 'no verdict: one was shortened'
    assert steps_table([first, replace(second, epochs=None)]).rows[0][6] == 'yes, better'
    assert names_by_note([first, second, third]) == {'': ['first', 'third'], 'Two lines.': ['second']}
    assert changes_table(second).rows == [['lr', '0.1', '0.2']]
    scores = {'second': {'mDice': 81.5, 'Dice': {'ground': 90.0, 'animal': 73.0}}}
    assert blind_table(experiments, scores).rows == [
        ['second', None, second.score()['value'], 1, 81.5, '90.00 / 73.00'],
        ['third', 71.5, None, 0, None, None],
    ]
    assert third.name in ladder_table(experiments).markdown()


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda p: (p / 'project.yaml').write_text('experiments: ['), 'is no YAML'),
        (lambda p: (p / 'project.yaml').write_text('[]'), 'must hold a mapping'),
        (lambda p: (p / 'project.yaml').write_text('experiments: []'), 'lists no experiments'),
        (lambda p: (p / 'project.yaml').write_text('experiments: [{name: a}]'), 'needs a config'),
        (lambda p: (p / 'project.yaml').write_text(PROJECT.replace('note', 'notes')), 'unknown key notes'),
        (
            lambda p: (p / 'project.yaml').write_text(PROJECT.replace('epochs: 3', 'epochs: few')),
            'positive whole number',
        ),
        (
            lambda p: (p / 'project.yaml').write_text(PROJECT.replace('second.py', 'first.py')),
            'listed twice|stands against',
        ),
        (
            lambda p: (p / 'project.yaml').write_text(PROJECT.replace('against: configs/first', 'against: other')),
            'not listed above',
        ),
        (lambda p: (p / 'project.yaml').unlink(), 'cannot be read'),
        (lambda p: (p / 'configs' / 'third.py').unlink(), 'third.py: cannot be read'),
        (lambda p: (p / 'configs' / 'third.py').write_text('"""Nothing."""'), 'states no "Hypothesis:"'),
        (lambda p: (p / 'results' / 'first' / 'metrics_val.json').write_text('{'), 'cannot be read as JSON'),
        (lambda p: (p / 'results' / 'second.zip').write_text('no zip'), 'cannot be read as a zip file'),
        (lambda p: write_other(p / 'results' / 'second'), 'not of the same images'),
    ],
)
def test_bad_input_is_one_line(project: Path, change: Callable[[Path], object], message: str) -> None:
    change(project)
    with pytest.raises(InputError, match=message):
        read(project)


def write_other(folder: Path) -> None:
    (folder / 'records_val.parquet').unlink()
    write_result(folder / 'new', 1, 0.5, stems=3)
    (folder / 'new' / 'records_val.parquet').rename(folder / 'records_val.parquet')


def test_a_hypothesis_ends_with_its_paragraph(tmp_path: Path) -> None:
    path = tmp_path / 'config.py'
    path.write_text('"""A.\n\nHypothesis: it helps.\nReference figure: val 3.\n"""\n')
    assert read_hypothesis(path) == 'It helps.'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{', 'cannot be read as JSON'),
        ('[]', 'must be a JSON file'),
        ('{"first": 3}', 'must be a JSON file'),
        ('{"other": {"mDice": 3}}', 'not among the experiments'),
        ('{"first": {"mDice": 120}}', 'expected a percentage'),
        ('{"first": {"Dice": {"cat": "high"}}}', 'expected a percentage'),
    ],
)
def test_bad_test_scores(project: Path, text: str, message: str) -> None:
    (project / 'scores.json').write_text(text)
    with pytest.raises(InputError, match=message):
        read_test_scores(project / 'scores.json', read(project))


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('data') / 'pets'
    make_demo_data(root, DemoSettings(train=6, val=3, test=2, size=64))
    return root


TEMPLATE = """{{ audit.title }}
{{ ladder_table(experiments) | table }}
best {{ best.name }} {{ best.score()['value'] | number }} of {{ statistics['balance'].title }}
{% if kept('errors.json') %}errors{% else %}no errors{% endif %}
{% for name, scores in test_scores.items() %}{{ name }} {{ scores.mDice }}{% endfor %}
"""


def test_a_template_is_filled_twice_alike(project: Path, data: Path) -> None:
    (project / 'REPORT.md.j2').write_text(TEMPLATE)
    (project / 'scores.json').write_text('{"second": {"mDice": 81.5}}')
    sources = ReportSources(
        data, project / 'project.yaml', project / 'results', project, test_scores=project / 'scores.json'
    )
    text = write_report(project / 'REPORT.md.j2', sources, project / 'out' / 'REPORT.md').read_text()
    assert '11 images' in text
    assert 'best second' in text
    assert 'no errors' in text
    assert 'second 81.5' in text
    assert '| third | 30 epochs | 70.00 | – |' in text
    figures = {path.name: path.read_bytes() for path in (project / 'out' / 'figures').iterdir()}
    assert set(figures) == {'report_ladder.svg', 'report_balance.svg'}
    assert write_report(project / 'REPORT.md.j2', sources, project / 'out' / 'REPORT.md').read_text() == text
    assert {path.name: path.read_bytes() for path in (project / 'out' / 'figures').iterdir()} == figures


@pytest.mark.parametrize(('template', 'message'), [('{{ nothing }}', "'nothing' is undefined"), ('{% if %}', 'line 1')])
def test_a_template_that_asks_for_too_much(project: Path, data: Path, template: str, message: str) -> None:
    (project / 'REPORT.md.j2').write_text(template)
    sources = ReportSources(data, project / 'project.yaml', project / 'results', project)
    with pytest.raises(InputError, match=message):
        write_report(project / 'REPORT.md.j2', sources, project / 'out' / 'REPORT.md')
    assert not (project / 'out' / 'REPORT.md').exists()


NUMBER = re.compile(r'\d+(?:\.\d+)?')


def run_script(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], cwd=SCRIPT.parents[1], capture_output=True, text=True)


def test_the_committed_report_has_the_numbers_of_its_sources(shared_data: Path, tmp_path: Path) -> None:
    done = run_script(shared_data / 'pets', '--out', tmp_path / 'REPORT.md')
    assert done.returncode == 0, done.stderr
    written, committed = (
        [float(number) for number in NUMBER.findall(path.read_text())]
        for path in (tmp_path / 'REPORT.md', SCRIPT.with_name('reports') / 'REPORT.md')
    )
    assert len(written) == len(committed), 'write it again: make report'
    assert written == pytest.approx(committed, abs=0.011), 'write it again: make report'


def test_the_script_refuses_bad_input_in_one_line(tmp_path: Path) -> None:
    for arguments, word in (
        ([tmp_path / 'none'], 'none'),
        ([tmp_path, '--project', tmp_path / 'p.yaml'], 'p.yaml'),
    ):
        done = run_script(*arguments, '--out', tmp_path / 'R.md')
        assert done.returncode == 2
        assert done.stderr.startswith('error: ')
        assert done.stderr.count('\n') == 1
        assert word in done.stderr
    assert not (tmp_path / 'R.md').exists()
