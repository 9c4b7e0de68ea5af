from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmseg_ext.data.listing import Item, find_splits, list_items
from mmseg_ext.errors import InputError


def test_splits_in_the_usual_order(write_set: Callable[..., Path]) -> None:
    root = write_set(extra=1, test=1, train=1)
    (root / 'labels' / 'val').mkdir()
    (root / 'img' / '.cache').mkdir()
    assert find_splits(root, 'labels') == ('train', 'val', 'test', 'extra')
    assert find_splits(root, 'labels', ['test', 'train', 'test']) == ('test', 'train')


@pytest.mark.parametrize(
    ('labels', 'splits', 'word'),
    [
        ('lables', None, 'labels'),
        ('img', None, 'img'),
        ('../set/labels', None, '--labels'),
        ('', None, '--labels'),
        ('labels', ['trian'], 'train'),
    ],
)
def test_unknown_names(write_set: Callable[..., Path], labels: str, splits: list[str] | None, word: str) -> None:
    with pytest.raises(InputError, match=word):
        find_splits(write_set(train=1), labels, splits)


def test_empty_folders(write_set: Callable[..., Path]) -> None:
    root = write_set()
    with pytest.raises(InputError, match='img'):
        find_splits(root, 'labels')
    (root / 'img').mkdir()
    (root / 'labels').mkdir()
    with pytest.raises(InputError, match='no split'):
        find_splits(root, 'labels')
    (root / 'img' / 'train').mkdir()
    with pytest.raises(InputError, match='no image'):
        list_items(root, 'labels', 'train')


def test_items_and_troubles(write_set: Callable[..., Path]) -> None:
    root = write_set(train=3)
    (root / 'labels/train/train_0.png').unlink()
    (root / 'img/train/train_1.png').unlink()
    (root / 'img/train/train_2.JPG').write_text('')
    (root / 'img/train/notes.txt').write_text('')
    (root / 'labels/train/old').mkdir()
    (root / 'img/train/.hidden').write_text('')
    (root / 'labelme/train').mkdir(parents=True)
    (root / 'labelme/train/train_2.json').write_text('')
    (root / 'labelme/train/elsewhere.json').write_text('')
    items, troubles = list_items(root, 'labels', 'train')
    assert items == [
        Item('train', 'train_0', 'train_0.png', None, None),
        Item('train', 'train_1', None, 'train_1.png', None),
        Item('train', 'train_2', 'train_2.JPG', 'train_2.png', 'train_2.json'),
    ]
    assert sorted((check, stem) for check, stem, _ in troubles) == [
        ('ambiguous_stem', 'train_2'),
        ('stray_file', 'notes.txt'),
        ('stray_file', 'old'),
        ('unpaired_image', 'train_0'),
        ('unpaired_mask', 'train_1'),
    ]


def test_a_split_without_masks_is_no_trouble(write_set: Callable[..., Path]) -> None:
    root = write_set(train=1, test=2)
    for path in (root / 'labels/test').iterdir():
        path.unlink()
    (root / 'labels/test').rmdir()
    items, troubles = list_items(root, 'labels', 'test')
    assert [item.mask for item in items] == [None, None]
    assert troubles == []
