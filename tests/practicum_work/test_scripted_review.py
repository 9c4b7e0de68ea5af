from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_ext.data import read_mask, write_mask

SCRIPT = Path(__file__).resolve().parents[2] / 'practicum_work' / 'scripted_review.py'
spec = importlib.util.spec_from_file_location('scripted_review', SCRIPT)
assert spec is not None
assert spec.loader is not None
sys.modules['scripted_review'] = scripted_review = importlib.util.module_from_spec(spec)
spec.loader.exec_module(scripted_review)

PALETTE = [(0, 0, 0), (255, 0, 0)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A red square on grey; ``b`` has half of its mask, ``c`` a strip of it, and the models draw all of ``b`` only."""
    root, true = tmp_path / 'data', np.zeros((64, 64), np.uint8)
    true[20:40, 16:44] = 1
    (root / 'img' / 'train').mkdir(parents=True)
    (root / 'dataset.yaml').write_text('classes: [background, cat]\npalette: [[0,0,0],[255,0,0]]\n')
    masks = {'a': true, 'b': true * (np.arange(64) < 30), 'c': true * (np.arange(64) < 18)}
    suggested = {'a': np.zeros_like(true), 'b': true, 'c': np.zeros_like(true)}
    for stem, mask in masks.items():
        cv2.imwrite(
            str(root / 'img' / 'train' / f'{stem}.png'), np.where(true[..., None] > 0, (40, 40, 200), (128,) * 3)
        )
        write_mask(root / 'labels' / 'train' / f'{stem}.png', mask.astype(np.uint8), PALETTE)
        write_mask(root / 'labels_fixed' / 'train' / f'{stem}.png', true, PALETTE)
        write_mask(tmp_path / 'ranking' / 'suggestions' / 'train' / f'{stem}.png', suggested[stem], PALETTE)
    rows = [{'rank': rank, 'stem': stem} for rank, stem in enumerate('bca', 1)]
    content = {'settings': {'labels': 'labels', 'split': 'train'}, 'rows': rows}
    (tmp_path / 'ranking' / 'ranking.json').write_text(json.dumps(content))
    return root


def test_the_nearer_mask_is_taken_and_boxes_are_snapped(data: Path, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    assert scripted_review.main([str(data), str(tmp_path / 'ranking'), '--top', '2', '--out', str(out)]) == 0
    figures = json.loads((out / 'figures.json').read_text())
    assert (figures['masks'], figures['wrong']) == (3, 2)
    assert figures['mean_iou'] == pytest.approx((1 + 0.5 + 2 / 28) / 3, abs=1e-4)
    assert figures['suggestions']['of_those_looked_at'] == pytest.approx(
        [(0.5 + 2 / 28) / 2, (1 + 2 / 28) / 2], abs=1e-4
    )
    assert figures['boxes']['of_the_wrong'][1] > 0.98
    lines = [json.loads(line) for line in (out / 'suggestions.review.jsonl').read_text().splitlines()]
    assert [(line['stem'], line['decision']) for line in lines] == [('b', 'accept'), ('c', 'keep')]
    assert not (data / 'suggestions').exists()  # the data set itself is not changed
    assert (read_mask(data / 'labels' / 'train' / 'b.png') > 0).sum() == 20 * 14
