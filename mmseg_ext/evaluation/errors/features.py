"""Features that may make an object hard to segment: size, shape, brightness, and the background around it.

Objects, their brightness and the ring of background around them come from `mmseg_ext.eda.statistics.measure`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.regions import find_regions
from mmseg_ext.eda.statistics.measure import MIN_OBJECT_SHARE, RING_WIDTH, ObjectRow, measure_objects
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.errors.boundary import distance_to
from mmseg_ext.evaluation.errors.causes import DEFAULTS, CauseSettings, thin_parts

RING_GAP_PX = 2  # between an object and the ring whose texture is measured, to leave out the object's own border

Binary = NDArray[np.bool_]


@dataclass(frozen=True)
class Feature:
    """Measured quantity.

    Attributes:
        name: Name of the feature.
        meaning: What it measures.
        thirds: Names of the objects with low, medium and high values.
        unit: Unit of the values, or empty.
    """

    name: str
    meaning: str
    thirds: tuple[str, str, str]
    unit: str = ''


FEATURES = (
    Feature('size', 'area of the object, % of the image', ('small', 'medium size', 'large'), '%'),
    Feature('thinness', 'share of the object that an opening removes, %', ('stout', 'partly thin', 'thin'), '%'),
    Feature('compactness', '4π · area / perimeter²; 1 for a disc', ('ragged', 'half compact', 'compact')),
    Feature('brightness', 'mean luma of the object, 0–255', ('dark object', 'mid-tone object', 'bright object')),
    Feature(
        'contrast',
        'brightness of object minus that of its ring of background',
        ('darker than background', 'like its background', 'brighter than background'),
    ),
    Feature(
        'difference',
        'contrast without its sign: how far object and background differ',
        ('low contrast', 'medium contrast', 'high contrast'),
    ),
    Feature(
        'texture',
        'mean gradient of luma in the ring of background',
        ('smooth background', 'medium texture', 'textured background'),
    ),
    Feature(
        'sharpness',
        'log10 of the variance of the Laplacian of the image',
        ('blurred image', 'medium sharpness', 'sharp image'),
    ),
)


@dataclass(frozen=True)
class ObjectSample:
    """Object with its features, and the confusion counts of the pixels nearest to it.

    Attributes:
        image: Index of its image.
        row: Class, area, brightness and position.
        values: Name in `FEATURES` → value, NaN where it is undefined.
        objects: Number of objects in its image.
        confusion: Counts over its zone, shape (K, K): the pixels that are nearer to it than to any other object, so
            that the zones of an image add up to the image.
    """

    image: int
    row: ObjectRow
    values: dict[str, float]
    objects: int
    confusion: NDArray[np.int64]


@dataclass(frozen=True)
class _Found:
    """Object in the region map that all objects of its class share.

    Attributes:
        row: Its measurements.
        labels: Number of the region at each pixel, shape (H, W).
        number: Number of its region.
        box: Left, top, width and height.
    """

    row: ObjectRow
    labels: NDArray[np.int32]
    number: int
    box: tuple[int, int, int, int]

    def window(self, margin: int) -> tuple[slice, slice]:
        """Return the rows and columns of its box with a margin."""
        left, top, width, height = self.box
        rows = slice(max(0, top - margin), top + height + margin)
        return rows, slice(max(0, left - margin), left + width + margin)


def measure_image(
    prediction: Mask,
    truth: Mask,
    luma: NDArray[np.uint8],
    num_classes: int,
    *,
    image: int = 0,
    background: int | None = 0,
    ignore_index: int = 255,
    settings: CauseSettings = DEFAULTS,
) -> list[ObjectSample]:
    """Measure the objects of one image.

    Args:
        prediction: Class indices, shape (H, W), uint8.
        truth: The same, or ``ignore_index``.
        luma: Brightness, shape (H, W), 0–255.
        num_classes: K.
        image: Index of the image, copied to the samples.
        background: The class that has no objects, or None.
        ignore_index: Value of the ground truth that is not judged.
        settings: Thresholds that define what counts as thin.
    """
    found = list(_objects(truth, luma, num_classes, background, ignore_index))
    if not found:
        return []
    zones = nearest(one.labels == one.number for one in found)
    sharpness = math.log10(float(cv2.Laplacian(luma, cv2.CV_64F).var()) + 1e-3)
    gradient = np.hypot(*(cv2.Sobel(luma, cv2.CV_32F, dx, dy) / 8 for dx, dy in ((1, 0), (0, 1))))
    is_background = truth == background if background is not None else truth != ignore_index
    band, radius = settings.for_size(truth.shape)
    reach = max(RING_GAP_PX + 1, round(RING_WIDTH * math.sqrt(truth.size)))
    samples = []
    for number, one in enumerate(found):
        row, window = one.row, one.window(max(reach, radius) + 1)
        region = one.labels[window] == one.number
        zone = np.where(zones == number, truth, ignore_index).astype(np.uint8)
        values = {
            'size': row.area,
            'brightness': row.brightness,
            'contrast': row.contrast,
            'difference': abs(row.contrast),
            'texture': _texture(gradient[window], region, is_background[window], reach),
            'sharpness': sharpness,
            **_shape_features(region, band, radius),
        }
        confusion = confusion_matrix(prediction, zone, num_classes, ignore_index)
        samples.append(ObjectSample(image, row, values, len(found), confusion))
    return samples


def _objects(
    truth: Mask, luma: NDArray[np.uint8], num_classes: int, background: int | None, ignore_index: int
) -> Iterator[_Found]:
    for value in range(num_classes):
        if value == background:
            continue
        regions = find_regions(truth == value)
        kept = np.flatnonzero(regions.areas >= MIN_OBJECT_SHARE * truth.size)
        rows = measure_objects(truth, luma, value, background=background, ignore_index=ignore_index)
        for row, index in zip(rows, kept, strict=True):
            left, top, width, height = map(int, regions.boxes[index])
            yield _Found(row, regions.labels, int(index) + 1, (left, top, width, height))


def nearest(regions: Iterable[Binary]) -> NDArray[np.int64]:
    """Return the index of each pixel's nearest region, shape (H, W); the first of equally near ones.

    The regions are taken one by one: even of hundreds, no more than two are in memory.
    """
    rest = iter(regions)
    first = next(rest)
    result = np.zeros(first.shape, np.int64)
    least: NDArray[np.float64] | None = None
    for number, region in enumerate(rest, 1):
        least = distance_to(first) if least is None else least
        distance = distance_to(region)
        nearer = distance < least
        result[nearer], least[nearer] = number, distance[nearer]
    return result


def _texture(gradient: NDArray[np.floating], region: Binary, is_background: Binary, reach: int) -> float:
    """Average the gradient in the ring around a region, in grey levels per pixel; NaN without background.

    Args:
        gradient: Shape (h, w), in a window that holds the region with a margin of ``reach`` or more.
        region: The same shape.
        is_background: The same shape.
        reach: How far the ring reaches from the region, in pixels.
    """
    distance = distance_to(region)
    ring = (distance > RING_GAP_PX) & (distance <= reach) & is_background
    return float(gradient[ring].mean()) if ring.any() else math.nan


def _shape_features(region: Binary, band: float, radius: int) -> dict[str, float]:
    """Measure the shape of a region, in a window with a margin of more than ``radius``."""
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    perimeter = sum(cv2.arcLength(contour, closed=True) for contour in contours)
    area = sum(cv2.contourArea(contour) for contour in contours)
    return {
        'thinness': 100 * float(thin_parts(region, radius, band).sum()) / float(region.sum()),
        'compactness': min(1.0, 4 * math.pi * area / perimeter**2) if perimeter else math.nan,
    }
