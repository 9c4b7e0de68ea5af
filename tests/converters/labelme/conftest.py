"""A small data set with every difficulty, as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.data.masks import Mask, write_mask

YAML = 'classes: [background, cat, dog]\npalette: [[0, 0, 0], [220, 60, 60], [60, 100, 230]]\nignore_index: 255\n'
PALETTE = ((0, 0, 0), (220, 60, 60), (60, 100, 230))


def hard_mask() -> Mask:
    """A cat with a hole in which a dog stands, a dog that touches it, single pixels, an ignored patch."""
    mask = np.zeros((40, 60), np.uint8)
    mask[5:30, 5:35] = 1
    mask[10:20, 10:25] = 0
    mask[13:16, 13:16] = 2
    mask[20:28, 35:50] = 2
    mask[2, 55] = 1
    mask[33:38, 40:58] = 255
    return mask


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """``data/labels/{train,val}`` with two masks and one, and their images."""
    root = tmp_path / 'data'
    for split, stem in (('train', 'a'), ('train', 'b'), ('val', 'a')):
        (root / 'img' / split).mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (60, 40), (90, 90, 90)).save(root / 'img' / split / f'{stem}.jpg')
        mask = hard_mask() if (split, stem) != ('val', 'a') else np.zeros((40, 60), np.uint8)
        (root / 'labels' / split).mkdir(parents=True, exist_ok=True)
        write_mask(root / 'labels' / split / f'{stem}.png', mask, PALETTE)
    (root / 'dataset.yaml').write_text(YAML)
    return root
