"""Images and masks as other tools write them: each is found for what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_ext.eda.audit import Finding, audit_label_set, read_rules
from mmseg_ext.errors import InputError
from mmseg_ext.reports.audit_page import write_audit_page

WriteSet = Callable[..., Path]


def found(root: Path, check: str) -> list[Finding]:
    return [finding for finding in audit_label_set(root).findings if finding.check == check]


def change_masks(root: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    for path in (root / 'labels').rglob('*.png'):
        cv2.imwrite(str(path), change(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)))


def test_masks_of_0_and_255(write_set: WriteSet) -> None:
    root = write_set(train=2, val=1)
    change_masks(root, lambda mask: np.where(mask > 0, 255, 0).astype(np.uint8))
    findings = found(root, 'values_0_255')
    assert [(finding.stem, finding.severity) for finding in findings] == [
        ('train_0', 'error'), ('train_1', 'error'), ('val_0', 'error'),
    ]  # fmt: skip
    command = f'mmseg-ext remap {root} --labels labels --to labels_remapped --map 0=0 255=1'
    assert findings[0].message.endswith(command)
    cv2.imwrite(str(root / 'labels/train/train_0.png'), np.eye(64, dtype=np.uint8))  # a class: 255 may be meant
    assert [finding.stem for finding in found(root, 'values_0_255')] == ['val_0']


def test_a_palette_in_another_order(write_set: WriteSet, tmp_path: Path) -> None:
    root = write_set(train=2)
    path = root / 'labels/train/train_0.png'
    mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)  # of 0 and 1
    image = Image.fromarray(1 - mask)
    image.putpalette([220, 60, 60, 0, 0, 0])
    image.save(path)
    (finding,) = found(root, 'palette_mismatch')
    assert (finding.stem, finding.severity, finding.value) == ('train_0', 'error', 2)
    assert '0 has the colour of 1 cat, 1 has the colour of 0 background' in finding.message
    assert '--by-palette' in finding.message
    write_audit_page(tmp_path / 'audit.html', audit_label_set(root))
    assert 'palette_mismatch' in (tmp_path / 'audit.html').read_text(encoding='utf-8')
    yaml = (root / 'dataset.yaml').read_text()
    (root / 'dataset.yaml').write_text(''.join(line for line in yaml.splitlines(True) if 'palette' not in line))
    assert found(root, 'palette_mismatch') == []  # without colours of its own, the data set promises none
    for stem, value in (('train_0', 0), ('train_1', 1)):  # but its masks have to agree
        image = Image.fromarray(np.eye(64, dtype=np.uint8) * 2 if value else mask)
        image.putpalette([9, 9, 9, 8, 8, 8, 7, 7, 7] if value else [9, 9, 9, 7, 7, 7])
        image.save(root / 'labels/train' / f'{stem}.png')
    (finding,) = found(root, 'palette_mismatch')
    assert (finding.stem, finding.value) == ('train_1', 1)
    assert '2 has the colour of 1 in most masks' in finding.message


def test_masks_that_are_ignored_everywhere_and_absent_classes(write_set: WriteSet, tmp_path: Path) -> None:
    root = write_set(train=2, val=1)
    cv2.imwrite(str(root / 'labels/train/train_1.png'), np.full((64, 64), 255, np.uint8))
    (finding,) = found(root, 'ignored_everywhere')
    assert (finding.stem, finding.severity) == ('train_1', 'error')
    assert found(root, 'empty_mask') == []
    absent = [(finding.split, finding.stem, finding.value) for finding in found(root, 'class_absent')]
    assert absent == [('train', 'dataset.yaml', 1), ('val', 'dataset.yaml', 1)]
    write_audit_page(tmp_path / 'audit.html', audit_label_set(root))
    assert 'no mask of val shows dog (class 2)' in (tmp_path / 'audit.html').read_text(encoding='utf-8')
    names = ['background', 'cat', *(f'c{value}' for value in range(2, 20))]
    (root / 'dataset.yaml').write_text(f'classes: {names}\n')
    (finding, _) = found(root, 'class_absent')  # one a split
    assert finding.value == 18
    assert finding.message.endswith(', c11 (class 11) and 8 more classes')


@pytest.mark.parametrize('orientation', range(1, 9))
def test_every_orientation_but_1_is_named(orientation: int, write_set: WriteSet) -> None:
    root = write_set(train=2)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for folder in ('img', 'labels'):
        path = root / folder / 'train/train_0.png'
        with Image.open(path) as image:
            image.resize((64, 40), Image.Resampling.NEAREST).save(path, **({'exif': exif} if folder == 'img' else {}))
    findings = found(root, 'exif_orientation')
    assert [(finding.stem, finding.value) for finding in findings] == (
        [] if orientation == 1 else [('train_0', orientation)]
    )
    assert [finding.severity for finding in findings] == ['warning'][: len(findings)]
    assert (len(found(root, 'size_mismatch')) == 1) == (orientation >= 5)  # the mask lies on the stored pixels
    assert ('has the size of the stored pixels' in str(findings)) == (orientation >= 5)


def test_12_bits_in_16_are_near_black(write_set: WriteSet) -> None:
    root = write_set(train=2)
    path = root / 'img/train/train_0.png'
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).astype(np.uint16)
    cv2.imwrite(str(path), grey * 16)
    (finding,) = found(root, 'near_black')
    assert (finding.stem, finding.severity) == ('train_0', 'warning')
    assert finding.value is not None
    assert finding.value <= 16
    night = (grey // 20).astype(np.uint8)
    night[:8] = 200  # a lamp
    cv2.imwrite(str(path), night)
    assert found(root, 'near_black') == []


def test_a_jpeg_that_is_damaged_in_its_middle_is_named(write_set: WriteSet) -> None:
    root = write_set(train=3)
    for number, damage in enumerate(('', 'gap', 'cut')):
        path = root / f'img/train/train_{number}.png'
        pixels = cv2.imread(str(path))
        path.unlink()
        data = cv2.imencode('.jpg', cv2.GaussianBlur(pixels, (0, 0), 3))[1].tobytes()
        half = len(data) // 2
        content = {'': data, 'gap': data[:half] + data[half + len(data) // 4 :], 'cut': data[:half] + data[-2:]}
        path.with_suffix('.jpg').write_bytes(content[damage])
    findings = found(root, 'damaged_image')
    assert [(finding.stem, finding.severity) for finding in findings] == [
        ('train_1', 'warning'),
        ('train_2', 'warning'),
    ]
    assert 'Corrupt JPEG data: premature end of data segment: part of the image may be grey' in findings[1].message
    assert found(root, 'unreadable') == []


def test_what_is_not_read_is_named(write_set: WriteSet) -> None:
    root = write_set(train=2)
    masks, images = root / 'labels/train', root / 'img/train'
    (masks / 'train_0.tif').write_bytes(b'')
    (masks / 'train_1.jpg').write_bytes(b'')
    (images / 'more').mkdir()
    (images / 'more/a.jpg').write_bytes(b'')
    (images / 'b.heic').write_bytes(b'')
    (images / 'notes.txt').write_text('')
    problems = {finding.stem: finding.check for finding in audit_label_set(root).findings}
    problems.pop('dataset.yaml', None)
    assert problems == {
        'train_0.tif': 'unread_format', 'train_1.jpg': 'unread_format', 'b.heic': 'unread_format',
        'more': 'nested_folder', 'notes.txt': 'stray_file',
    }  # fmt: skip


@pytest.mark.parametrize('folder', ['img/train', 'img'])
def test_a_folder_where_nothing_is_read_says_what_it_holds(folder: str, tmp_path: Path) -> None:
    (tmp_path / 'dataset.yaml').write_text('classes: [background, cat]\n')
    for name in (folder, 'labels'):
        (tmp_path / name).mkdir(parents=True)
    for name in ('a.heic', 'b.heic'):
        (tmp_path / folder / name).write_bytes(b'')
    with pytest.raises(InputError, match=f'{folder}: holds no (image|split); it holds 2 .heic; '):
        audit_label_set(tmp_path)


def box(label: str, left: int, top: int, right: int, bottom: int) -> dict[str, object]:
    return {'label': label, 'shape_type': 'rectangle', 'points': [[left, top], [right, bottom]]}


def test_a_small_shape_under_a_large_one(write_set: WriteSet) -> None:
    small, large = box('cat', 10, 10, 19, 19), box('dog', 0, 0, 39, 39)
    root = write_set(train=1)
    (root / 'labelme/train').mkdir(parents=True)
    (root / 'labelme/train/train_0.json').write_text(json.dumps({'shapes': [small, large]}))
    (finding,) = found(root, 'covered_shape')
    assert finding.severity == 'warning'


def test_without_a_background_only_checks_of_classes_apply(write_set: WriteSet) -> None:
    root = write_set(train=2)
    yaml = (root / 'dataset.yaml').read_text()
    (root / 'dataset.yaml').write_text(f'{yaml}background: null\n')
    full = np.ones((64, 64), np.uint8)  # all one class, with a hole, a gap at the border and a scrap of class 0
    full[:, :2], full[20:40, 20:40], full[50, 50] = 2, 2, 0
    cv2.imwrite(str(root / 'labels/train/train_0.png'), full)
    assert [(f.stem, f.check) for f in audit_label_set(root).findings] == [
        ('train_0', 'tiny_object'),
        ('train_0', 'noise'),
    ]
    assert {finding.value for finding in found(root, 'noise')} == {1}


def test_a_bomb_costs_only_itself(write_set: WriteSet, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_set(train=3)
    cv2.imwrite(str(root / 'img/train/train_0.png'), np.zeros((65, 64, 3), np.uint8))
    cv2.imwrite(str(root / 'labels/train/train_1.png'), np.zeros((65, 64), np.uint8))
    monkeypatch.setenv('MMSEG_EXT_MAX_PIXELS', '4096')
    rules = read_rules(settings=['class_absent.severity=off'])
    findings = audit_label_set(root, rules=rules).findings
    assert [(finding.stem, finding.check) for finding in findings] == [
        ('train_0', 'unreadable'),
        ('train_1', 'unreadable'),
    ]
    assert all('has 64×65 pixels, more than 4,096' in finding.message for finding in findings)
