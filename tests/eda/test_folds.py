from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.eda.folds import assign_folds


@given(st.data(), st.integers(2, 5), st.integers(0, 3))
def test_groups_stay_together_and_sizes_are_balanced(data: st.DataObject, folds: int, seed: int) -> None:
    count = data.draw(st.integers(2 * folds, 40))
    strata = {f's{i}': data.draw(st.sampled_from('ab')) for i in range(count)}
    groups = {f's{i}': data.draw(st.sampled_from('xyz')) for i in range(0, count, 4)}
    if len({*groups.values()}) + count - len(groups) < folds:
        return
    fold_of = assign_folds(strata, folds, seed, groups)
    assert list(fold_of) == list(strata)
    assert {*fold_of.values()} == {*range(folds)}
    for group in {*groups.values()}:
        assert len({fold_of[stem] for stem in groups if groups[stem] == group}) == 1
    sizes = Counter(fold_of.values())
    assert max(sizes.values()) - min(sizes.values()) <= max(1, *Counter(groups.values()).values()) + 1


def test_every_fold_has_its_share_of_each_stratum() -> None:
    strata = {f'{i:03}': 'cat' if i < 60 else 'dog' for i in range(90)}
    mix = Counter((fold, strata[stem]) for stem, fold in assign_folds(strata, 3).items())
    assert mix == {(fold, kind): 20 if kind == 'cat' else 10 for fold in range(3) for kind in ('cat', 'dog')}


@pytest.mark.filterwarnings('error')
def test_rare_strata_count_as_one() -> None:
    different = {str(i): i for i in range(12)}
    assert Counter(assign_folds(different, 3).values()) == {0: 4, 1: 4, 2: 4}
    two_rare = {**dict.fromkeys(map(str, range(9)), 'cat'), 'a': 'dog', 'b': 'cow'}
    fold_of = assign_folds(two_rare, 3)
    assert fold_of['a'] != fold_of['b']
    assert max(Counter(fold_of.values()).values()) == 4


def test_the_seed_decides() -> None:
    strata = dict.fromkeys(map(str, range(20)), 0)
    assert assign_folds(strata, 2, 7) == assign_folds(strata, 2, 7)
    assert assign_folds(strata, 2, 7) != assign_folds(strata, 2, 8)


@pytest.mark.parametrize('folds', [1, 4])
def test_too_few_or_too_many_folds_are_refused(folds: int) -> None:
    with pytest.raises(ValueError, match=f'got {folds}'):
        assign_folds({'a': 0, 'b': 0, 'c': 0, 'd': 0}, folds, groups={'a': 'g', 'b': 'g'})
