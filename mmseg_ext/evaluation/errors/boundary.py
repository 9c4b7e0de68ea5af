"""Boundary scores: Boundary IoU, trimap curve, 95 % Hausdorff distance (HD95) and normalized surface Dice (NSD).

Ignored pixels first take the predicted class, so that they are neither errors nor borders, and are then not counted.
Distances are Euclidean, between pixel centres, except in Boundary IoU, which counts them in erosions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.evaluation.confusion import confusion_matrix

Binary = NDArray[np.bool_]

TRIMAP_WIDTHS_PX = (1, 2, 3, 4, 6, 8, 12, 16, 24)
BOUNDARY_SHARE = 0.02  # width of the boundary region as a share of the image diagonal (Cheng et al. 2021)


@dataclass(frozen=True)
class BoundaryScores:
    """Boundary measures of one image.

    Attributes:
        boundary: Intersection and union of the two boundary regions in pixels, shape (K, 2).
        hd95: Shape (K,), pixels; NaN where ground truth or prediction lacks the class.
        nsd: Shape (K,), 0–1; 0 where only one of the two has the class, NaN where neither has.
        trimap: Confusion counts of the pixels within each of `TRIMAP_WIDTHS_PX` of a true border, shape (W, K, K).
    """

    boundary: NDArray[np.int64]
    hd95: NDArray[np.float64]
    nsd: NDArray[np.float64]
    trimap: NDArray[np.int64]


def measure_boundaries(
    prediction: Mask,
    truth: Mask,
    num_classes: int,
    *,
    tolerance: float,
    ignore_index: int = 255,
    widths: Sequence[float] = TRIMAP_WIDTHS_PX,
) -> BoundaryScores:
    """Measure the boundaries of one image.

    Args:
        prediction: Class indices, shape (H, W), uint8.
        truth: The same, or ``ignore_index``.
        num_classes: K.
        tolerance: Tolerance of the normalized surface Dice, in pixels.
        ignore_index: Value of the ground truth that is not counted.
        widths: Widths of the trimap curve, in pixels.
    """
    valid = truth != ignore_index
    filled = np.where(valid, truth, prediction)
    reach = max(1, round(BOUNDARY_SHARE * math.hypot(*truth.shape)))
    boundary = np.zeros((num_classes, 2), np.int64)
    hd95, nsd = np.full(num_classes, np.nan), np.full(num_classes, np.nan)
    for value in np.union1d(np.unique(filled), np.unique(prediction)):
        true, predicted = filled == value, prediction == value
        regions = [boundary_region(mask, reach) & valid for mask in (true, predicted)]
        boundary[value] = np.sum(regions[0] & regions[1]), np.sum(regions[0] | regions[1])
        hd95[value], nsd[value] = surface_distances(true, predicted, tolerance, valid)
    distance = border_distance(truth, ignore_index)
    trimap = np.stack([
        confusion_matrix(
            prediction, np.where(distance <= width, truth, ignore_index).astype(np.uint8), num_classes,
            ignore_index,
        )
        for width in widths
    ])  # fmt: skip
    return BoundaryScores(boundary, hd95, nsd, trimap)


def boundary_region(mask: Binary, reach: int) -> Binary:
    """Return the pixels of a mask that ``reach`` erosions by a 3×3 square remove; beyond the image is outside the mask.

    Boundary IoU is the intersection over the union of the regions of ground truth and prediction (Cheng et al. 2021,
    arXiv 2103.16562). The paper says "within distance d of the contour"; the published code erodes, and so measures the
    larger of the horizontal and the vertical distance. Only figures measured in this way compare with published ones.

    Args:
        mask: Shape (H, W).
        reach: Number of erosions, in pixels.

    >>> truth, prediction = np.zeros((2, 8, 8), bool)
    >>> truth[1:7, 1:7] = prediction[1:7, 2:7] = True
    >>> g, p = boundary_region(truth, 1), boundary_region(prediction, 1)
    >>> int((g & p).sum()), int((g | p).sum())
    (14, 24)
    """
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)  # one erosion by it equals ``reach`` erosions by 3×3
    inner = cv2.erode(mask.astype(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    region: Binary = mask & (inner == 0)
    return region


def surface(mask: Binary) -> Binary:
    """Return the pixels of a mask with one of their four neighbours outside; beyond the image is outside."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    outline: Binary = mask & (inner == 0)
    return outline


def surface_distances(
    true: Binary, predicted: Binary, tolerance: float, valid: Binary | None = None
) -> tuple[float, float]:
    """Compute the 95 % Hausdorff distance and the normalized surface Dice of two masks.

    Both use the distances of the pixels of each surface to the nearest pixel of the other. HD95 is the larger of the
    two 95th percentiles (interpolated linearly). NSD is the share of all distances within ``tolerance`` (Nikolov et al.
    2021, doi 10.2196/26151; here by count of pixels).

    Args:
        true: Shape (H, W).
        predicted: The same shape.
        tolerance: In pixels.
        valid: The pixels that are judged; all by default. Nothing is measured from the others, and a mask with only
            such pixels counts as empty.

    Returns:
        HD95 in pixels, NaN if a mask is empty, and NSD in 0–1: 0 if one mask is empty, NaN if both are. Both
        are NaN if no pixel of either surface is judged.
    """
    judged = np.ones_like(true) if valid is None else valid
    present = [bool((mask & judged).any()) for mask in (true, predicted)]
    if not all(present):
        return math.nan, (0.0 if any(present) else math.nan)
    outlines = [surface(true), surface(predicted)]
    distances = [distance_to(other)[own & judged] for own, other in (outlines, outlines[::-1])]
    both = np.concatenate(distances)
    if not len(both):
        return math.nan, math.nan
    hd95 = max(float(np.percentile(values, 95)) for values in distances if len(values))
    return hd95, float(np.mean(both <= tolerance))


def border_distance(truth: Mask, ignore_index: int = 255) -> NDArray[np.float64]:
    """Compute the distance of each pixel to the nearest pixel of another true class.

    The edge of the image and ignored pixels are not borders.

    Returns:
        Pixels, shape (H, W); infinite for ignored pixels and if there is no other class.
    """
    valid = truth != ignore_index
    result = np.full(truth.shape, np.inf)
    for value in np.unique(truth[valid]):
        same = truth == value
        result[same] = distance_to(valid & ~same)[same]
    return result


def distance_to(region: NDArray[Any]) -> NDArray[np.float64]:
    """Compute the exact Euclidean distance of each pixel to the nearest pixel of a region.

    OpenCV's distances vary in their last bit with the address of the array. Their squares are whole numbers, so
    rounding the squares makes the distances exact, up to about 1,400 px.

    Args:
        region: Shape (H, W); non-zero pixels belong to the region.

    Returns:
        Pixels, shape (H, W); infinite if the region is empty.

    >>> distance_to(np.array([[1, 0, 0], [0, 0, 0]])).round(2).tolist()
    [[0.0, 1.0, 2.0], [1.0, 1.41, 2.24]]
    """
    outside = np.asarray(region) == 0
    if outside.all():
        return np.full(outside.shape, np.inf)
    rough = cv2.distanceTransform(outside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE).astype(np.float64)
    exact: NDArray[np.float64] = np.sqrt(np.rint(rough * rough))
    return exact
