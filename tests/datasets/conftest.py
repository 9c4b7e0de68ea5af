"""Tiny data sets on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Sample = tuple[NDArray[np.uint8], NDArray[np.uint8]]

YAML = """
classes: [background, one, two]
palette: [[0, 0, 0], [10, 20, 30], [250, 240, 230]]
ignore_index: 9
"""


def make_sample(seed: int, height: int = 6, width: int = 8) -> Sample:
    """An RGB image (H, W, 3) and a mask (H, W) of the ids 0, 1, 2 and 9 (ignored)."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return image, rng.choice(np.array([0, 1, 2, 9], np.uint8), (height, width))


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., Path]:
    """Makes ``tmp_path/data`` with so many samples (``s0``, ``s1``, …) and returns the folder."""

    def make(count: int = 3, split: str = 'train', yaml: str | None = YAML, labels: str = 'labels') -> Path:
        root = tmp_path / 'data'
        for folder in ('img', labels):
            (root / folder / split).mkdir(parents=True, exist_ok=True)
        if yaml is not None:
            (root / 'dataset.yaml').write_text(yaml)
        for index in range(count):
            image, mask = make_sample(index, height=6 + index)  # sizes differ, as photographs do
            Image.fromarray(image).save(root / 'img' / split / f's{index}.png')
            Image.fromarray(mask).save(root / labels / split / f's{index}.png')
        return root

    return make
