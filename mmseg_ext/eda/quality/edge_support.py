"""How well an outline follows the edges of the photograph.

Where a mask and a model disagree, one of their outlines runs through an object and the other along its rim. The
photograph tells which: the rim of an object is nearly always an edge in it, the inside seldom.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Binary = NDArray[np.bool_]

SMOOTHING = 1.0  # standard deviation in pixels of the blur before the gradient, against noise
TOLERANCE = 2  # pixels by which a hand-drawn outline may miss the edge that it means


def edge_support(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Where the edges of a photograph are, comparable between dull and colourful photographs.

    The colour gradient (in L*a*b*, largest within `TOLERANCE`) of each pixel is replaced by its rank in the photograph.

    Args:
        image: Shape (H, W, 3), RGB, 0–255.

    Returns:
        Shape (H, W), from -1, the dullest place, to 1, the strongest edge. The mean over the photograph is 0, so that
        an outline drawn anywhere has a mean of about 0; equal gradients share their mean rank.
    """
    lab = cv2.GaussianBlur(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), (0, 0), SMOOTHING)
    gradient = np.sqrt(sum(np.square(cv2.Sobel(lab, cv2.CV_32F, *axis)).sum(axis=2) for axis in ((1, 0), (0, 1))))
    strength = np.round(cv2.dilate(gradient, _square(TOLERANCE)), 2)  # a flat place is flat but for rounding errors
    _, place, count = np.unique(strength, return_inverse=True, return_counts=True)
    share_below = (np.cumsum(count) - count / 2) / strength.size
    return (2 * share_below[place.reshape(strength.shape)] - 1).astype(np.float32)


def outline(binary: Binary) -> Binary:
    """The outermost pixels of the regions of a map. The rim of the photograph is no outline."""
    return binary & (cv2.erode(binary.astype(np.uint8), _square(1), borderType=cv2.BORDER_REPLICATE) == 0)


def near(binary: Binary) -> Binary:
    """Where a pixel of a map is at most `TOLERANCE` rows and columns away."""
    return cv2.dilate(binary.astype(np.uint8), _square(TOLERANCE)).astype(bool)


def _square(distance: int) -> NDArray[np.uint8]:
    return np.ones((2 * distance + 1, 2 * distance + 1), np.uint8)
