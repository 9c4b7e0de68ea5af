"""Small data sets on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mmseg_ext.data import Classes, write_image, write_mask

Arrays = Mapping[str, Mapping[str, NDArray[np.uint8]]]
CLASSES = Classes(('background', 'cat', 'dog'), ((0, 0, 0), (255, 0, 0), (0, 0, 255)))


@pytest.fixture
def write_set(tmp_path: Path) -> Callable[..., Path]:
    """Writes a data set of background, cat and dog from split → stem → array, and returns its root."""

    def write(masks: Arrays, images: Arrays | None = None) -> Path:
        root = tmp_path / 'data'
        root.mkdir(exist_ok=True)
        CLASSES.write(root)
        for split, files in masks.items():
            (root / 'labels' / split).mkdir(parents=True, exist_ok=True)
            for stem, mask in files.items():
                write_mask(root / 'labels' / split / f'{stem}.png', np.asarray(mask, np.uint8), CLASSES.palette)
        for split, files in (images or {}).items():
            (root / 'img' / split).mkdir(parents=True, exist_ok=True)
            for stem, image in files.items():
                write_image(root / 'img' / split / f'{stem}.png', np.asarray(Image.fromarray(image).convert('RGB')))
        return root

    return write
