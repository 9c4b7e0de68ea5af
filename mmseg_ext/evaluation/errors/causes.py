"""The cause of each wrong pixel.

A wrong pixel is one of three kinds: an object where the ground is (*extra*), ground where an object is (*missed*), or
another class of object (*confused*). Its cause is the first of these whose rule holds; the rules look at nothing but
the two masks:

| cause | kind | rule |
| --- | --- | --- |
| background hallucination | extra | its predicted region (any class, 8-connected) shares no pixel with an object |
| missed object | missed, confused | less than ``found`` of its object is predicted as any object |
| class swap | confused | of what is found of its object, less than ``own`` is predicted as the right class |
| missed thin part | missed | an opening of its object by a disc of radius ``radius`` removes it, in a piece that |
| | | reaches more than ``band`` px away from what is left |
| boundary band | all | within ``band`` px the truth is what was predicted (the ground or any object for *extra* and |
| | | *missed*, the predicted class for *confused*) |
| mixed classes | confused | all others |
| hole | missed | the prediction encloses it: its predicted ground (4-connected) does not reach the image's edge |
| missed part | missed | all others |
| spill-over | extra | all others |

So every wrong pixel has exactly one cause, and the causes add up to all wrong pixels. Distances are Euclidean, between
centres of pixels. The edge of the image is no border, and what is ignored is neither ground nor object: it does not
count as a border, ends an object for the opening, and a prediction on it joins regions as anywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.regions import find_regions
from mmseg_ext.evaluation.errors.distance import distance_to

Binary = NDArray[np.bool_]

CAUSES = (
    'background hallucination',
    'missed object',
    'class swap',
    'missed thin part',
    'boundary band',
    'mixed classes',
    'hole',
    'missed part',
    'spill-over',
)
RIGHT = 0  # in a cause map; causes are numbered from 1


@dataclass(frozen=True)
class CauseSettings:
    """The numbers in the rules.

    Attributes:
        band: Width of the boundary band, in pixels; None for 1 % of the image's diagonal, at least 1.
        radius: Of the opening that removes thin parts, in pixels; None for the same.
        found: Share of an object, 0–1, from which it counts as found.
        own: Share of the found part in its own class, 0–1, from which the class counts as seen.
    """

    band: float | None = None
    radius: int | None = None
    found: float = 0.1
    own: float = 0.1

    def for_size(self, shape: tuple[int, ...]) -> tuple[float, int]:
        """Band and radius in pixels for a mask of a shape (H, W)."""
        default = max(1, round(math.hypot(*shape) / 100))
        return (default if self.band is None else self.band), (default if self.radius is None else self.radius)


DEFAULTS = CauseSettings()


def cause_map(
    prediction: Mask,
    truth: Mask,
    *,
    background: int | None = 0,
    ignore_index: int = 255,
    settings: CauseSettings = DEFAULTS,
) -> NDArray[np.uint8]:
    """Name the cause of each wrong pixel.

    Args:
        prediction: Class indices, shape (H, W), uint8.
        truth: The same, or ``ignore_index``.
        background: The class that is ground; None where every class is an object.
        ignore_index: Value of the truth whose pixels are not judged.
        settings: The numbers in the rules.

    Returns:
        Shape (H, W), uint8: 0 where the prediction is right or not judged, else 1 + the position in `CAUSES`.

    Raises:
        ValueError: The masks differ in size.
    """
    if prediction.shape != truth.shape:
        raise ValueError(f'masks differ in size: {prediction.shape} and {truth.shape}')
    result = np.zeros(truth.shape, np.uint8)
    valid = truth != ignore_index
    wrong = valid & (prediction != truth)
    if not wrong.any():
        return result
    rules = _rules(prediction, truth, valid, background, settings)
    for number, name in reversed(list(enumerate(CAUSES, 1))):  # the first rule that holds is written last
        result[wrong & rules[name]] = number
    return result


def _rules(
    prediction: Mask, truth: Mask, valid: Binary, background: int | None, settings: CauseSettings
) -> dict[str, Binary]:
    """Where the rule of each cause holds, shape (H, W); on right pixels it says nothing."""
    wrong = valid & (prediction != truth)
    band, radius = settings.for_size(truth.shape)
    true_object = valid if background is None else valid & (truth != background)
    predicted_object = np.ones_like(valid) if background is None else prediction != background
    missed, extra = wrong & ~predicted_object, wrong & ~true_object
    confused = wrong & ~missed & ~extra
    not_found, swapped = _failed_objects(prediction, truth, true_object, predicted_object, settings)
    ground = valid & ~true_object
    near = (
        (missed & _within(ground, band))
        | (extra & _within(true_object, band))
        | (confused & _near_predicted_class(prediction, truth, confused, band))
    )
    return {
        'background hallucination': extra & ~_regions_on(predicted_object, true_object),
        'missed object': ~extra & not_found,
        'class swap': confused & swapped,
        'missed thin part': missed & _thin_parts(truth, missed, radius, band),
        'boundary band': near,
        'mixed classes': confused,
        'hole': missed & _enclosed(~predicted_object),
        'missed part': missed,
        'spill-over': extra,
    }


def cause_counts(causes: NDArray[np.uint8], prediction: Mask, truth: Mask, num_classes: int) -> NDArray[np.int64]:
    """Confusion counts of each cause.

    Args:
        causes: From `cause_map`.
        prediction: Class indices, shape (H, W).
        truth: The same.
        num_classes: K.

    Returns:
        Shape (len(CAUSES), K, K), rows true and columns predicted classes; the sum over the causes is the confusion
        matrix without its diagonal.
    """
    wrong = causes != RIGHT
    cells = (len(CAUSES), num_classes, num_classes)
    index = (causes[wrong].astype(np.int64) - 1, truth[wrong].astype(np.int64), prediction[wrong].astype(np.int64))
    return np.bincount(np.ravel_multi_index(index, cells), minlength=math.prod(cells)).reshape(cells).astype(np.int64)


def _failed_objects(
    prediction: Mask, truth: Mask, true_object: Binary, predicted_object: Binary, settings: CauseSettings
) -> tuple[Binary, Binary]:
    """The pixels of objects that are not found, and of found ones whose class is not seen."""
    not_found, swapped = np.zeros_like(true_object), np.zeros_like(true_object)
    for value in np.unique(truth[true_object]):
        regions = find_regions(truth == value)
        bins = len(regions) + 1
        found = np.bincount(regions.labels[predicted_object], minlength=bins)[1:]
        own = np.bincount(regions.labels[prediction == value], minlength=bins)[1:]
        is_found = found >= settings.found * regions.areas
        not_found |= np.append(False, ~is_found)[regions.labels]
        swapped |= np.append(False, is_found & (own < settings.own * found))[regions.labels]
    return not_found, swapped


def _regions_on(objects: Binary, ground: Binary) -> Binary:
    """The regions of a map that share a pixel with another map."""
    regions = find_regions(objects)
    shares = np.bincount(regions.labels[ground], minlength=len(regions) + 1) > 0
    shares[0] = False
    touching: Binary = shares[regions.labels]
    return touching


def _within(there: Binary, reach: float) -> Binary:
    """The pixels within a Euclidean distance of a map."""
    near: Binary = distance_to(there) <= reach
    return near


def _near_predicted_class(prediction: Mask, truth: Mask, confused: Binary, band: float) -> Binary:
    near = np.zeros_like(confused)
    for value in np.unique(prediction[confused]):
        near |= confused & (prediction == value) & _within(truth == value, band)
    return near


def _thin_parts(truth: Mask, missed: Binary, radius: int, band: float) -> Binary:
    """Parts of the objects with missed pixels that an opening removes, without mere corners."""
    thin = np.zeros_like(missed)
    for value in np.unique(truth[missed]):
        thin |= thin_parts(truth == value, radius, band)
    return thin


def thin_parts(objects: Binary, radius: int, band: float) -> Binary:
    """What an opening by a disc removes of objects, in pieces that reach more than ``band`` px away from what is left.

    A corner loses a few pixels to any opening; such pieces are no thin parts. An object of which nothing is left is
    thin as a whole. The edge of the image does not make an object thin.

    Args:
        objects: Shape (H, W).
        radius: Of the disc, in pixels.
        band: In pixels.
    """
    steps = np.arange(-radius, radius + 1)
    disc = (np.hypot(steps[:, None], steps) <= radius).astype(np.uint8)
    left = cv2.morphologyEx(objects.astype(np.uint8), cv2.MORPH_OPEN, disc).astype(bool)
    removed = objects & ~left
    return removed & _regions_on(removed, removed & ~_within(left, band))


def _enclosed(gap: Binary) -> Binary:
    """The 4-connected parts of a map that do not reach the edge of the image."""
    _, labels = cv2.connectedComponents(gap.astype(np.uint8), connectivity=4)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    inside = np.ones(int(labels.max()) + 1, bool)
    inside[edge] = False
    inside[0] = False
    enclosed: Binary = inside[labels]
    return enclosed
