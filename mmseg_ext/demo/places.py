"""Places: one ground seen from above, or a floor that runs up to a wall or a hedge."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mmseg_ext.demo.grounds import FLOORS, Ground, hedge, wall

OUTDOORS = ('grass', 'gravel')


@dataclass(frozen=True)
class Place:
    """Where a scene is set.

    Attributes:
        ground: RGB values, shape (S, S, 3), float32.
        horizon: Row where the floor begins, as a share of the picture's height; 0 where there is nothing but floor.
        outdoors: Whether grass may grow there.
    """

    ground: Ground
    horizon: float
    outdoors: bool


def draw_place(rng: np.random.Generator, size: int) -> Place:
    """A place by chance: one surface seen from above, or a floor before a wall or hedge."""
    names = list(FLOORS)
    name = names[int(rng.integers(len(names)))]
    outdoors = name in OUTDOORS
    floor = FLOORS[name](rng, size)
    if rng.random() < 0.5:
        return Place(floor, 0.0, outdoors)
    horizon = float(rng.uniform(0.18, 0.48))
    back = hedge(rng, size) if outdoors else wall(rng, size)
    return Place(_before(rng, floor, back, size * horizon), horizon, outdoors)


def _before(rng: np.random.Generator, floor: Ground, back: Ground, line: float) -> Ground:
    """The floor in perspective, from the row ``line`` down, before a wall."""
    size = floor.shape[0]
    spread = size * rng.uniform(0.2, 0.5)
    source = np.array([(0, 0), (size, 0), (size, size), (0, size)], np.float32)
    target = np.array([(0, line), (size, line), (size + spread, size), (-spread, size)], np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    ground = cv2.warpPerspective(floor, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    cut = round(line)
    ground[:cut] = back[:cut]
    rim = np.exp(-((np.arange(size, dtype=np.float32) - cut) ** 2) / (0.0004 * size**2))
    return np.asarray(ground * (1 - 0.35 * rim)[:, None, None], np.float32)
