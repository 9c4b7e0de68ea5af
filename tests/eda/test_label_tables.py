from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.eda.agreement import object_iou, object_iou_of_pairs
from mmseg_ext.eda.audit import audit_label_set
from mmseg_ext.eda.cleaning import clean_label_set
from mmseg_ext.eda.diff import diff_labels
from mmseg_ext.eda.label_tables import (
    agreement_table,
    audit_table,
    cleaning_table,
    findings_table,
    flips_table,
)

PALETTE = [(0, 0, 0), (255, 0, 0), (0, 0, 255)]


@pytest.fixture
def root(write_set: Callable[..., Path]) -> Path:
    """Two masks and their images; in `second` one of them has grown, and one of its cat pixels has become dog."""
    big = np.zeros((40, 40), np.uint8)
    big[10:30, 10:30] = 1  # 400 pixels
    scraps = big.copy()
    scraps[2, 2] = scraps[36, 36] = 1
    rng = np.random.default_rng(0)
    images = {'train': {name: rng.integers(0, 255, (40, 40, 3)) for name in 'ab'}}
    root = write_set({'train': {'a': big, 'b': scraps}}, images)
    grown = big.copy()
    grown[30:35, 10:30] = 1  # 100 pixels more
    grown[10, 10] = 2
    (root / 'second' / 'train').mkdir(parents=True)
    write_mask(root / 'second' / 'train' / 'a.png', grown, PALETTE)
    write_mask(root / 'second' / 'train' / 'b.png', scraps, PALETTE)
    return root


def test_agreement_by_hand(root: Path) -> None:
    diff = diff_labels(root, 'labels', 'second')
    assert {file.stem: object_iou_of_pairs(file.pairs()) for file in diff.files} == {'a': 0.8, 'b': 1.0}  # 400 of 500
    (row,) = agreement_table({'pair': diff}).rows
    assert row[:4] == ['pair', 'train', 2, 1]
    assert row[4] == pytest.approx(100 * 101 / 3200)
    assert row[5:] == [pytest.approx(0.9), 0, 0]
    assert flips_table(diff).texts() == [['background → cat', '100', '99.0'], ['cat → dog', '1', '1.0']]


def test_the_iou_of_objects_leaves_ignored_pixels_out() -> None:
    first = np.array([[0, 1, 1, 2, 255, 0]], np.uint8)
    second = np.array([[1, 0, 1, 1, 1, 255]], np.uint8)
    assert object_iou(first, second) == 2 / 4
    assert object_iou(first, second, background=None) == 1 / 4
    assert object_iou(first, second, ignore_index=7) == 3 / 6
    assert object_iou(first[:, 4:], second[:, 4:]) == 1
    masks = np.random.default_rng(1).integers(0, 3, (2, 40, 40)).astype(np.uint8)
    here, there = masks > 0
    assert object_iou(*masks) == (here & there).sum() / (here | there).sum()


def test_agreement_leaves_ignored_pixels_out(root: Path) -> None:
    ignored = read_mask(root / 'second/train/b.png')
    ignored[:10] = 255  # one scrap, and background
    write_mask(root / 'second/train/b.png', ignored, PALETTE)
    (row,) = agreement_table({'pair': diff_labels(root, 'labels', 'second')}).rows
    assert row[5] == pytest.approx((0.8 + 1) / 2)


def test_audit_and_cleaning_as_tables(root: Path) -> None:
    result = audit_label_set(root, 'labels')
    rows = {row[0]: row for row in audit_table(result).rows}
    assert rows['noise'] == ['noise', 'warning', 1]
    assert sum(row[-1] for row in rows.values()) == len(result.findings)
    assert findings_table(result, ['noise', 'elongated']).rows == [['train', 'b', 2, None]]
    report = clean_label_set(root, 'labels', 'cleaned')
    table = cleaning_table(report)
    assert [tuple(row) for row in table.rows] == report.totals()
    assert table.note == f'{len(report.changed_files())} of 2 masks changed.'
