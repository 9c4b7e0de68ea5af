from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mmseg_ext.data.masks import Mask, write_mask
from mmseg_ext.eda.diff import diff_csv, diff_json, diff_labels, diff_masks
from mmseg_ext.errors import InputError

PALETTE = ((0, 0, 0), (220, 60, 60), (60, 100, 230))
MASKS = hnp.arrays(np.uint8, (5, 6), elements=st.integers(0, 255))


def put(root: Path, labels: str, name: str, rows: list[list[int]]) -> None:
    path = root / labels / f'{name}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(path, np.array(rows, np.uint8), PALETTE)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / 'dataset.yaml').write_text(f'classes: [background, cat, dog]\npalette: {[list(c) for c in PALETTE]}\n')
    put(tmp_path, 'old', 'train/same', [[0, 1], [2, 255]])
    put(tmp_path, 'new', 'train/same', [[0, 1], [2, 255]])
    put(tmp_path, 'old', 'train/some', [[0, 0, 0, 0], [1, 1, 1, 1]])
    put(tmp_path, 'new', 'train/some', [[1, 0, 0, 0], [2, 2, 2, 1]])
    put(tmp_path, 'old', 'val/more', [[0, 0, 0], [0, 0, 0]])
    put(tmp_path, 'new', 'val/more', [[1, 1, 1], [1, 255, 9]])
    put(tmp_path, 'old', 'val/gone', [[0]])
    put(tmp_path, 'new', 'val/come', [[0]])
    put(tmp_path, 'old', 'val/size', [[0, 1]])
    put(tmp_path, 'new', 'val/size', [[0], [1]])
    return tmp_path


def test_the_counts_are_those_worked_out_by_hand(data: Path) -> None:
    diff = diff_labels(data, 'old', 'new')
    assert [(file.stem, file.status, file.changed, file.pixels) for file in diff.files] == [
        ('come', 'added', 0, 0),
        ('gone', 'removed', 0, 0),
        ('size', 'resized', 0, 0),
        ('more', 'changed', 6, 6),
        ('some', 'changed', 4, 8),
        ('same', 'same', 0, 4),
    ]
    some = diff.files[4]
    assert some.flips == {(0, 1): 1, (1, 2): 3}
    assert (some.share, some.lost(1), some.gained(1), some.gained(2), some.lost(2)) == (0.5, 3, 1, 3, 0)
    assert (some.first, some.second) == ({0: 4, 1: 4}, {0: 3, 1: 2, 2: 3})
    assert diff.flips() == {'background → cat': 5, 'cat → dog': 3, 'background → ignored': 1, 'background → value 9': 1}
    assert [diff_labels(data, 'old', 'new', splits=['train']).count(status) for status in ('same', 'changed')] == [1, 1]


def test_the_table_and_the_json_hold_each_file(data: Path) -> None:
    diff = diff_labels(data, 'old', 'new')
    rows = {row['stem']: row for row in csv.DictReader(io.StringIO(diff_csv(diff)))}
    assert list(rows) == ['come', 'gone', 'size', 'more', 'some', 'same']
    some = {
        key: rows['some'][key] for key in ('status', 'changed', 'share', 'cat_a', 'cat_b', 'cat_lost', 'cat_gained')
    }
    assert list(some.values()) == ['changed', '4', '0.500000', '4', '2', '3', '1']
    assert rows['some']['flips'] == 'cat → dog: 3; background → cat: 1'
    content = diff_json(diff)
    summary = {key: content['summary'][key] for key in ('same', 'changed', 'resized', 'added', 'removed')}
    assert summary == {'same': 1, 'changed': 2, 'resized': 1, 'added': 1, 'removed': 1}
    assert (content['summary']['changed_pixels'], content['summary']['pixels']) == (10, 18)
    assert content['files'][4]['flips'] == {'cat → dog': 3, 'background → cat': 1}


@given(MASKS, MASKS)
def test_every_pixel_is_counted_once(first: Mask, second: Mask) -> None:
    pairs = diff_masks(first, second)
    assert sum(pairs.values()) == first.size
    assert sum(count for (a, b), count in pairs.items() if a != b) == (first != second).sum()
    assert diff_masks(second, first) == {(b, a): count for (a, b), count in pairs.items()}


def test_wrong_names_are_refused(data: Path) -> None:
    with pytest.raises(InputError, match='newer: label set not found'):
        diff_labels(data, 'old', 'newer')
    with pytest.raises(InputError, match="neither old nor new has a split 'test'"):
        diff_labels(data, 'old', 'new', splits=['test'])


def test_a_mask_that_cannot_be_read_costs_only_itself(data: Path) -> None:
    others = [file for file in diff_labels(data, 'old', 'new').files if file.stem != 'more']
    (data / 'new' / 'val' / 'more.png').write_bytes(b'broken')
    diff = diff_labels(data, 'old', 'new')
    (file,) = [file for file in diff.files if file.stem == 'more']
    assert file.status == 'unreadable'
    assert 'val/more.png: mask cannot be read' in file.problem
    assert [file for file in diff.files if file.stem != 'more'] == others


def test_the_most_changed_real_masks(shared_data: Path) -> None:
    diff = diff_labels(shared_data / 'pets', 'labels', 'labels_fixed')
    assert (diff.count('same'), diff.count('changed')) == (88, 230)
    assert sum(file.status == 'same' for file in diff.files if file.split == 'train') == 50
    assert (diff.files[0].stem, diff.files[0].changed) == ('000000481212_908', 13213)
