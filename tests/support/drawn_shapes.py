"""Drawn data set of five classes and images of mixed sizes, one class in 5 % of them; no test tunes anything on it.

``python tests/support/drawn_shapes.py FOLDER --side 256`` writes it: 80 images in train and val, and 40 in test.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

NAMES = ('background', 'disc', 'box', 'triangle', 'ring', 'cross')
PALETTE = ((0, 0, 0), (220, 60, 60), (60, 100, 230), (60, 200, 120), (230, 190, 60), (170, 80, 210))
RARE = 5  # the cross
RARE_EVERY = 20


def draw_image(rng: np.random.Generator, side: int, rare: bool) -> tuple[np.ndarray, np.ndarray]:
    """Draw (image, mask): textured background, two to four shapes whose colours do not tell the class."""
    width, height = (round(side * rng.uniform(0.7, 1.3)) for _ in range(2))
    base = rng.uniform(60, 190, 3)
    noise = cv2.resize(rng.normal(0, 25, (8, 8, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
    image = base + noise
    mask = np.zeros((height, width), np.uint8)
    classes = [*rng.choice(np.arange(1, RARE), rng.integers(2, 4), replace=False).tolist(), *([RARE] * rare)]
    for index in classes:
        radius = side * rng.uniform(0.08, 0.2)
        x, y = rng.uniform(radius, width - radius), rng.uniform(radius, height - radius)
        shape = np.zeros((height, width), np.uint8)
        _draw(shape, NAMES[index], x, y, radius, rng.uniform(0, 2 * np.pi))
        colour = base + rng.choice([-1, 1]) * rng.uniform(45, 80, 3)
        image[shape > 0] = colour
        mask[shape > 0] = index
    image = cv2.GaussianBlur(image, (0, 0), max(0.5, side / 300)) + rng.normal(0, 6, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8), mask


def _draw(shape: np.ndarray, name: str, x: float, y: float, radius: float, angle: float) -> None:
    centre = (round(x), round(y))
    if name in ('disc', 'ring'):
        cv2.circle(shape, centre, round(radius), 1, -1)
        if name == 'ring':
            cv2.circle(shape, centre, round(radius * 0.55), 0, -1)
        return
    if name == 'cross':
        for turn in (0, np.pi / 2):
            _polygon(shape, x, y, radius, angle + turn + np.array([-0.3, 0.3, np.pi - 0.3, np.pi + 0.3]))
        return
    corners = {'box': 4, 'triangle': 3}[name]
    _polygon(shape, x, y, radius, angle + np.arange(corners) * 2 * np.pi / corners)


def _polygon(shape: np.ndarray, x: float, y: float, radius: float, angles: np.ndarray) -> None:
    points = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
    cv2.fillPoly(shape, [np.rint(points).astype(np.int32)], 1)


def make_drawn_shapes(
    root: Path, side: int = 256, train: int = 60, val: int = 20, test: int = 0, seed: int = 0
) -> Path:
    """Write the data set; every 20th image, and one of val and of test at least, shows the rare class."""
    from mmseg_ext.data import Classes, write_image, write_mask

    rng = np.random.default_rng(seed)
    for split, count in (('train', train), ('val', val), ('test', test)):
        for index in range(count):
            image, mask = draw_image(rng, side, rare=index % RARE_EVERY == 0)
            write_image(root / 'img' / split / f'{split}{index:03d}.png', image)
            write_mask(root / 'labels' / split / f'{split}{index:03d}.png', mask, PALETTE)
    Classes(NAMES, PALETTE).write(root)
    return root


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--side', type=int, default=256)
    arguments = parser.parse_args()
    make_drawn_shapes(arguments.folder, arguments.side, test=40)
