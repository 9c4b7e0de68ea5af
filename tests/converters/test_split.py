from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.converters.split import (
    SplitOptions,
    assign_splits,
    check_shares,
    deal_groups,
    draw,
    smallest_by_hash,
    split_by_hash,
)
from mmseg_ext.errors import InputError


def test_the_shares_are_kept_nearly_and_the_seed_matters() -> None:
    keys = [str(number) for number in range(4000)]
    counts = Counter(split_by_hash(key, 0.2, 0.1, 0) for key in keys)
    assert abs(counts['val'] - 800) < 100
    assert abs(counts['test'] - 400) < 75
    assert [split_by_hash(k, 0.5, 0, 0) for k in keys] != [split_by_hash(k, 0.5, 0, 1) for k in keys]
    assert {split_by_hash(key, 0, 0, 0) for key in keys} == {'train'}


def test_a_key_keeps_its_number_for_ever() -> None:
    # A change here moves images between the splits of data sets that exist: val images would become train images.
    assert draw('16206', 0) == pytest.approx(0.8262396, abs=1e-6)
    assert draw('16206', 1) == pytest.approx(0.1246560, abs=1e-6)


@pytest.mark.parametrize(('val', 'test'), [(0.5, 0.5), (-0.1, 0), (0, 1), (float('nan'), 0)])
def test_shares_that_leave_nothing_for_train(val: float, test: float) -> None:
    with pytest.raises(InputError, match=r'`(val|test)='):
        check_shares(val, test)


groups = st.lists(st.integers(1, 20), min_size=3, max_size=30).map(
    lambda sizes: {f'g{group}_{i}': f'g{group}' for group, size in enumerate(sizes) for i in range(size)}
)


@given(groups, st.integers(0, 5))
def test_groups_stay_together_and_every_split_gets_one(group_of: dict[str, str], seed: int) -> None:
    split_of = deal_groups(group_of, 0.2, 0.2, seed)
    assert split_of.keys() == group_of.keys()
    assert all(len({split_of[s] for s in group_of if group_of[s] == g}) == 1 for g in set(group_of.values()))
    counts = Counter(split_of.values())
    assert set(counts) == {'train', 'val', 'test'}
    assert deal_groups(dict(reversed(group_of.items())), 0.2, 0.2, seed) == split_of


def test_equal_groups_are_dealt_by_the_shares() -> None:
    group_of = {f'g{g}_{i}': f'g{g}' for g in range(10) for i in range(7)}
    splits = {seed: deal_groups(group_of, 0.2, 0.2, seed) for seed in range(4)}
    assert all(Counter(split.values()) == {'train': 42, 'val': 14, 'test': 14} for split in splits.values())
    assert len({str(split) for split in splits.values()}) > 1
    assert Counter(deal_groups(group_of, 0.2, 0, 0).values()) == {'train': 56, 'val': 14}


def test_too_few_groups() -> None:
    with pytest.raises(InputError, match=r'2 group\(s\) of images \(a, b\): cannot fill 3 splits'):
        deal_groups({'a1': 'a', 'b1': 'b'}, 0.2, 0.2, 0)


def test_the_smallest_by_hash() -> None:
    keys = [f'cat_{number}' for number in range(50)]
    chosen = smallest_by_hash(keys, 0.2, 0)
    assert len(chosen) == 10
    assert max(draw(key, 0) for key in chosen) < min(draw(key, 0) for key in set(keys) - chosen)
    assert smallest_by_hash(keys, 0, 0) == set()
    assert len(smallest_by_hash(keys[:3], 0.1, 0)) == 1


@pytest.mark.parametrize('seed', range(6))
def test_a_large_group_comes_first(seed: int) -> None:
    sizes = {'a': 2, 'b': 2, 'large': 12, 'y': 2, 'z': 2}
    group_of = {f'{group}_{i}': group for group, size in sizes.items() for i in range(size)}
    assert Counter(deal_groups(group_of, 0.2, 0.2, seed).values()) == {'train': 12, 'val': 4, 'test': 4}


def assigned(tmp_path: Path, stems: list[str], lines: str) -> list[str]:
    (tmp_path / 'val.txt').write_text(lines)
    return list(assign_splits(stems, SplitOptions(lists={'val': tmp_path / 'val.txt'})))


def test_a_line_of_a_list_means_the_image_in_its_folder(tmp_path: Path) -> None:
    assert assigned(tmp_path, ['a', 'day_a'], 'day/a.jpg\n') == ['day_a']  # as annotated images are called
    assert assigned(tmp_path, ['a', 'day/a'], 'photos/day/a.jpg\n') == ['day/a']
    assert assigned(tmp_path, ['a', 'day/a'], '# a comment\na.jpg\n') == ['a']
    assert assigned(tmp_path, ['day/a', 'night/b'], 'a.jpg masks/a.png\n') == ['day/a']
    with pytest.raises(InputError, match=r"val\.txt: the line 'x/a' matches day/a, night/a; add the folder"):
        assigned(tmp_path, ['day/a', 'night/a'], 'x/a\n')


def test_groups_that_are_there_stay_and_new_ones_fill_what_is_missing() -> None:
    group_of = {f'{group}{image}': group for group in 'abcdefghij' for image in range(2)}
    split_of = deal_groups(group_of, 0.2, 0.2, 0, {'a': 'test', 'b': 'test', 'c': 'val'})
    assert [split_of[f'{group}0'] for group in 'abc'] == ['test', 'test', 'val']
    assert Counter(split_of.values()) == {'train': 12, 'val': 4, 'test': 4}
