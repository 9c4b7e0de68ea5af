"""A tiny data set written file by file, so that every file can be wrong in its own way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

YAML = 'classes: [background, cat, dog]\npalette: [[0, 0, 0], [220, 60, 60], [60, 100, 230]]\nignore_index: 255\n'
WriteSet = Callable[..., Path]


def make_image(seed: int, size: int = 64) -> NDArray[np.uint8]:
    """An image unlike that of any other seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)
    return cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def blob(seed: int, size: int = 64) -> NDArray[np.uint8]:
    """A mask that no check objects to."""
    mask = np.zeros((size, size), np.uint8)
    cv2.circle(mask, (28 + seed % 8, 30), 14, 1 + seed % 2, cv2.FILLED)
    return mask


def write_png(path: Path, array: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode('.png', array)[1].tobytes())


@pytest.fixture(name='make_image')
def make_image_() -> Callable[..., NDArray[np.uint8]]:
    return make_image


@pytest.fixture(name='write_png')
def write_png_() -> Callable[..., None]:
    return write_png


@pytest.fixture
def write_set(tmp_path: Path) -> WriteSet:
    """Writes ``{split: number of pairs}``; the stems are ``<split>_0`` and so on."""

    def write(**splits: int) -> Path:
        root = tmp_path / 'set'
        root.mkdir()
        (root / 'dataset.yaml').write_text(YAML)
        seed = 0
        for split, number in splits.items():
            for index in range(number):
                write_png(root / 'img' / split / f'{split}_{index}.png', make_image(seed))
                write_png(root / 'labels' / split / f'{split}_{index}.png', blob(seed))
                seed += 1
        return root

    return write
