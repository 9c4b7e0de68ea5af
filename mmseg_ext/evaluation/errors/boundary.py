"""How well borders fit: Boundary IoU, trimap curve, 95 % Hausdorff distance and normalized surface Dice.

Ignored pixels take the predicted class first, so that they neither err nor make a border of their own, and are then not
counted. Distances are Euclidean, between centres of pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.errors.distance import distance_to

Binary = NDArray[np.bool_]

WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24)  # pixels; of the trimap curve
BOUNDARY_SHARE = 0.02  # of the diagonal: the width that the authors of Boundary IoU chose


@dataclass(frozen=True)
class BorderFit:
    """The borders of one image.

    Attributes:
        boundary: Pixels that both boundary regions share, and that either has, shape (K, 2).
        hd95: Shape (K,), pixels; NaN where truth or prediction lacks the class.
        nsd: Shape (K,), 0–1; 0 where only one of the two has the class, NaN where neither has.
        trimap: Confusion counts of the pixels within each of `WIDTHS` of a true border, shape (W, K, K).
    """

    boundary: NDArray[np.int64]
    hd95: NDArray[np.float64]
    nsd: NDArray[np.float64]
    trimap: NDArray[np.int64]


def fit_borders(
    prediction: Mask,
    truth: Mask,
    num_classes: int,
    *,
    tolerance: float,
    ignore_index: int = 255,
    widths: Sequence[float] = WIDTHS,
) -> BorderFit:
    """Measure the borders of one image.

    Args:
        prediction: Class indices, shape (H, W), uint8.
        truth: The same, or ``ignore_index``.
        num_classes: K.
        tolerance: Of the normalized surface Dice, in pixels.
        ignore_index: Value of the truth that is not judged.
        widths: Of the trimap curve, in pixels.
    """
    valid = truth != ignore_index
    filled = np.where(valid, truth, prediction)
    reach = max(1, round(BOUNDARY_SHARE * math.hypot(*truth.shape)))
    boundary = np.zeros((num_classes, 2), np.int64)
    hd95, nsd = np.full(num_classes, np.nan), np.full(num_classes, np.nan)
    for value in np.union1d(np.unique(filled), np.unique(prediction)):
        true, predicted = filled == value, prediction == value
        regions = [boundary_region(one, reach) & valid for one in (true, predicted)]
        boundary[value] = np.sum(regions[0] & regions[1]), np.sum(regions[0] | regions[1])
        hd95[value], nsd[value] = surface_distances(true, predicted, tolerance)
    distance = border_distance(truth, ignore_index)
    trimap = np.stack([
        confusion_matrix(
            prediction, np.where(distance <= width, truth, ignore_index).astype(np.uint8), num_classes,
            ignore_index,
        )
        for width in widths
    ])  # fmt: skip
    return BorderFit(boundary, hd95, nsd, trimap)


def boundary_region(mask: Binary, reach: float) -> Binary:
    """The pixels of a mask within ``reach`` of a pixel outside it; beyond the image's edge all is outside.

    The region that Boundary IoU compares (Cheng et al. 2021, arXiv 2103.16562), with Euclidean distances.
    """
    padded = np.pad(mask, 1)
    region: Binary = mask & (distance_to(~padded)[1:-1, 1:-1] <= reach)
    return region


def surface(mask: Binary) -> Binary:
    """The pixels of a mask with one of their four neighbours outside it; beyond the image's edge all is outside."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    outline: Binary = mask & (inner == 0)
    return outline


def surface_distances(true: Binary, predicted: Binary, tolerance: float) -> tuple[float, float]:
    """The 95 % Hausdorff distance and the normalized surface Dice of two masks.

    The distances of the pixels of each surface to the nearest one of the other are taken. HD95 is the larger of the two
    95th percentiles (interpolated linearly). NSD is the share of all of them within ``tolerance`` (Nikolov et al. 2021,
    doi 10.2196/26151; here by count of pixels).

    Args:
        true: Shape (H, W).
        predicted: The same shape.
        tolerance: In pixels.

    Returns:
        HD95 in pixels, NaN where a mask is empty, and NSD in 0–1: 0 where one mask is empty, NaN where both are.
    """
    outlines = [surface(true), surface(predicted)]
    if not (outlines[0].any() and outlines[1].any()):
        return math.nan, (0.0 if outlines[0].any() or outlines[1].any() else math.nan)
    distances = []
    for own, other in (outlines, outlines[::-1]):
        distances.append(distance_to(other)[own])
    both = np.concatenate(distances)
    return max(float(np.percentile(one, 95)) for one in distances), float(np.mean(both <= tolerance))


def border_distance(truth: Mask, ignore_index: int = 255) -> NDArray[np.float64]:
    """How far each pixel is from the nearest one of another true class; infinite where there is none, or ignored.

    The edge of the image and ignored pixels are no border.
    """
    valid = truth != ignore_index
    result = np.full(truth.shape, np.inf)
    for value in np.unique(truth[valid]):
        same = truth == value
        result[same] = distance_to(valid & ~same)[same]
    return result
