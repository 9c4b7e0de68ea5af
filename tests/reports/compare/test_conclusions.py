"""The sentences that a comparison opens on, word for word."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from mmseg_ext.evaluation.bootstrap import PairedTest
from mmseg_ext.reports.compare.comparison import Comparison, compare_runs
from mmseg_ext.reports.compare.conclusions import conclude, score_chart
from mmseg_ext.reports.compare.pairs import PairedSet
from mmseg_ext.runs.record import Evaluation, RunRecord, Score

UNTESTED = 'Whether that is more than chance is unknown: there are no records of both on the same images and masks.'


def run(name: str, value: float | None, *, interval: tuple[float, float] | None = None, **more: Any) -> RunRecord:
    """A finished run, whose experiment is its name up to the first dash."""
    score = None if value is None else Score(value, *(interval or ()))
    evaluations = () if value is None else (Evaluation('val', False, None, score, {}),)
    experiment = name.partition('-')[0]
    settings = {'model': experiment, 'seed': more.get('seed', 0)}
    return RunRecord(name, experiment=experiment, evaluations=evaluations, hyperparameters=settings, **more)


def with_test(comparison: Comparison, first: str, second: str, test: PairedTest) -> Comparison:
    """Give a comparison the test of the second run minus the first."""
    entries = [(first, 'val'), (second, 'val')]
    empty: Any = []
    paired_set = PairedSet(('cat',), entries, empty, empty, [], np.zeros((2, 0, 1)), 10, {(0, 1): test})
    comparison.__dict__['paired_sets'] = [paired_set]
    return comparison


def test_the_best_with_intervals_a_test_and_its_cost() -> None:
    runs = [
        run('small', 80.0, interval=(78.0, 82.0), parameters=2_000_000),
        run('large', 84.5, interval=(82.125, 86.0), parameters=25_000_000),
        run('poor', 70.0, parameters=9_000_000),
    ]
    comparison = with_test(compare_runs(runs), 'small', 'large', PairedTest(0.045, 0.0125, 0.08, 0.0002))
    assert conclude(comparison) == [
        '"large" is best: val mDice 84.50 (95 % interval 82.12 to 86.00); next is "small" with 80.00 (95 % interval '
        '78.00 to 82.00).',
        'The difference is +4.50 points (95 % interval 1.25 to 8.00 over images): more than chance '
        '(p < 0.001); only more seeds can show how much it depends on the seed.',
        'Best trade-offs between mDice and cost (parameters, millions): "small" (2), "large" (25).',
    ]
    chart = score_chart(comparison)
    assert chart is not None
    assert [(bar.label, bar.value, bar.low, bar.high) for bar in chart.bars] == [
        ('large', 84.5, 82.125, 86.0), ('small', 80.0, 78.0, 82.0), ('poor', 70.0, None, None),
    ]  # fmt: skip


def test_the_order_of_the_runs_does_not_turn_the_difference() -> None:
    runs = [run('large', 84.5), run('small', 80.0)]
    comparison = with_test(compare_runs(runs), 'large', 'small', PairedTest(-0.045, -0.08, 0.0125, 0.2))
    assert conclude(comparison)[1].startswith(
        'The difference is +4.50 points (95 % interval -1.25 to 8.00 over images): possibly chance (p = 0.200);'
    )


def test_seeds_are_means_and_their_best_runs_are_tested() -> None:
    runs = [run('a-s0', 80.0, seed=0), run('a-s1', 84.0, seed=1), run('b', 81.0)]
    comparison = with_test(compare_runs(runs), 'b', 'a-s1', PairedTest(0.03, 0.01, 0.05, 0.01))
    assert conclude(comparison) == [
        '"a" is best: val mDice 82.00 ± 2.83 over 2 runs; next is "b" with 81.00.',
        'The difference between their best runs, a-s1 and b, is +3.00 points (95 % interval 1.00 to 5.00 over images): '
        'more than chance (p = 0.010); only more seeds can show how much it depends on the seed.',
    ]


def test_the_best_may_be_the_cheapest() -> None:
    runs = [run('a', 84.0, minutes=2.0), run('b', 81.0, minutes=30.0), run('c', 20.0)]
    assert conclude(compare_runs(runs))[1:] == [
        UNTESTED,
        'The best of known cost is also the cheapest (minutes of training): "a" (2); the cost of "c" is unknown.',
    ]
    assert conclude(compare_runs(runs[:2]))[-1] == 'The best is also the cheapest (minutes of training): "a" (2).'


def test_the_best_of_all_may_have_no_known_cost() -> None:
    runs = [run('a', 90.0), run('b', 80.0, parameters=5_000_000), run('c', 70.0, parameters=9_000_000)]
    assert conclude(compare_runs(runs))[-1] == (
        'The best of known cost is also the cheapest (parameters, millions): "b" (5); the cost of "a" is unknown.'
    )
    more = [*runs, run('d', 85.0, parameters=12_000_000), *(run(name, 1.0) for name in 'efg')]
    assert conclude(compare_runs(more))[-1] == (
        'Best trade-offs between mDice and cost (parameters, millions): "b" (5), "d" (12); the cost of 4 others is '
        'unknown.'
    )


def test_a_tie_one_run_and_none() -> None:
    tie = [run('a', 80.001), run('b', 80.0), run('c', 80.0), run('d', 1.0)]
    assert conclude(compare_runs(tie)) == ['"a", "b" and "c" tie for best: val mDice 80.00.', UNTESTED]
    alone = [run('a', 80.0, interval=(70.0, 90.0), status='failed'), run('b', None)]
    assert conclude(compare_runs(alone)) == [
        'Only "a" (failed) has a val score: mDice 80.00 (95 % interval 70.00 to 90.00).'
    ]
    assert conclude(compare_runs([run('b', None)])) == ['No run has a score.']
    assert score_chart(compare_runs([run('b', None)])) is None
    unscored = [replace(run(name, 1.0), evaluations=(Evaluation('val', False, None, None, {}),)) for name in 'bc']
    tested = replace(run('t', 1.0), evaluations=(Evaluation('test', False, None, Score(1.0), {}),))
    assert conclude(compare_runs([*unscored, tested])) == ['No run has a val score.']
    assert conclude(compare_runs([])) == ['No run has a score.']


def test_what_is_scored_otherwise_is_told() -> None:
    def with_views(name: str) -> RunRecord:
        return replace(run(name, None), evaluations=(Evaluation('val', True, None, Score(99.0), {}),))

    plain = [run(name, 80.0 + place) for place, name in enumerate('abcde')]
    told = conclude(compare_runs([*plain, with_views('x'), run('y', None)]))[-1]
    assert told == 'Not ranked, because scored otherwise than by val: "x".'
    told = conclude(compare_runs([*plain, *map(with_views, 'vwxz')]))[-1]
    assert told == 'Not ranked, because scored otherwise than by val: 4 other experiments.'


def test_a_test_without_a_result_is_none() -> None:
    comparison = with_test(
        compare_runs([run('a', 80.0), run('b', 70.0)]), 'a', 'b', PairedTest(math.nan, math.nan, math.nan, math.nan)
    )
    assert conclude(comparison)[1] == UNTESTED
