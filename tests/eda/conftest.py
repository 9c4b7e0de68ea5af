"""Small data sets, written file by file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mmseg_ext.data.masks import write_mask

Masks = Mapping[str, Mapping[str, NDArray[np.uint8]]]
PALETTE = [(0, 0, 0), (255, 0, 0), (0, 0, 255)]


@pytest.fixture
def write_set(tmp_path: Path) -> Callable[..., Path]:
    """Writes a data set of background, cat and dog from split → stem → array, and returns its root."""

    def write(masks: Masks, images: Masks | None = None) -> Path:
        root = tmp_path / 'data'
        root.mkdir(exist_ok=True)
        (root / 'dataset.yaml').write_text(
            'classes: [background, cat, dog]\npalette: [[0, 0, 0], [255, 0, 0], [0, 0, 255]]\nignore_index: 255\n'
        )
        for split, files in masks.items():
            (root / 'labels' / split).mkdir(parents=True, exist_ok=True)
            for stem, mask in files.items():
                write_mask(root / 'labels' / split / f'{stem}.png', np.asarray(mask, np.uint8), PALETTE)
        for split, files in (images or {}).items():
            (root / 'img' / split).mkdir(parents=True, exist_ok=True)
            for stem, image in files.items():
                assert cv2.imwrite(str(root / 'img' / split / f'{stem}.png'), np.asarray(image, np.uint8))
        return root

    return write
