"""The rule on outlines that were drawn on a coarser grid."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.cleaning.geometry import Map, neighbours
from mmseg_ext.eda.cleaning.thresholds import Thresholds

MIN_LINES = 4.5  # borders on fewer rows or columns than this lie on some grid by chance: two rectangles have four
SIGMA = 0.5  # of the squares' side: wider blurs round the steps off further, and thin parts away


def staircase(mask: Mask, known: Map, limits: Thresholds) -> Mask:
    """Round the outline of a mask that was drawn in squares of one size, as by enlarging a small mask.

    Each class map is blurred with a Gaussian about as wide as a square, and each pixel goes to the strongest class.
    """
    step = find_step(mask, known, limits)
    if step is None:
        return mask
    values = np.unique(mask[known])
    maps = [(mask == value).astype(np.float32) for value in values]
    blurred = [cv2.GaussianBlur(m, (0, 0), SIGMA * step, borderType=cv2.BORDER_REPLICATE) for m in maps]
    return np.where(known, values[np.argmax(blurred, axis=0)], mask)


def find_step(mask: Mask, known: Map, limits: Thresholds) -> int | None:
    """Side in pixels of the squares that a mask consists of, or None if it does not consist of squares."""
    profiles = []
    for step, axis in (((0, 1), 0), ((1, 0), 1)):
        border = np.not_equal(*neighbours(mask, step)) & np.logical_and(*neighbours(known, step))
        profiles.append(border.sum(axis=axis))
    if any(_lines(profile) < MIN_LINES for profile in profiles):
        return None
    for side in range(int(min(mask.shape) / MIN_LINES), limits.staircase_step - 1, -1):
        if all(_aligned(profile, side) >= limits.staircase_share for profile in profiles):
            return side
    return None


def _lines(profile: NDArray[np.int64]) -> float:
    """How many lines of equal length would hold the border as evenly as these do (the participation ratio)."""
    return float(profile.sum() ** 2 / max((profile**2).sum(), 1))


def _aligned(profile: NDArray[np.int64], side: int) -> float:
    """Share of a border profile that lies on the best grid of this pitch."""
    padded = np.pad(profile, (0, -len(profile) % side))
    return float(padded.reshape(-1, side).sum(axis=0).max()) / float(profile.sum())
