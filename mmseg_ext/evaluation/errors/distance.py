"""Exact distances: the same numbers in every run."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def distance_to(there: NDArray[Any]) -> NDArray[np.float64]:
    """How far each pixel is from the nearest pixel of a map, between centres; infinite where the map is empty.

    OpenCV's distances vary in their last bit with the place of the array in memory. Their squares are whole numbers, so
    rounding these makes the distances exact, up to some 1,400 px.

    Args:
        there: Shape (H, W); non-zero pixels belong to the map.
    """
    away = np.asarray(there) == 0
    if away.all():
        return np.full(away.shape, np.inf)
    rough = cv2.distanceTransform(away.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float64)
    exact: NDArray[np.float64] = np.sqrt(np.rint(rough * rough))
    return exact
