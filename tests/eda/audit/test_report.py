from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mmseg_ext.eda.audit import (
    audit_label_set,
    checks_table,
    findings_table,
    write_audit_json,
    write_findings_csv,
)

WritePng = Callable[..., None]


def test_reports(write_set: Callable[..., Path], write_png: WritePng, tmp_path: Path) -> None:
    root = write_set(train=3)
    write_png(root / 'labels/train/train_1.png', np.full((64, 64), 2, np.uint8))
    mask = cv2.imread(str(root / 'labels/train/train_2.png'), cv2.IMREAD_UNCHANGED)
    mask[1, 1] = mask[60, 60] = 1
    write_png(root / 'labels/train/train_2.png', mask)
    result = audit_label_set(root)
    write_audit_json(tmp_path / 'a.json', result)
    write_findings_csv(tmp_path / 'a.csv', result)
    content = json.loads((tmp_path / 'a.json').read_text())
    assert content['summary']['checks'] == {'full_mask': 1, 'noise': 1}
    assert content['summary']['files_with_findings'] == 2
    assert content['findings'] == [
        {'check': 'full_mask', 'severity': 'warning', 'split': 'train', 'stem': 'train_1', 'value': None,
         'message': 'the mask holds no background', 'boxes': []},
        {'check': 'noise', 'severity': 'warning', 'split': 'train', 'stem': 'train_2', 'value': 2.0,
         'message': '2 regions below 10 px', 'boxes': [[1, 1, 1, 1], [60, 60, 1, 1]]},
    ]  # fmt: skip
    with (tmp_path / 'a.csv').open(newline='') as stream:
        rows = list(csv.DictReader(stream))
    assert rows == [
        {k: '' if v is None else str(v) for k, v in row.items() if k != 'boxes'} for row in content['findings']
    ]
    assert checks_table(result).row_count == 2
    table = findings_table(result, most=1)
    assert table.row_count == 1
    assert '1 more' in str(table.caption)
