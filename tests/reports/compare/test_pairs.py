from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.evaluation.bootstrap import paired_test
from mmseg_ext.evaluation.records import Records
from mmseg_ext.reports.compare.comparison import compare_runs
from mmseg_ext.runs.record import Evaluation, RunRecord


def records(matrices: dict[str, list[list[int]]], classes: tuple[str, ...] = ('background', 'cat')) -> Records:
    stems = list(matrices)
    nothing = [''] * len(stems)
    return Records(
        classes, stems, ['val'] * len(stems), nothing, [None] * len(stems), np.zeros((len(stems), 2), np.int64),
        np.array(list(matrices.values()), dtype=np.int64),
    )  # fmt: skip


def run(name: str, content: Records) -> RunRecord:
    return RunRecord(name, evaluations=(Evaluation('val', False, None, None, {}, records=content),))


def test_images_are_paired_by_their_names() -> None:
    first = records({'a': [[8, 2], [1, 9]], 'b': [[10, 0], [0, 0]]})
    second = records({'b': [[5, 5], [0, 0]], 'a': [[10, 0], [0, 10]]})
    (paired_set,) = compare_runs([run('x', first), run('y', second)]).paired_sets
    assert paired_set.stems == ['a', 'b']
    assert paired_set.entries == [('x', 'val'), ('y', 'val')]
    np.testing.assert_allclose(paired_set.dice[0, 0], [16 / 19, 18 / 21])
    np.testing.assert_allclose(paired_set.dice[1], [[1, 1], [10 / 15, 0]])
    assert paired_set.dice[0, 1, 0] == 1
    assert np.isnan(paired_set.dice[0, 1, 1])
    np.testing.assert_allclose(paired_set.image_scores()[:, 1], [1, 1 / 3])
    expected = paired_test(first.confusion, second.confusion[::-1], resamples=paired_set.resamples)
    assert paired_set.tests[0, 1] == expected


@pytest.mark.parametrize(
    'other',
    [
        records({'a': [[8, 2], [1, 9]]}),  # an image less
        records({'a': [[8, 2], [1, 9]], 'c': [[10, 0], [0, 0]]}),  # another image
        records({'a': [[7, 2], [2, 9]], 'b': [[10, 0], [0, 0]]}),  # a pixel that is a cat in another label set
        records({'a': [[8, 2], [1, 9]], 'b': [[10, 0], [0, 0]]}, ('background', 'dog')),
    ],
)
def test_another_ground_truth_is_not_paired(other: Records) -> None:
    first = records({'a': [[8, 2], [1, 9]], 'b': [[10, 0], [0, 0]]})
    assert [len(paired_set.entries) for paired_set in compare_runs([run('x', first), run('y', other)]).paired_sets] == [
        1,
        1,
    ]


def test_the_largest_set_comes_first() -> None:
    small, large = records({'a': [[1, 0], [0, 1]]}), records({'b': [[1, 0], [0, 1]]})
    sets = compare_runs([run('x', small), run('y', large), run('z', large)]).paired_sets
    assert [paired_set.entries for paired_set in sets] == [[('y', 'val'), ('z', 'val')], [('x', 'val')]]
