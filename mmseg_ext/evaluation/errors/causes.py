"""Causes of wrong pixels, and the gain from repairing each cause.

A wrong pixel is one of three kinds: an object predicted on background (*extra*), background predicted on an object
(*missed*), or another class of object (*confused*). Its cause is the first of these whose rule holds; the rules use
only the two masks:

| cause | kind | rule |
| --- | --- | --- |
| background hallucination | extra | its predicted region (any class, 8-connected) shares no pixel with an object |
| missed object | missed, confused | less than ``min_found`` of its object is predicted as any object |
| class swap | confused | of what is found of its object, less than ``min_own`` is predicted as the right class |
| missed thin part | missed | an opening of its object by a disc of radius ``radius`` removes it, in a piece that |
| | | reaches more than ``band`` px away from what is left |
| boundary band | all | within ``band`` px the ground truth is what was predicted (background or any object for |
| | | *extra* and *missed*, the predicted class for *confused*) |
| mixed classes | confused | all others |
| hole | missed | the prediction encloses it: the predicted background (4-connected) does not reach the edge of |
| | | the image |
| missed part | missed | all others |
| spill-over | extra | all others |

So every wrong pixel has exactly one cause, and the causes add up to all wrong pixels. Distances are Euclidean, between
pixel centres. The edge of the image is not a border. Ignored pixels are neither background nor object: they form no
border and end an object for the opening, but predictions on them connect regions as anywhere else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.regions import find_regions, regions_on
from mmseg_ext.evaluation.bootstrap import Estimate, paired_test, ratio_estimate
from mmseg_ext.evaluation.errors.boundary import distance_to

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
CORRECT = 0  # in a cause map; causes are numbered from 1


@dataclass(frozen=True)
class CauseSettings:
    """Thresholds of the rules.

    Attributes:
        band: Width of the boundary band, in pixels; None for 1 % of the image diagonal, at least 1.
        radius: Radius of the opening that removes thin parts, in pixels; None for the same default.
        min_found: Share of an object, 0–1, from which it counts as found.
        min_own: Share of the found part in the right class, 0–1, from which the class counts as recognized.
    """

    band: float | None = None
    radius: int | None = None
    min_found: float = 0.1
    min_own: float = 0.1

    def for_size(self, shape: tuple[int, ...]) -> tuple[float, int]:
        """Return band and radius in pixels for masks of shape (H, W)."""
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
    """Find the cause of each wrong pixel.

    Args:
        prediction: Class indices, shape (H, W), uint8.
        truth: The same, or ``ignore_index``.
        background: Index of the background class; None where every class has objects.
        ignore_index: Value of the ground truth whose pixels are not judged.
        settings: Thresholds of the rules.

    Returns:
        Shape (H, W), uint8: 0 where the prediction is correct or not judged, else 1 + the index in `CAUSES`.

    Raises:
        ValueError: The masks differ in size.

    >>> truth, prediction = np.zeros((2, 20, 20), np.uint8)
    >>> truth[2:8, 2:8] = 1  # missed as a whole
    >>> causes = cause_map(prediction, truth)
    >>> [CAUSES[number - 1] for number in np.unique(causes[causes > 0])]
    ['missed object']
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
    """Map the pixels where the rule of each cause holds, shape (H, W); meaningless on correct pixels."""
    wrong = valid & (prediction != truth)
    band, radius = settings.for_size(truth.shape)
    true_object = valid if background is None else valid & (truth != background)
    predicted_object = np.ones_like(valid) if background is None else prediction != background
    missed, extra = wrong & ~predicted_object, wrong & ~true_object
    confused = wrong & ~missed & ~extra
    not_found, swapped = _failed_objects(prediction, truth, true_object, predicted_object, settings)
    near = (
        (missed & _within(valid & ~true_object, band))
        | (extra & _within(true_object, band))
        | (confused & _near_predicted_class(prediction, truth, confused, band))
    )
    return {
        'background hallucination': extra & ~regions_on(predicted_object, true_object),
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
    """Count the wrong pixels of each cause by true and predicted class.

    Args:
        causes: From `cause_map`.
        prediction: Class indices, shape (H, W).
        truth: The same.
        num_classes: K.

    Returns:
        Shape (len(CAUSES), K, K), rows true and columns predicted classes; the sum over the causes is the confusion
        matrix without its diagonal.
    """
    wrong = causes != CORRECT
    cells = (len(CAUSES), num_classes, num_classes)
    index = (causes[wrong].astype(np.int64) - 1, truth[wrong].astype(np.int64), prediction[wrong].astype(np.int64))
    return np.bincount(np.ravel_multi_index(index, cells), minlength=math.prod(cells)).reshape(cells).astype(np.int64)


def _failed_objects(
    prediction: Mask, truth: Mask, true_object: Binary, predicted_object: Binary, settings: CauseSettings
) -> tuple[Binary, Binary]:
    """Return the pixels of objects that are not found, and those of found objects whose class is not recognized."""
    not_found, swapped = np.zeros_like(true_object), np.zeros_like(true_object)
    for value in np.unique(truth[true_object]):
        regions = find_regions(truth == value)
        bins = len(regions) + 1
        found = np.bincount(regions.labels[predicted_object], minlength=bins)[1:]
        own = np.bincount(regions.labels[prediction == value], minlength=bins)[1:]
        is_found = found >= settings.min_found * regions.areas
        not_found |= np.append(False, ~is_found)[regions.labels]
        swapped |= np.append(False, is_found & (own < settings.min_own * found))[regions.labels]
    return not_found, swapped


def _within(region: Binary, reach: float) -> Binary:
    """Return the pixels within a Euclidean distance of a region."""
    near: Binary = distance_to(region) <= reach
    return near


def _near_predicted_class(prediction: Mask, truth: Mask, confused: Binary, band: float) -> Binary:
    near = np.zeros_like(confused)
    for value in np.unique(prediction[confused]):
        near |= confused & (prediction == value) & _within(truth == value, band)
    return near


def _thin_parts(truth: Mask, missed: Binary, radius: int, band: float) -> Binary:
    """Return the thin parts of the objects with missed pixels."""
    thin = np.zeros_like(missed)
    for value in np.unique(truth[missed]):
        thin |= thin_parts(truth == value, radius, band)
    return thin


def thin_parts(objects: Binary, radius: int, band: float) -> Binary:
    """Return the thin parts of objects: pieces that an opening by a disc removes.

    A piece must reach more than ``band`` px away from what is left, since any opening removes a few pixels of a corner.
    If nothing is left of an object, all of it is thin. The edge of the image does not make an object thin.

    Args:
        objects: Shape (H, W).
        radius: Radius of the disc, in pixels.
        band: Distance in pixels.
    """
    steps = np.arange(-radius, radius + 1)
    disc = (np.hypot(steps[:, None], steps) <= radius).astype(np.uint8)
    left = cv2.morphologyEx(objects.astype(np.uint8), cv2.MORPH_OPEN, disc).astype(bool)
    removed = objects & ~left
    return removed & regions_on(removed, removed & ~_within(left, band))


def _enclosed(gap: Binary) -> Binary:
    """Return the 4-connected parts of a map that do not reach the edge of the image."""
    _, labels = cv2.connectedComponents(gap.astype(np.uint8), connectivity=4)
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    inside = np.ones(int(labels.max()) + 1, bool)
    inside[edge] = False
    inside[0] = False
    enclosed: Binary = inside[labels]
    return enclosed


@dataclass(frozen=True)
class Repair:
    """Effect of setting the pixels of a cause to the ground truth, with all others unchanged.

    Attributes:
        pixels: Wrong pixels of the cause.
        images: Images with such a pixel.
        share: Share of all wrong pixels, in percent.
        gain: mDice after the repair minus mDice, in percentage points. Gains of several causes do not add up.
    """

    pixels: int
    images: int
    share: Estimate
    gain: Estimate


def repaired(confusion: NDArray[np.int64], wrong: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return confusion counts after some wrong pixels have been set to the ground truth.

    Args:
        confusion: Shape (…, K, K), rows true and columns predicted classes.
        wrong: Counts of the wrong pixels of a cause, the same shape, diagonal 0.

    >>> repaired(np.array([[10, 3], [2, 5]]), np.array([[0, 2], [1, 0]])).tolist()
    [[12, 1], [1, 6]]
    """
    result = confusion - wrong
    K = confusion.shape[-1]
    result[..., range(K), range(K)] += wrong.sum(axis=-1)
    return result


def measure_repairs(
    confusion: NDArray[np.int64], causes: NDArray[np.int64], *, resamples: int = 2000, seed: int = 0
) -> list[Repair]:
    """Measure the repair of each cause, with 95 % bootstrap intervals over images.

    Args:
        confusion: Counts of each image, shape (N, K, K).
        causes: Counts of each image's wrong pixels by cause, shape (N, C, K, K).
        resamples: How often the images are drawn.
        seed: Seed of the draws.

    Returns:
        C repairs.
    """
    wrong = causes.sum(axis=(2, 3))
    all_wrong = wrong.sum(axis=1)
    repairs = []
    for number in range(causes.shape[1]):
        test = paired_test(confusion, repaired(confusion, causes[:, number]), resamples=resamples, seed=seed)
        repairs.append(
            Repair(
                pixels=int(wrong[:, number].sum()),
                images=int((wrong[:, number] > 0).sum()),
                share=ratio_estimate(100 * wrong[:, number], all_wrong, resamples=resamples, seed=seed),
                gain=Estimate(test.difference, test.low, test.high).in_percent(),
            )
        )
    return repairs
