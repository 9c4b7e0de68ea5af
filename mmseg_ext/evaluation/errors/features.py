"""What may make an object hard: its size, form and light, and the ground around it.

Objects, their light and their ring of ground are those of `mmseg_ext.eda.statistics.measure`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.regions import find_regions
from mmseg_ext.eda.statistics.measure import MIN_AREA, RING, ObjectRow, measure_objects
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.errors.causes import DEFAULTS, CauseSettings, thin_parts
from mmseg_ext.evaluation.errors.distance import distance_to

CLEAR = 2  # pixels between an object and the ground whose texture is measured: the object's own border is no texture

Binary = NDArray[np.bool_]


@dataclass(frozen=True)
class Feature:
    """A measured quantity: what it means, its unit, and what its thirds are called, from the least values."""

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
        'brightness of object minus that of its ring of ground',
        ('darker than ground', 'like its ground', 'brighter than ground'),
    ),
    Feature(
        'difference',
        'contrast without its sign: how far object and ground differ',
        ('low contrast', 'medium contrast', 'high contrast'),
    ),
    Feature(
        'texture',
        'mean gradient of luma in the ring of ground',
        ('smooth ground', 'medium texture', 'textured ground'),
    ),
    Feature(
        'sharpness',
        'log10 of the variance of the Laplacian of the photograph',
        ('blurred photo', 'medium sharpness', 'sharp photo'),
    ),
)


@dataclass(frozen=True)
class ObjectSample:
    """An object, what was measured of it, and how the pixels nearest to it were predicted.

    Attributes:
        image: Position of its image.
        row: Class, area, light and position.
        values: Name in `FEATURES` → value, NaN where it does not exist.
        objects: Objects in its image.
        confusion: Counts over its zone, shape (K, K): the pixels that are nearer to it than to any other object, so
            that the zones of an image add up to the image.
    """

    image: int
    row: ObjectRow
    values: dict[str, float]
    objects: int
    confusion: NDArray[np.int64]


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
    """Measure the objects of one image; an image without objects gives none.

    Args:
        prediction: Class indices, shape (H, W), uint8.
        truth: The same, or ``ignore_index``.
        luma: Brightness, shape (H, W), 0–255.
        num_classes: K.
        image: Copied to the samples.
        background: The class that has no objects, or None.
        ignore_index: Value of the truth that is not judged.
        settings: What counts as thin.
    """
    found = list(_objects(truth, luma, num_classes, background, ignore_index))
    if not found:
        return []
    zones = nearest([region for _, region in found])
    sharpness = math.log10(float(cv2.Laplacian(luma, cv2.CV_64F).var()) + 1e-3)
    gradient = np.hypot(*(cv2.Sobel(luma, cv2.CV_32F, dx, dy) / 8 for dx, dy in ((1, 0), (0, 1))))
    ground = truth == background if background is not None else truth != ignore_index
    samples = []
    for number, (row, region) in enumerate(found):
        zone = np.where(zones == number, truth, ignore_index).astype(np.uint8)
        values = {
            'size': row.area,
            'brightness': row.brightness,
            'contrast': row.contrast,
            'difference': abs(row.contrast),
            'texture': _texture(gradient, region, ground),
            'sharpness': sharpness,
            **_form(region, settings),
        }
        confusion = confusion_matrix(prediction, zone, num_classes, ignore_index)
        samples.append(ObjectSample(image, row, values, len(found), confusion))
    return samples


def _objects(
    truth: Mask, luma: NDArray[np.uint8], num_classes: int, background: int | None, ignore_index: int
) -> Iterator[tuple[ObjectRow, Binary]]:
    for value in range(num_classes):
        if value == background:
            continue
        regions = find_regions(truth == value)
        kept = np.flatnonzero(regions.areas >= MIN_AREA * truth.size)
        rows = measure_objects(truth, luma, value, background=background, ignore_index=ignore_index)
        for row, index in zip(rows, kept, strict=True):
            yield row, regions.labels == index + 1


def nearest(regions: list[Binary]) -> NDArray[np.int64]:
    """Which of some regions each pixel is nearest to, shape (H, W); of equally near ones the first."""
    if len(regions) == 1:
        return np.zeros(regions[0].shape, np.int64)
    return np.argmin([distance_to(region) for region in regions], axis=0).astype(np.int64)


def _texture(gradient: NDArray[np.floating], region: Binary, ground: Binary) -> float:
    """Mean gradient in the ring of ground around a region, in grey levels a pixel; NaN without ground."""
    reach = max(CLEAR + 1, round(RING * math.sqrt(region.size)))
    away = distance_to(region)
    ring = (away > CLEAR) & (away <= reach) & ground
    return float(gradient[ring].mean()) if ring.any() else math.nan


def _form(region: Binary, settings: CauseSettings) -> dict[str, float]:
    band, radius = settings.for_size(region.shape)
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    perimeter = sum(cv2.arcLength(contour, closed=True) for contour in contours)
    area = sum(cv2.contourArea(contour) for contour in contours)
    return {
        'thinness': 100 * float(thin_parts(region, radius, band).sum()) / float(region.sum()),
        'compactness': min(1.0, 4 * math.pi * area / perimeter**2) if perimeter else math.nan,
    }
