"""Edge support: how well an outline follows the edges of the image.

Where a mask and a model disagree, one of their outlines runs through an object and the other along its rim. The image
tells which: the rim of an object is nearly always an edge in it, the inside seldom.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Binary = NDArray[np.bool_]

BLUR_SIGMA_PX = 1.0  # of the Gaussian before the gradient, against noise
TOLERANCE_PX = 2  # by which a hand-drawn outline may miss its edge


def edge_support(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Measure the strength of edges, comparable between dull and colourful images.

    The colour gradient (in L*a*b*, largest within `TOLERANCE_PX`) of each pixel is replaced by its rank in the image.

    Args:
        image: Shape (H, W, 3), RGB, 0–255.

    Returns:
        Shape (H, W), from -1, the weakest gradient, to 1, the strongest. The mean over the image is 0, so that an
        outline drawn anywhere has a mean of about 0; equal gradients share their mean rank.
    """
    lab = cv2.GaussianBlur(cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), (0, 0), BLUR_SIGMA_PX)
    gradient = np.sqrt(sum(np.square(cv2.Sobel(lab, cv2.CV_32F, *axis)).sum(axis=2) for axis in ((1, 0), (0, 1))))
    strength = np.round(cv2.dilate(gradient, _square(TOLERANCE_PX)), 2)  # rounding errors make no edge
    _, place, count = np.unique(strength, return_inverse=True, return_counts=True)
    share_below = (np.cumsum(count) - count / 2) / strength.size
    return (2 * share_below[place.reshape(strength.shape)] - 1).astype(np.float32)


def outline(binary: Binary) -> Binary:
    """Return the outermost pixels of the regions of a map, shape (H, W). The border of the image is no outline."""
    return binary & (cv2.erode(binary.astype(np.uint8), _square(1), borderType=cv2.BORDER_REPLICATE) == 0)


def near(binary: Binary) -> Binary:
    """Return where a pixel of a map, shape (H, W), is at most `TOLERANCE_PX` rows and columns away."""
    return cv2.dilate(binary.astype(np.uint8), _square(TOLERANCE_PX)).astype(bool)


def _square(distance: int) -> NDArray[np.uint8]:
    return np.ones((2 * distance + 1, 2 * distance + 1), np.uint8)
