"""The tables of a comparison as ClearML gets them; what arrives at a server: tests/commands/test_clearml_compare.py."""

from __future__ import annotations

from mmseg_ext.reports.compare.comparison import compare_runs
from mmseg_ext.runs.record import Evaluation, RunRecord, Score
from mmseg_ext.tracking.clearml.comparison_task import compare_address, tables


def run(name: str, seed: int, score: float, lr: float) -> RunRecord:
    evaluation = Evaluation('val', False, None, Score(score, score - 1, score + 1), {'cat': Score(score)})
    settings = {'lr': lr, 'model': 'U', 'seed': seed}
    return RunRecord(name, seed=seed, evaluations=(evaluation,), hyperparameters=settings, minutes=2.0)


def test_tables_of_groups_runs_and_what_differs() -> None:
    found = tables(compare_runs([run('a-s0', 0, 80, 0.1), run('a-s1', 1, 82, 0.1), run('b', 0, 70, 0.2)]))
    assert list(found) == ['groups', 'runs', 'hyperparameters that differ']
    head, *groups = found['groups']
    assert head[:5] == ['run', 'status', 'seed', 'val mDice', 'cat, val']
    assert groups[0][:5] == ['a', '2 runs', '0, 1', '81.00 ± 1.41', '81.00 ± 1.41']
    assert groups[1][:5] == ['b', 'finished', '0', '70.00 (69.00–71.00)', '70.00']
    assert groups[1][head.index('minutes')] == '2'
    assert groups[1][head.index('GFLOPs')] == '–'
    assert [row[0] for row in found['runs']] == ['run', 'a-s0', 'a-s1', 'b']
    assert {len(row) for rows in (found['groups'], found['runs']) for row in rows} == {len(head)}
    assert found['hyperparameters that differ'] == [['hyperparameter', 'a', 'b'], ['lr', '0.1', '0.2']]


def test_one_run_has_one_table() -> None:
    assert list(tables(compare_runs([run('a', 0, 80, 0.1)]))) == ['groups']


def test_the_address_of_a_comparison() -> None:
    address = compare_address('https://web', 'p1', ['a', 'b'])
    assert address == 'https://web/projects/p1/compare-tasks;ids=a,b/scalars/graph'
