from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_ext.eda.audit import RULES, Finding, audit_label_set, group_near_duplicates, read_rules
from mmseg_ext.eda.audit.duplicates import mask_iou, similarity
from mmseg_ext.eda.audit.image_hash import HASH_BYTES, hash_image
from mmseg_ext.eda.audit.rules import DUPLICATE_CHECKS

Image = np.ndarray
CHANGES: dict[str, Callable[[Image], Image]] = {
    'jpeg': lambda image: cv2.imdecode(cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], 1),
    'half': lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    'larger': lambda image: cv2.resize(image, (100, 90), interpolation=cv2.INTER_CUBIC),
    'darker': lambda image: (image * 0.6).astype(np.uint8),
    'grey': lambda image: cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR),
}


def of_duplicates(findings: list[Finding]) -> list[tuple[str, str, str, float | None]]:
    return [(f.check, f.split, f.stem, f.value) for f in findings if f.check in DUPLICATE_CHECKS]


@pytest.mark.parametrize('change', CHANGES)
def test_a_changed_copy_is_recognized(make_image: Callable[..., Image], change: str, tmp_path: Path) -> None:
    image = make_image(5)
    copy = CHANGES[change](image)
    for name, array in (('a', image), ('b', copy), ('c', make_image(6))):
        cv2.imwrite(str(tmp_path / f'{name}.png'), array)
    bits = np.unpackbits(np.frombuffer(hash_image(image) + hash_image(copy) + hash_image(make_image(6)), np.uint8))
    first, second, other = bits.reshape(3, HASH_BYTES * 8)
    limits = RULES['duplicate_image'].thresholds
    assert np.count_nonzero(first != second) <= limits['distance']
    assert np.count_nonzero(first != other) > limits['distance']
    assert limits['correlation'] <= similarity(tmp_path / 'a.png', tmp_path / 'b.png') < 1
    assert similarity(tmp_path / 'a.png', tmp_path / 'c.png') < limits['correlation']
    assert similarity(tmp_path / 'a.png', tmp_path / 'a.png') == 1


def test_blank_images_are_the_same_only_if_equal(tmp_path: Path) -> None:
    for name, value in (('a', 10), ('b', 10), ('c', 200)):
        cv2.imwrite(str(tmp_path / f'{name}.png'), np.full((20, 20, 3), value, np.uint8))
    assert similarity(tmp_path / 'a.png', tmp_path / 'b.png') == 1
    assert similarity(tmp_path / 'a.png', tmp_path / 'c.png') == 0


def test_mask_iou() -> None:
    a = np.array([[0, 1, 1, 2, 255, 1]], np.uint8)
    b = np.array([[0, 1, 2, 2, 1, 0]], np.uint8)
    assert mask_iou(a, b, 3) == 2 / 4
    assert mask_iou(a, a, 3) == 1
    assert mask_iou(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8), 3) == 1


def test_each_copy_is_reported_with_the_first_file(
    write_set: Callable[..., Path], make_image: Callable[..., Image], write_png: Callable[..., None]
) -> None:
    root = write_set(train=4, val=2)
    first = make_image(1)
    mask = cv2.imread(str(root / 'labels/train/train_1.png'), cv2.IMREAD_UNCHANGED)
    write_png(root / 'img/train/train_3.png', first)  # the same pixels, another class
    write_png(root / 'labels/train/train_3.png', 3 - mask * (mask > 0) - 3 * (mask == 0))
    write_png(root / 'img/val/val_0.png', CHANGES['half'](first))  # a small copy with its own small mask
    write_png(root / 'labels/val/val_0.png', cv2.resize(mask, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_NEAREST))
    result = audit_label_set(root)
    found = of_duplicates(result.findings)
    assert [row[:3] for row in found] == [
        ('duplicate_image', 'train', 'train_3'),
        ('conflicting_masks', 'train', 'train_3'),
        ('split_leak', 'val', 'val_0'),
    ]
    assert [row[3] for row in found[:2]] == [1, 0]
    assert 0.98 < (found[2][3] or 0) < 1
    messages = [f.message for f in result.findings if f.check in DUPLICATE_CHECKS]
    assert messages[0] == 'the same pixels as train/train_1; the masks conflict (IoU 0.00)'
    assert 'nearly the same photograph as train/train_1, in another split; the masks agree' in messages[2]


def test_unreadable_and_missing_masks_do_not_stop_the_comparison(
    write_set: Callable[..., Path], make_image: Callable[..., Image], write_png: Callable[..., None]
) -> None:
    root = write_set(train=5)
    for index in (1, 2, 3):
        write_png(root / f'img/train/train_{index}.png', make_image(0))
    (root / 'labels/train/train_1.png').write_bytes(b'no mask')
    (root / 'labels/train/train_2.png').unlink()
    (root / 'img/train/train_4.png').write_bytes(b'no image')
    found = of_duplicates(audit_label_set(root).findings)
    assert [row[2] for row in found if row[0] == 'duplicate_image'] == ['train_1', 'train_2', 'train_3']


def test_off(write_set: Callable[..., Path], make_image: Callable[..., Image], write_png: Callable[..., None]) -> None:
    root = write_set(train=2)
    write_png(root / 'img/train/train_1.png', make_image(0))
    assert [row[0] for row in of_duplicates(audit_label_set(root).findings)] == ['duplicate_image', 'conflicting_masks']
    rules = read_rules(settings=['duplicate_image.severity=off'])
    assert [row[0] for row in of_duplicates(audit_label_set(root, rules=rules).findings)] == ['conflicting_masks']
    rules = read_rules(settings=[f'{check}.severity=off' for check in DUPLICATE_CHECKS])
    assert audit_label_set(root, rules=rules).findings == []


def test_copies_share_the_first_stem(tmp_path: Path) -> None:
    def make_image(seed: int) -> np.ndarray:
        noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        return cv2.resize(noise, (128, 128), interpolation=cv2.INTER_CUBIC)

    arrays = {'a': make_image(0), 'b': make_image(1), 'c': make_image(0), 'd': make_image(2)}
    arrays['e'] = cv2.resize(arrays['a'], (96, 96), interpolation=cv2.INTER_AREA)
    for stem, array in arrays.items():
        cv2.imwrite(str(tmp_path / f'{stem}.png'), array)
    images = {stem: tmp_path / f'{stem}.png' for stem in arrays}
    assert group_near_duplicates(images) == {'a': 'a', 'c': 'a', 'e': 'a'}
    assert group_near_duplicates({'b': images['b'], 'd': images['d']}) == {}
