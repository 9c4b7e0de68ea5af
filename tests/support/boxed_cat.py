"""A photograph of a cat, its mask as a rough box beside a dog that is not there, and the mask that would be right."""

from __future__ import annotations

import numpy as np

PALETTE = [(0, 0, 0), (220, 60, 60), (60, 100, 230)]
STEMS = ('a', 'bär', 'c d')
HEIGHT, WIDTH = 30, 40


def given() -> np.ndarray:
    """A cat that a rough box was drawn around, and a dog."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[6:20, 5:21] = 1
    mask[22:28, 30:38] = 2
    return mask


def suggested() -> np.ndarray:
    """The cat's own shape, and no dog."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[8:18, 8:18] = 1
    return mask


def photograph() -> np.ndarray:
    pixels = np.full((HEIGHT, WIDTH, 3), (210, 205, 200), np.uint8)
    pixels[suggested() == 1] = (170, 40, 30)
    return pixels
