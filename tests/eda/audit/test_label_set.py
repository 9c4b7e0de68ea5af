from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_ext.data import DataSet
from mmseg_ext.eda.audit import Audit, audit_label_set, read_rules
from mmseg_ext.errors import InputError

WritePng = Callable[..., None]


def checks(result: Audit) -> list[tuple[str, str]]:
    return [(finding.stem, finding.check) for finding in result.findings]


def test_a_sound_set_has_no_findings(write_set: Callable[..., Path]) -> None:
    result = audit_label_set(write_set(train=3, val=2))
    assert result.findings == []
    assert result.summary() == {
        'labels': 'labels',
        'splits': ['train', 'val'],
        'splits_without_masks': [],
        'images': 5,
        'masks': 5,
        'files_with_findings': 0,
        'findings': 0,
        'severities': {'error': 0, 'warning': 0, 'info': 0},
        'checks': {},
    }


def test_unreadable_files_are_findings(write_set: Callable[..., Path], write_png: WritePng) -> None:
    root = write_set(train=8)
    masks, images = root / 'labels/train', root / 'img/train'
    write_png(masks / 'train_0.png', np.zeros((64, 64), np.uint16))
    write_png(masks / 'train_1.png', np.zeros((64, 64, 3), np.uint8))
    whole = (masks / 'train_2.png').read_bytes()
    (masks / 'train_2.png').write_bytes(whole[: len(whole) // 2])
    (masks / 'train_3.png').write_bytes(b'')
    jpeg = cv2.imencode('.jpg', cv2.imread(str(images / 'train_4.png')))[1].tobytes()
    (images / 'train_4.png').unlink()
    (images / 'train_4.jpg').write_bytes(jpeg[: len(jpeg) // 2])
    (images / 'train_5.png').write_bytes((images / 'train_5.png').read_bytes()[:300])
    write_png(masks / 'train_6.png', np.eye(64, 60, dtype=np.uint8))
    result = audit_label_set(root)
    assert [f.stem for f in result.findings if f.check == 'unreadable'] == [f'train_{i}' for i in range(6)]
    messages = {f.stem: f.message for f in result.findings if f.check in ('unreadable', 'size_mismatch')}
    assert messages['train_0'].startswith('labels/train/train_0.png: mask has mode I;16')
    assert 'mode RGB' in messages['train_1']
    assert messages['train_4'].startswith('img/train/train_4.jpg: ')
    assert messages['train_6'] == 'the mask is 60×64 pixels, its image 64×64'
    assert {f.severity for f in result.findings if f.stem in messages and f.stem != 'train_6'} == {'error'}


@pytest.mark.parametrize(('split', 'elsewhere', 'expected'), [
    ('train', False, [('train', '', 2)]),
    ('val', False, [('val', '', 2)]),
    ('val', True, []),  # corrected masks of train alone
    ('test', False, []),  # withheld
    ('pool', False, []),  # to be labelled by a model
])  # fmt: skip
def test_a_split_to_train_on_without_any_masks_is_an_error(
    write_set: Callable[..., Path], split: str, elsewhere: bool, expected: list[tuple[str, str, int]]
) -> None:
    root = write_set(**{split: 2}, more=1)
    masks = root / 'labels' / split
    if elsewhere:
        (root / 'labels_fixed').mkdir()
        masks.rename(root / 'labels_fixed' / split)
    else:
        shutil.rmtree(masks)
    result = audit_label_set(root)
    found = [finding for finding in result.findings if finding.check == 'unlabelled_split']
    assert [(finding.split, finding.stem, finding.value) for finding in found] == expected
    assert result.unlabelled == (split,)
    for finding in found:
        assert (finding.severity, finding.message) == (
            'error', f'img/{split} has 2 images, and no label set has masks for them',
        )  # fmt: skip


def test_the_items_with_findings_are_kept(write_set: Callable[..., Path], write_png: WritePng) -> None:
    root = write_set(train=3)
    write_png(root / 'labels/train/train_1.png', np.zeros((64, 64), np.uint8))
    (root / 'labels/train/train_2.png').unlink()
    (root / 'img/train/notes.txt').write_text('')
    result = audit_label_set(root)
    assert {f.stem for f in result.findings} == {'train_1', 'train_2', 'notes.txt', 'dataset.yaml'}
    assert list(result.items) == [('train', 'train_1'), ('train', 'train_2')]
    assert list(result.items.values()) == DataSet(root.resolve()).items('labels')[1:]


def test_findings_are_ordered_by_split_stem_and_rule(write_set: Callable[..., Path], write_png: WritePng) -> None:
    root = write_set(val=1, train=2)
    mask = np.zeros((64, 64), np.uint8)
    mask[[5, 9, 20, 33, 41, 52], [50, 7, 30, 12, 59, 22]] = 1
    mask[1, 40] = 7
    write_png(root / 'labels/train/train_1.png', mask)
    write_png(root / 'labels/val/val_0.png', np.zeros((64, 64), np.uint8))
    for name in ('a.txt', 'z.txt'):
        (root / 'img/train' / name).write_text('')
    assert checks(audit_label_set(root)) == [
        ('a.txt', 'stray_file'),
        ('train_1', 'invalid_class'),
        ('train_1', 'fragments'),
        ('train_1', 'noise'),
        ('z.txt', 'stray_file'),
        ('dataset.yaml', 'class_absent'),
        ('val_0', 'empty_mask'),
    ]


def test_rules_change_findings(write_set: Callable[..., Path], write_png: WritePng) -> None:
    root = write_set(train=1)
    mask = np.zeros((64, 64), np.uint8)
    mask[10:30, 10:30], mask[5, 50:59] = 1, 1
    write_png(root / 'labels/train/train_0.png', mask)
    off = ('class_absent', 'coarse_polygon', 'staircase', 'straight_edge')
    rules = read_rules(settings=[f'{check}.severity=off' for check in off])
    assert checks(audit_label_set(root, rules=rules)) == [('train_0', 'noise'), ('train_0', 'elongated')]
    other = dict(rules, noise=read_rules(settings=['noise.below=9'])['noise'])
    other['elongated'] = read_rules(settings=['elongated.severity=info'])['elongated']
    assert [(f.check, f.severity) for f in audit_label_set(root, rules=other).findings] == [('elongated', 'info')]


def test_ignored_pixels_are_neither_object_nor_background(write_set: Callable[..., Path], write_png: WritePng) -> None:
    root = write_set(train=2)
    yaml = (root / 'dataset.yaml').read_text()
    (root / 'dataset.yaml').write_text(yaml.replace('255', '9').replace('[9, ', '[255, '))
    for index in range(2):
        path = root / f'labels/train/train_{index}.png'
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        mask[:, :4] = mask[30, 30] = mask[2:4, 50] = 9
        write_png(path, mask)
    assert audit_label_set(root).findings == []
    (root / 'dataset.yaml').write_text(yaml)
    assert checks(audit_label_set(root)) == [('train_0', 'invalid_class'), ('train_1', 'invalid_class')]


def test_overlapping_shapes(write_set: Callable[..., Path]) -> None:
    root = write_set(train=2)
    corners = {'cat': [[0, 0], [30, 30]], 'dog': [[20, 20], [40, 40]]}
    shapes = [{'label': name, 'shape_type': 'rectangle', 'points': points} for name, points in corners.items()]
    (root / 'labelme/train').mkdir(parents=True)
    (root / 'labelme/train/train_0.json').write_text(json.dumps({'shapes': shapes}))
    (root / 'labelme/train/train_1.json').write_text('{')
    result = audit_label_set(root)
    assert checks(result) == [('train_0', 'overlap'), ('train_1', 'unreadable')]
    assert result.findings[0].value == 11 * 11
    assert result.findings[1].message.startswith('labelme/train/train_1.json: ')
    shapes[1]['points'] = [[1, 2]]
    (root / 'labelme/train/train_0.json').write_text(json.dumps({'shapes': shapes}))
    result = audit_label_set(root)
    assert checks(result) == [('train_0', 'unreadable'), ('train_1', 'unreadable')]
    assert 'train_0.json: shape 2 (dog): a rectangle needs 2 points, found 1' in result.findings[0].message


PETS = {
    'fragments': {'16206_4014': 7, '121530_5761': 8, '247301_4455': 6, '308687_3712': 6},
    'noise': {
        '16206_4014': 5, '121530_5761': 4, '246879_5659': 2, '275919_4499': 1, '285257_4973': 1, '307073_1489': 1,
        '308687_3712': 2, '310262_1601': 2, '328760_6588': 1, '474434_3544': 1, '574769_0': 2,
        '26310_3053': 1, '209731_4128': 1,
    },
    'elongated': {'121530_5761': 11.0, '247301_4455': 8.5},
}  # fmt: skip


def padded(name: str) -> str:
    number, _, rest = name.partition('_')
    return f'{number:0>12}_{rest}'


def test_the_reference_report_on_the_pets(shared_data: Path) -> None:
    result = audit_label_set(shared_data / 'pets', 'labels', ['train', 'val'])
    for check, expected in PETS.items():
        found = {f.stem: f.value for f in result.findings if f.check == check}
        assert found == {padded(name): value for name, value in expected.items()}
    pair = [f for f in result.findings if f.check in ('duplicate_image', 'split_leak', 'conflicting_masks')]
    assert [(f.check, f.split, f.stem) for f in pair] == [
        ('duplicate_image', 'train', padded('481212_908_1')),
        ('conflicting_masks', 'train', padded('481212_908_1')),
    ]
    assert pair[0].message == f'the same pixels as train/{padded("481212_908")}; the masks conflict (IoU 0.00)'
    assert not {'holes', 'empty_mask', 'full_mask', 'invalid_class'} & {f.check for f in result.findings}


def test_the_corrected_pets_are_clean(shared_data: Path) -> None:
    found = {f.check for f in audit_label_set(shared_data / 'pets', 'labels_fixed', ['train', 'val']).findings}
    assert found == {'pinholes', 'straight_edge', 'duplicate_image'}


def test_a_foreign_set_without_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'dataset\.yaml'):
        audit_label_set(tmp_path)
