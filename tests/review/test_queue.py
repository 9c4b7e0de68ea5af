from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from boxed_cat import PALETTE, suggested

from mmseg_ext.data import DataSet, write_mask
from mmseg_ext.eda.audit import audit_label_set, write_audit_json
from mmseg_ext.eda.diff import diff_json, diff_labels
from mmseg_ext.errors import InputError
from mmseg_ext.files import write_json
from mmseg_ext.review import Entry, read_queue

RANKING = {
    'settings': {'labels': 'labels', 'split': 'train'},
    'score': 'hard_iou',
    'rows': [
        {'rank': 1, 'stem': 'c d', 'hard_iou': 0.25, 'kind': 'wrong class'},
        {'rank': 2, 'stem': 'a', 'hard_iou': 0.9, 'kind': 'none'},
    ],
}
ERRORS = {
    'result': {'folder': 'result', 'split': 'train', 'labels': 'labels'},
    'images': [
        {'stem': 'a', 'object_dice': 90.0, 'causes': {'hole': 3}},
        {'stem': 'bär', 'object_dice': 50.0, 'causes': {'hole': 2, 'missed object': 1000, 'spill-over': 0}},
        {'stem': 'c d', 'object_dice': None, 'causes': {}},
        {'stem': 's', 'object_dice': 80.0, 'causes': {}},
    ],
    'label_suspects': {'found': [{'stem': 's', 'kind': 'missing part', 'agreement': 0.5}]},
}


def test_a_ranking(root: Path) -> None:
    folder = root.parent / 'ranking'
    write_json(folder / 'ranking.json', RANKING)
    queue = read_queue(folder, DataSet(root), 'labels')
    assert queue.entries == (
        Entry('train', 'c d', ('place 1 of 2 in the ranking', 'probably wrong class', 'hard iou 0.250')),
        Entry('train', 'a', ('place 2 of 2 in the ranking', 'hard iou 0.900')),
    )
    assert (queue.labels, queue.suggestions) == ('labels', None)
    (folder / 'suggestions' / 'train').mkdir(parents=True)
    assert read_queue(folder / 'ranking.json', DataSet(root), 'labels').suggestions == folder / 'suggestions' / 'train'


def test_an_audit_with_its_places(root: Path) -> None:
    mask = suggested()
    mask[0, 0] = 1
    write_mask(root / 'labels' / 'train' / 'bär.png', mask, PALETTE)
    (root / 'labels' / 'train' / 'c d.png').write_bytes(b'')
    path = root.parent / 'audit.json'
    write_audit_json(path, audit_label_set(root, 'labels', ['train']))
    queue = read_queue(path, DataSet(root), 'labels')
    assert queue.labels == 'labels'
    assert [entry.stem for entry in queue.entries] == ['bär', 'c d', 'a']  # all have an error; most findings first
    reasons = {entry.stem: ' '.join(entry.reasons) for entry in queue.entries}
    assert 'error: unreadable: ' in reasons['c d']
    assert 'warning: noise: 1 region below 10 px' in reasons['bär']
    assert (0, 0, 1, 1) in queue.entries[0].boxes


def test_an_error_analysis_begins_with_suspected_masks(root: Path) -> None:
    write_json(root.parent / 'errors.json', ERRORS)
    queue = read_queue(root.parent / 'errors.json', DataSet(root), 'labels')
    assert [entry.stem for entry in queue.entries] == ['s', 'bär', 'a', 'c d']
    assert queue.entries[0].reasons == ('suspected: missing part, agreement with the model 0.50', 'object Dice 80.0')
    assert queue.entries[1].reasons == ('object Dice 50.0', 'missed object: 1,000 px', 'hole: 2 px')
    long = {**ERRORS, 'result': {**ERRORS['result'], 'folder': 'a' * 300}}  # longer than a file system allows
    write_json(root.parent / 'errors.json', long)
    assert read_queue(root.parent / 'errors.json', DataSet(root), 'labels').suggestions is None


def test_a_difference_offers_the_second_label_set(root: Path) -> None:
    write_mask(root / 'fixed' / 'train' / 'a.png', suggested(), PALETTE)
    write_json(root.parent / 'diff' / 'diff.json', diff_json(diff_labels(root, 'labels', 'fixed')))
    queue = read_queue(root.parent / 'diff', DataSet(root), 'labels')
    assert [entry.key for entry in queue.entries] == [('train', 'a')]
    assert queue.entries[0].reasons == ('cat → background: 124 px', 'dog → background: 48 px')
    assert (queue.labels, queue.suggestions) == ('labels', root / 'fixed')


def test_a_list_of_stems(root: Path) -> None:
    (root.parent / 'queue.txt').write_text('c d\n\ntrain/bär\n', encoding='utf-8')
    queue = read_queue(root.parent / 'queue.txt', DataSet(root), 'labels')
    assert queue.entries == (Entry('train', 'c d'), Entry('train', 'bär'))


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        ('{"rows": 1', 'cannot be read as JSON'),
        ('{"rows": []}', 'is not a ranking, audit'),
        ('[1]', 'is not a ranking, audit'),
        (json.dumps({**RANKING, 'rows': [{'stem': 3}]}), 'is damaged'),
        (json.dumps({'summary': {}, 'findings': [{'split': 'train', 'stem': 'a'}]}), 'is damaged'),
        (json.dumps({'findings': []}), 'lists no masks'),
    ],
)
def test_what_is_no_queue(root: Path, content: Any, words: str) -> None:
    path = root.parent / 'queue.json'
    path.write_text(content)
    with pytest.raises(InputError, match=words):
        read_queue(path, DataSet(root), 'labels')


def test_a_folder_must_hold_one_result(root: Path) -> None:
    with pytest.raises(InputError, match='holds none of ranking'):
        read_queue(root, DataSet(root), 'labels')
