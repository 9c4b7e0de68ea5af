from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.eda.quality.evidence import make_evidence
from mmseg_ext.eda.quality.suggestions import Accepted, accept_suggestions, read_stems, suggest_mask
from mmseg_ext.errors import InputError

PALETTE = [(0, 0, 0), (255, 0, 0), (0, 255, 0)]
GIVEN = {'a': [[0, 1], [1, 2]], 'b': [[0, 0], [0, 1]], 'c': [[2, 2], [0, 0]]}
MODEL = {'a': [[0, 1], [0, 0]], 'b': [[0, 0], [0, 1]], 'c': [[1, 1], [1, 1]]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / 'dataset.yaml').write_text('classes: [background, cat, dog]\npalette: [[0,0,0],[255,0,0],[0,255,0]]\n')
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
    with pytest.raises(InputError, match='`to=labels`: is the source itself'):
        accept_suggestions(root, 'labels', 'train', root / 'model', ['a'], 'labels')
    (root / 'taken' / 'train').mkdir(parents=True)
    with pytest.raises(InputError, match=r'taken/train: already exists'):
        accept_suggestions(root, 'labels', 'train', root / 'model', ['a'], 'taken')
    with pytest.raises(InputError, match=r'has no x\.png'):
        accept_suggestions(root, 'labels', 'train', root / 'model', ['x'], 'new')
    (root / 'model' / 'c.png').write_bytes(b'')
    with pytest.raises(InputError, match=r'c\.png'):
        accept_suggestions(root, 'labels', 'train', root / 'model', ['a', 'c'], 'new')
    assert masks(root / 'labels' / 'train') == GIVEN
    assert not (root / 'new' / 'train').exists()
    assert not list(root.rglob('.*'))


def test_the_suggestion_takes_the_outline_and_leaves_a_confirmed_region_its_class() -> None:
    label, model = (np.zeros((40, 40), np.uint8) for _ in range(2))
    label[10:30, 5:15], label[0, 0] = 2, 255
    model[10:30, 5:25] = 1
    sure = np.eye(3, dtype=np.float32)[model].transpose(2, 0, 1)
    suggested = suggest_mask(make_evidence(label, sure))
    expected = model.copy()
    expected[10:30, 5:15] = 2
    expected[0, 0] = 255
    np.testing.assert_array_equal(suggested, expected)


def test_a_list_of_stems_is_read(tmp_path: Path) -> None:
    (tmp_path / 'stems.txt').write_text('b\n# a comment\n\n a \nx\u2028y\n#1\n', encoding='utf-8')
    assert read_stems(tmp_path / 'stems.txt', ['#1']) == ('b', 'a', 'x\u2028y', '#1')
    with pytest.raises(InputError, match='cannot be read'):
        read_stems(tmp_path / 'nowhere')
