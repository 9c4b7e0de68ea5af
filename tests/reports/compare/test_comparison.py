from __future__ import annotations

import math
from typing import Any

import pytest

from mmseg_ext.reports.compare.comparison import compare_runs, differing_hyperparameters, group_seeds, spread
from mmseg_ext.runs.record import Evaluation, RunRecord, Score


def run(name: str, dice: float | None = None, seed: int = 0, **changes: Any) -> RunRecord:
    evaluations = ()
    if dice is not None:
        classes = {'cat': Score(dice - 1), 'dog': Score(dice + 1)}
        evaluations = (Evaluation('val', False, 'labels', Score(dice), classes),)
    settings = {'lr': 0.1, 'seed': seed}
    values: dict[str, Any] = {'experiment': 'unet', 'hyperparameters': settings, 'evaluations': evaluations}
    return RunRecord(name, seed=seed, **(values | changes))


def test_mean_and_deviation_by_hand() -> None:
    several = spread([80.0, 82.0, None, 87.0, math.nan])
    assert several is not None
    assert (several.mean, several.count) == (83.0, 3)
    assert several.sd == pytest.approx(math.sqrt((9 + 1 + 16) / 2))
    single = spread([80.0])
    assert single is not None
    assert single.sd is None
    assert spread([None]) is None


def test_seeds_are_grouped() -> None:
    groups = group_seeds([run('a-s0', 80), run('other', 1, experiment='x'), run('a-s1', 82, seed=1)])
    assert [(group.label, [member.name for member in group.runs], group.seeds) for group in groups] == [
        ('a', ['a-s0', 'a-s1'], [0, 1]),
        ('other', ['other'], [0]),
    ]


@pytest.mark.parametrize(
    'changes',
    [
        {'hyperparameters': {'lr': 0.2, 'seed': 1}},
        {'hyperparameters': {'lr': 0.1, 'seed': 1, 'labels': 'x'}},
        {'hyperparameters': {}},
        {'config': {'model': {'decode_head': {'dropout_ratio': 0.5}}}},
        {'experiment': 'another'},
        {'status': 'running'},
        {'status': 'failed'},
    ],
)
def test_runs_that_differ_otherwise_are_not_grouped(changes: dict[str, Any]) -> None:
    assert len(group_seeds([run('a-0'), run('a-1', seed=1), run('a-2', seed=1, **changes)])) == 2


def test_unfinished_runs_are_not_grouped() -> None:
    assert len(group_seeds([run('a-0', status='failed'), run('a-1', status='failed')])) == 2


def test_labels_of_groups_are_unique() -> None:
    runs = [
        run('a-0'),
        run('a-1'),
        run('a', hyperparameters={'lr': 1}),
        run('b0', experiment='e', seed=0),
        run('c1', experiment='e', seed=1),
    ]
    assert [group.label for group in group_seeds(runs)] == ['a', 'a (2)', 'e']


def test_the_hyperparameters_that_differ() -> None:
    runs = [
        RunRecord('a', hyperparameters={'lr': 0.1, 'loss': 'ce', 'crop': 256, 'seed': 0}),
        RunRecord('b', hyperparameters={'lr': 0.2, 'loss': 'ce', 'flip': 0.5, 'crop': 256, 'seed': 1}),
        RunRecord('unknown'),
    ]
    assert differing_hyperparameters(runs) == {'lr': [0.1, 0.2, None], 'flip': [None, 0.5, None]}
    assert differing_hyperparameters(runs[:1]) == {}


def test_what_differs_besides_the_hyperparameters_is_told_by_its_key() -> None:
    heads: list[dict[str, Any]] = [{'dropout_ratio': 0.1, 'sizes': (1, 2)}, {'dropout_ratio': 0.5, 'sizes': [1, 3]}]
    runs = [run(f'trial-{n}', config={'model': {'decode_head': head}}) for n, head in enumerate(heads)]
    assert differing_hyperparameters([*runs, run('unknown')]) == {
        'model.decode_head.dropout_ratio': [0.1, 0.5, None],
        'model.decode_head.sizes': ['[1, 2]', '[1, 3]', None],
    }


def test_scores_of_runs_and_groups() -> None:
    comparison = compare_runs([run('a-0', 80), run('a-1', 84, seed=1), run('a-2', seed=2)])
    assert comparison.kinds == ('val',)
    assert comparison.classes == ('cat', 'dog')
    (group,) = comparison.groups
    mean, cat = comparison.spread(group, 'val'), comparison.spread(group, 'val', 'cat')
    assert mean is not None
    assert cat is not None
    assert (mean.mean, mean.count, cat.mean) == (82, 2, 81)
    assert mean.sd == pytest.approx(math.sqrt(8))
    assert comparison.score(comparison.runs[2], 'val') is None


def test_kinds_that_may_not_be_mixed() -> None:
    def evaluation(split: str, tta: bool, labels: str | None) -> Evaluation:
        return Evaluation(split, tta, labels, Score(1.0), {})

    runs = [
        RunRecord('a', evaluations=(evaluation('test', False, 'labels'), evaluation('val', True, 'labels'))),
        RunRecord('b', evaluations=(evaluation('val', True, None), evaluation('val', False, 'labels_fixed'))),
        RunRecord('c', evaluations=(evaluation('val', True, 'labels'), evaluation('val', False, 'labels'))),
    ]
    # What most runs have comes first; label sets are named where there are several; an unknown one joins the only one.
    assert compare_runs(runs).kinds == ('val · TTA', 'val · labels', 'val · labels_fixed', 'test')


def test_names_must_be_unique() -> None:
    with pytest.raises(ValueError, match='unique name'):
        compare_runs([run('a'), run('a')])
