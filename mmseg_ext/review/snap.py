"""Refinement of a painted region to the edges of the photograph.

GrabCut: Rother, Kolmogorov and Blake, "GrabCut: interactive foreground extraction using iterated graph cuts",
SIGGRAPH 2004; the implementation is OpenCV's.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_SIDE = 512  # pixels: a larger region is refined on a smaller copy of its surroundings, so that it takes a second
BAND = 0.06  # of the root of the region's area: how far the region may grow
MARGIN = 0.35  # of the region's longer side: the surroundings that background is learnt from
ITERATIONS = 5


def snap_region(image: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Refine a region by GrabCut; it may shrink to any part of itself, and grow by a narrow band.

    Args:
        image: RGB, shape (H, W, 3), uint8.
        region: Shape (H, W), bool.

    Returns:
        Shape (H, W), bool: the refined region without parts that do not touch the given one; the given one where
        GrabCut finds nothing, or has no background to learn from.

    >>> image = np.full((60, 60, 3), 200, np.uint8)
    >>> image[20:40, 25:45] = (180, 40, 30)
    >>> box = np.zeros((60, 60), bool)
    >>> box[15:44, 21:49] = True
    >>> bool((snap_region(image, box) == (image[..., 1] == 40)).all())
    True
    """
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    if not len(rows):
        return region
    height, width = region.shape
    pad = 2 + round(MARGIN * max(rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1))
    top, bottom = max(0, rows[0] - pad), min(height, rows[-1] + 1 + pad)
    left, right = max(0, columns[0] - pad), min(width, columns[-1] + 1 + pad)
    part = np.ascontiguousarray(image[top:bottom, left:right, ::-1])
    given = region[top:bottom, left:right].astype(np.uint8)
    factor = min(1.0, MAX_SIDE / max(given.shape))
    size = max(1, round(given.shape[1] * factor)), max(1, round(given.shape[0] * factor))
    small = given
    if factor < 1:
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        small = (cv2.resize(given * np.uint8(255), size, interpolation=cv2.INTER_AREA) >= 128).astype(np.uint8)
    band = max(1, round(BAND * float(np.sqrt(small.sum()))))
    near = cv2.dilate(small, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * band + 1, 2 * band + 1)))
    trimap = np.where(small > 0, cv2.GC_PR_FGD, np.where(near > 0, cv2.GC_PR_BGD, cv2.GC_BGD)).astype(np.uint8)
    if not (small.any() and (trimap == cv2.GC_BGD).any()):
        return region
    cv2.setRNGSeed(0)  # its k-means starts at random
    try:
        cv2.grabCut(part, trimap, None, np.zeros((1, 65)), np.zeros((1, 65)), ITERATIONS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few pixels to learn colours from
        return region
    found = ((trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)).astype(np.uint8)
    _, parts = cv2.connectedComponents(found, connectivity=8)
    found = np.where(np.isin(parts, np.unique(parts[(small > 0) & (found > 0)])), found, 0).astype(np.uint8)
    if not found.any():
        return region
    if factor < 1:
        whole = cv2.resize(found * np.uint8(255), given.shape[::-1], interpolation=cv2.INTER_LINEAR)
        found = (whole >= 128).astype(np.uint8)
    refined = np.zeros_like(region)
    refined[top:bottom, left:right] = found > 0
    return refined
