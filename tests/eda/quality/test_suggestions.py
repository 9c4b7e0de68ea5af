from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.eda.quality.suggestions import Accepted, Ranking, accept_suggestions, read_ranking, read_stems
from mmseg_ext.errors import InputError

PALETTE = [(0, 0, 0), (255, 0, 0), (0, 255, 0)]
GIVEN = {'a': [[0, 1], [1, 2]], 'b': [[0, 0], [0, 1]], 'c': [[2, 2], [0, 0]]}
MODEL = {'a': [[0, 1], [0, 0]], 'b': [[0, 0], [0, 1]], 'c': [[1, 1], [1, 1]]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / 'dataset.yaml').write_text('classes: [ground, cat, dog]\npalette: [[0,0,0],[255,0,0],[0,255,0]]\n')
    for folder, masks in (('labels/train', GIVEN), ('model', MODEL)):
        for stem, rows in masks.items():
            write_mask(tmp_path / folder / f'{stem}.png', np.array(rows, np.uint8), PALETTE)
    return tmp_path


def masks(folder: Path) -> dict[str, list]:
    return {path.stem: read_mask(path).tolist() for path in sorted(folder.iterdir())}


def test_chosen_masks_are_replaced_and_the_others_copied(root: Path) -> None:
    done = accept_suggestions(root, 'labels', 'train', root / 'model', ['a', 'b'], 'new')
    assert done == Accepted(masks=3, changed_masks=1, changed_pixels=2)
    assert masks(root / 'new' / 'train') == {**GIVEN, 'a': MODEL['a']}
    assert masks(root / 'labels' / 'train') == GIVEN


def test_where_the_two_differ_may_be_ignored(root: Path) -> None:
    accept_suggestions(root, 'labels', 'train', root / 'model', ['a', 'c'], 'new', mode='ignore')
    assert masks(root / 'new' / 'train') == {'a': [[0, 1], [255, 255]], 'b': GIVEN['b'], 'c': [[255] * 2] * 2}


def test_nothing_is_overwritten_and_nothing_half_written(root: Path) -> None:
    with pytest.raises(InputError, match=r'labels/train: exists already'):
        accept_suggestions(root, 'labels', 'train', root / 'model', ['a'], 'labels')
    with pytest.raises(InputError, match=r'has no x\.png'):
        accept_suggestions(root, 'labels', 'train', root / 'model', ['x'], 'new')
    (root / 'model' / 'c.png').write_bytes(b'')
    with pytest.raises(InputError, match=r'c\.png'):
        accept_suggestions(root, 'labels', 'train', root / 'model', ['a', 'c'], 'new')
    assert masks(root / 'labels' / 'train') == GIVEN
    assert not (root / 'new' / 'train').exists()
    assert not list(root.rglob('.*'))


def test_ranking_and_list_of_stems_are_read(tmp_path: Path) -> None:
    rows = [{'rank': 1, 'stem': 'b'}, {'rank': 2, 'stem': 'a'}]
    content = {'settings': {'labels': 'labels', 'split': 'train'}, 'rows': rows}
    (tmp_path / 'ranking.json').write_text(json.dumps(content))
    assert read_ranking(tmp_path) == Ranking('labels', 'train', ('b', 'a'))
    (tmp_path / 'stems.txt').write_text('b\n\n a \n')
    assert read_stems(tmp_path / 'stems.txt') == ('b', 'a')


@pytest.mark.parametrize('text', ['{', '[]', '{"settings": {}, "rows": []}'])
def test_what_is_no_ranking_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / 'ranking.json').write_text(text)
    with pytest.raises(InputError, match=r'ranking\.json: is no ranking'):
        read_ranking(tmp_path)
    with pytest.raises(InputError, match='cannot be read'):
        read_ranking(tmp_path / 'nowhere')
    with pytest.raises(InputError, match='list of stems'):
        read_stems(tmp_path / 'nowhere')
