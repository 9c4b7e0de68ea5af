"""Two data sets share a fingerprint if, and only if, they hold the same files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mmseg_ext.data.fingerprint import END_BYTES, data_fingerprint
from mmseg_ext.errors import InputError

Change = Callable[[Path], object]


def make(root: Path) -> Path:
    for split in ('train', 'val'):
        for folder, suffix in (('img', 'jpg'), ('labels', 'png'), ('other', 'png')):
            (root / folder / split).mkdir(parents=True)
            for stem in ('a', 'b'):
                (root / folder / split / f'{stem}.{suffix}').write_bytes(f'{folder}{split}{stem}'.encode())
    (root / 'img' / 'train' / 'big.jpg').write_bytes(bytes(3 * END_BYTES))
    return root


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(bytes(content))


CHANGES: dict[str, Change] = {
    'a mask': lambda root: flip(root / 'labels/train/a.png', 0),
    'a small image': lambda root: flip(root / 'img/val/b.jpg', 3),
    'the start of a large image': lambda root: flip(root / 'img/train/big.jpg', 5),
    'the end of a large image': lambda root: flip(root / 'img/train/big.jpg', -1),
    'the size of a large image': lambda root: (root / 'img/train/big.jpg').write_bytes(bytes(3 * END_BYTES + 1)),
    'a stem': lambda root: (root / 'img/train/a.jpg').rename(root / 'img/train/c.jpg'),
    'a mask less': lambda root: (root / 'labels/val/a.png').unlink(),
    'an image less': lambda root: (root / 'img/val/a.jpg').unlink(),
    'two masks for each other': lambda root: [
        (root / 'labels/train/a.png').rename(root / 'x'),
        (root / 'labels/train/b.png').rename(root / 'labels/train/a.png'),
        (root / 'x').rename(root / 'labels/train/b.png'),
    ],
    'two splits for each other': lambda root: [
        (root / folder / old).rename(root / folder / new)
        for folder in ('img', 'labels')
        for old, new in (('train', 'x'), ('val', 'train'), ('x', 'val'))
    ],
}


@pytest.mark.parametrize('what', CHANGES)
def test_a_change_is_seen(what: str, tmp_path: Path) -> None:
    root = make(tmp_path / 'data')
    before = data_fingerprint(root, 'labels', ['train', 'val'])
    CHANGES[what](root)
    assert data_fingerprint(root, 'labels', ['train', 'val']) != before


def test_what_does_not_matter(tmp_path: Path) -> None:
    root = make(tmp_path / 'data')
    before = data_fingerprint(root, 'labels', ['train', 'val'])
    assert len(before) == 12
    assert int(before, 16) >= 0
    copy = tmp_path / 'copy of it'
    shutil.copytree(root, copy)
    flip(copy / 'other/train/a.png', 0)
    (copy / 'img/train/notes.txt').write_text('x')
    (copy / 'labels/train/.hidden.png').write_text('x')
    assert data_fingerprint(str(copy), 'labels', ['val', 'train', 'val']) == before


def test_label_sets_and_splits_differ(tmp_path: Path) -> None:
    root = make(tmp_path / 'data')
    found = {data_fingerprint(root, labels, splits) for labels in ('labels', 'other', None)
             for splits in (['train'], ['val'], ['train', 'val'])}  # fmt: skip
    assert len(found) == 9
    assert data_fingerprint(root, 'nothing', ['val']) == data_fingerprint(root, None, ['val'])


def test_a_missing_split_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='img/test: folder not found'):
        data_fingerprint(make(tmp_path / 'data'), 'labels', ['test'])
