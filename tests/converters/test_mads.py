from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmseg_ext.converters.mads import convert_mads
from mmseg_ext.errors import InputError

Make = Callable[[str], Any]
Splits = Callable[[Path], dict[str, str]]


def test_a_performance_of_mads_is_in_one_split(make_source: Make, tmp_path: Path, splits: Splits) -> None:
    make_source('mads').convert(tmp_path / 'data')
    found = splits(tmp_path / 'data')
    performances = {stem.rsplit('_', 2)[0] for stem in found}
    assert len(performances) == 5
    for performance in performances:
        assert len({split for stem, split in found.items() if stem.rsplit('_', 2)[0] == performance}) == 1
    assert Counter(found.values()) == {'train': 12, 'val': 4, 'test': 4}


def test_other_groups_of_mads(make_source: Make, tmp_path: Path, splits: Splits) -> None:
    source = make_source('mads')
    source.convert(tmp_path / 'data', group='([A-Z][a-z]+).*', test=0)
    assert len({stem.partition('_')[0] + split for stem, split in splits(tmp_path / 'data').items()}) == 4
    for group, words in (('[A-Z', 'regular expression'), ('.*', 'with a group'), (r'(\d+)', 'is not named as `group`')):
        with pytest.raises(InputError, match=words):
            source.convert(tmp_path / 'other', group=group)


def test_mads_is_found_in_both_nestings(make_source: Make, tmp_path: Path) -> None:
    source = make_source('mads')
    inner = source.folder / source.folder.name
    assert convert_mads(inner, tmp_path / 'a').written == convert_mads(tmp_path, tmp_path / 'b').written == 20
    shutil.rmtree(inner / 'masks')
    with pytest.raises(InputError, match='masks: not found; the source is incomplete'):
        source.convert(tmp_path / 'c')
