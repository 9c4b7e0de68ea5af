from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip('mmseg')

from mmseg_ext.errors import InputError
from mmseg_ext.workflows.rank import RankingSettings, _check_other


def test_judges_of_one_name_are_refused() -> None:
    for second in ('b/config.py', 'a/config.py'):
        with pytest.raises(
            InputError, match=rf'{second}: has the same file name as a/config.py, and judges are told apart'
        ):
            RankingSettings('d', ('a/config.py', second))


def test_a_negative_seed_is_named() -> None:
    with pytest.raises(InputError, match=r'`seeds=-1`: must be at least 0'):
        RankingSettings('d', ('c.py',), seeds=(0, -1))


def test_a_ranking_of_the_same_folder_joins_in_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = RankingSettings('data/pets', ('c.py',))
    for found in ('./data/pets', str(tmp_path / 'data' / 'pets')):
        (tmp_path / 'ranking.json').write_text(
            json.dumps({'settings': {'data_root': found, 'labels': 'labels', 'split': 'train'}})
        )
        _check_other(tmp_path, settings)
    for found in ('data/dogs', 'a\0', None):
        (tmp_path / 'ranking.json').write_text(
            json.dumps({'settings': {'data_root': found, 'labels': 'labels', 'split': 'train'}})
        )
        with pytest.raises(InputError, match='different masks'):
            _check_other(tmp_path, settings)
