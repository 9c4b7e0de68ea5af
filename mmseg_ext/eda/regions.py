"""Regions: the connected components of a mask, 8-connected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Regions:
    """The regions of a binary map, numbered from 1 in the order of their first pixel.

    Attributes:
        labels: Shape (H, W), int32: the number of the region at each pixel, 0 outside.
        areas: Shape (K,), pixels of each region.
        boxes: Shape (K, 4), bounding boxes as left, top, width, height.
    """

    labels: NDArray[np.int32]
    areas: NDArray[np.int32]
    boxes: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.areas)


def find_regions(binary: NDArray[Any]) -> Regions:
    """Find the 8-connected regions of the non-zero pixels of a map of shape (H, W), bool or uint8.

    >>> regions = find_regions(np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]))
    >>> regions.areas.tolist(), regions.boxes.tolist()
    ([1, 2], [[2, 0, 1, 1], [0, 1, 2, 2]])
    >>> regions.labels.tolist()
    [[0, 0, 1], [2, 0, 0], [0, 2, 0]]
    """
    foreground = np.asarray(binary, np.uint8)
    left, top, width, height = cv2.boundingRect(foreground)
    labels = np.zeros(foreground.shape, np.int32)
    if not width:
        return Regions(labels, np.zeros(0, np.int32), np.zeros((0, 4), np.int32))
    inside = np.s_[top : top + height, left : left + width]  # labelling is slow: only the part that needs it
    # The default algorithm looks at blocks of 2×2 pixels and numbers by block; this one goes pixel by pixel.
    _, labels[inside], stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(
        foreground[inside], 8, cv2.CV_32S, cv2.CCL_SAUF
    )
    boxes = stats[1:, : cv2.CC_STAT_AREA] + np.array([left, top, 0, 0], np.int32)
    return Regions(labels, stats[1:, cv2.CC_STAT_AREA], boxes)


def regions_on(binary: NDArray[np.bool_], other: NDArray[np.bool_], share: float = 0.0) -> NDArray[np.bool_]:
    """Keep the regions of a map that another map covers by more than a share of their area.

    Args:
        binary: Shape (H, W), whose regions are meant.
        other: Shape (H, W).
        share: 0–1; with 0, one common pixel is enough.

    Returns:
        Shape (H, W).

    >>> binary = np.array([[1, 1, 0, 1]], bool)
    >>> regions_on(binary, np.array([[1, 0, 0, 0]], bool)).tolist()
    [[True, True, False, False]]
    """
    regions = find_regions(binary)
    covered = np.bincount(regions.labels[other], minlength=len(regions) + 1)[1:]
    return np.append(False, covered > share * regions.areas)[regions.labels]
