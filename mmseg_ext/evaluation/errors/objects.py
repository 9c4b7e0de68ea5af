"""Object-level scores: matched and missed objects, and panoptic quality.

An object is an 8-connected region of one class of at least 0.01 % of the image, in ground truth and prediction alike;
touching animals of one class are one object. A true and a predicted object match if their IoU exceeds 0.5, so
no object has two matches of one class (panoptic quality; Kirillov et al. 2019, arXiv 1801.00868). As in that paper,
ignored pixels are removed from the predicted objects before matching, and a predicted object without a match is not
counted if more than half of it is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.regions import find_regions
from mmseg_ext.eda.statistics.measure import MIN_OBJECT_SHARE
from mmseg_ext.evaluation.bootstrap import Estimate, Values, bootstrap_sums, divide

MATCH_IOU = 0.5  # a match must exceed it
MIN_FOUND_SHARE = 0.1  # of a true object

TRUE_OUTCOMES = ('right class', 'another class', 'mixed classes', 'badly outlined', 'missed')
PREDICTED_OUTCOMES = ('right class', 'another class', 'badly outlined', 'no object there')


@dataclass(frozen=True)
class ObjectMatches:
    """Matches and outcomes of the objects of one image.

    Attributes:
        counts: Matches, true objects without a match, predicted objects without one, and the sum of the matches' IoU;
            shape (K, 4), float64, one row per class.
        true: True objects by class and outcome, shape (K, len(TRUE_OUTCOMES)). *Right class*: matched. *Another class*:
            a predicted object of another class has IoU > 0.5 with it. *Mixed classes*: only a region of any classes
            together has. *Missed*: less than a tenth of it is predicted as any object. *Badly outlined*: the rest.
        predicted: Predicted objects by class and outcome, shape (K, len(PREDICTED_OUTCOMES)), without those that are
            not counted because most of their pixels are ignored.
        second_missed: Whether one of several true objects was found (right, another or mixed class) and another missed.
        confused: (true class, predicted class) → objects that were found under another class.
    """

    counts: NDArray[np.float64]
    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    second_missed: bool
    confused: dict[tuple[int, int], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Objects:
    """Objects of a mask.

    Attributes:
        classes: Class of each object, shape (M,).
        areas: Pixels of each object that are not ignored, at least 1, shape (M,).
        mostly_ignored: Whether more than half of an object's pixels are ignored, shape (M,).
        labels: 1 + index of the object at each pixel, 0 elsewhere, shape (H, W).
    """

    classes: NDArray[np.int64]
    areas: NDArray[np.int64]
    mostly_ignored: NDArray[np.bool_]
    labels: NDArray[np.int64]


def find_objects(
    mask: Mask, valid: NDArray[np.bool_], num_classes: int, background: int | None, min_area: float = MIN_OBJECT_SHARE
) -> Objects:
    """Find the objects of all classes; those with only ignored pixels are left out.

    Args:
        mask: Class indices, shape (H, W).
        valid: Pixels that are not ignored, shape (H, W).
        num_classes: K.
        background: The class that has no objects, or None.
        min_area: Smallest object, ignored pixels included, as share of the image.
    """
    labels = np.zeros(mask.shape, np.int64)
    classes: list[int] = []
    areas: list[int] = []
    ignored: list[bool] = []
    for value in np.unique(mask):
        if value == background or value >= num_classes:
            continue
        regions = find_regions(mask == value)
        judged = np.bincount(regions.labels[valid], minlength=len(regions) + 1)[1:]
        kept = (regions.areas >= min_area * mask.size) & (judged > 0)
        numbers = np.zeros(len(regions) + 1, np.int64)
        numbers[1:][kept] = len(classes) + 1 + np.arange(kept.sum())
        labels += numbers[regions.labels]
        classes += [int(value)] * int(kept.sum())
        areas += judged[kept].tolist()
        ignored += (2 * judged < regions.areas)[kept].tolist()
    return Objects(np.array(classes, np.int64), np.array(areas, np.int64), np.array(ignored, bool), labels)


def match_objects(
    prediction: Mask,
    truth: Mask,
    num_classes: int,
    *,
    background: int | None = 0,
    ignore_index: int = 255,
    min_iou: float = MATCH_IOU,
    min_found: float = MIN_FOUND_SHARE,
) -> ObjectMatches:
    """Match the objects of one image.

    Args:
        prediction: Class indices, shape (H, W), uint8.
        truth: The same, or ``ignore_index``.
        num_classes: K.
        background: The class that has no objects, or None.
        ignore_index: Value of the ground truth that is not judged.
        min_iou: IoU that a match must exceed, at least 0.5.
        min_found: Share of a true object, 0–1, from which it does not count as missed.
    """
    valid = truth != ignore_index
    true = find_objects(truth, valid, num_classes, background)
    predicted = find_objects(prediction, valid, num_classes, background)
    overlap = _overlap(true, predicted)
    ious = _iou(overlap, true.areas, predicted.areas)
    same = true.classes[:, None] == predicted.classes[None, :]
    matched = (ious > min_iou) & same
    crossed = (ious > min_iou) & ~same
    any_object, true_object = (
        np.ones_like(valid) if background is None else mask != background for mask in (prediction, truth)
    )
    covered = np.bincount(true.labels[any_object], minlength=len(true.areas) + 1)[1:]
    in_blob = _matches_any(any_object, valid, true, min_iou)
    tests = [matched.any(1), crossed.any(1), in_blob, covered >= min_found * true.areas]
    true_outcomes = np.select(tests, [0, 1, 2, 3], 4)
    on_object = np.bincount(predicted.labels[valid & true_object], minlength=len(predicted.areas) + 1)[1:]
    predicted_outcomes = np.select([matched.any(0), crossed.any(0), on_object > 0], [0, 1, 2], 3)
    counted = matched.any(0) | ~predicted.mostly_ignored
    return ObjectMatches(
        counts=_counts(matched, ious, true, predicted.classes[~matched.any(0) & counted], num_classes),
        true=_table(true.classes, true_outcomes, num_classes, len(TRUE_OUTCOMES)),
        predicted=_table(predicted.classes[counted], predicted_outcomes[counted], num_classes, len(PREDICTED_OUTCOMES)),
        second_missed=bool((true_outcomes <= 2).any() and (true_outcomes == 4).any()),
        confused=_confused(crossed & (true_outcomes == 1)[:, None], true, predicted),
    )


def _overlap(true: Objects, predicted: Objects) -> NDArray[np.int64]:
    """Count the common pixels, shape (M, P)."""
    rows, columns = len(true.areas) + 1, len(predicted.areas) + 1
    index = true.labels * columns + predicted.labels
    return np.bincount(index.ravel(), minlength=rows * columns).reshape(rows, columns)[1:, 1:].astype(np.int64)


def _iou(overlap: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    union = first[:, None] + second[None, :] - overlap
    result: NDArray[np.float64] = overlap / np.maximum(union, 1)
    return result


def _matches_any(any_object: NDArray[np.bool_], valid: NDArray[np.bool_], true: Objects, min_iou: float) -> Any:
    """Mark the true objects that match a region of any predicted classes, shape (M,)."""
    blobs = find_objects(any_object.astype(np.uint8), valid, 2, 0, min_area=0)
    return (_iou(_overlap(true, blobs), true.areas, blobs.areas) > min_iou).any(axis=1)


def _counts(
    matched: NDArray[np.bool_], ious: NDArray[np.float64], true: Objects, unmatched: NDArray[np.int64], num_classes: int
) -> NDArray[np.float64]:
    """Count as in `ObjectMatches.counts`; ``unmatched``: classes of the predicted objects without a match."""
    counts = np.zeros((num_classes, 4))
    hit = matched.any(1)
    np.add.at(counts[:, 0], true.classes[hit], 1)
    np.add.at(counts[:, 1], true.classes[~hit], 1)
    np.add.at(counts[:, 2], unmatched, 1)
    np.add.at(counts[:, 3], true.classes, np.where(matched, ious, 0).sum(1))
    return counts


def _table(
    classes: NDArray[np.int64], outcomes: NDArray[np.int64], num_classes: int, columns: int
) -> NDArray[np.int64]:
    table = np.zeros((num_classes, columns), np.int64)
    np.add.at(table, (classes, outcomes), 1)
    return table


def _confused(crossed: NDArray[np.bool_], true: Objects, predicted: Objects) -> dict[tuple[int, int], int]:
    confused: dict[tuple[int, int], int] = {}
    for row, column in np.argwhere(crossed):
        key = int(true.classes[row]), int(predicted.classes[column])
        confused[key] = confused.get(key, 0) + 1
    return confused


def object_scores(counts: NDArray[np.float64], *, resamples: int = 2000, seed: int = 0) -> dict[str, Estimate]:
    """Compute precision, recall, F1, SQ and PQ of objects, with 95 % bootstrap intervals over images.

    With matches TP, unmatched true objects FN and unmatched predicted objects FP::

        precision = TP / (TP + FP)    recall = TP / (TP + FN)    F1 = TP / (TP + FP/2 + FN/2)
        SQ = Σ IoU of the matches / TP    PQ = Σ IoU of the matches / (TP + FP/2 + FN/2) = SQ · F1

    F1 is the recognition quality (RQ) of Kirillov et al. 2019.

    Args:
        counts: `ObjectMatches.counts` of each image, of one class or summed over classes, shape (N, 4).
        resamples: How often the images are drawn.
        seed: Seed of the draws.

    Returns:
        Values in 0–1, or NaN where the denominator is 0.

    >>> truth, prediction = np.zeros((2, 20, 20), np.uint8)
    >>> truth[2:7, 2:12] = prediction[2:7, 2:10] = 1
    >>> prediction[12:15, 12:15] = 1
    >>> scores = object_scores(match_objects(prediction, truth, 2).counts[None, 1])
    >>> {name: round(scores[name].value, 3) for name in ('precision', 'recall', 'F1', 'SQ', 'PQ')}
    {'precision': 0.5, 'recall': 1.0, 'F1': 0.667, 'SQ': 0.8, 'PQ': 0.533}
    """

    def score(name: str) -> Estimate:
        def statistic(sums: Values) -> Values:
            hit, missed, unmatched, iou = (sums[..., column] for column in range(4))
            half = hit + missed / 2 + unmatched / 2
            parts = {
                'precision': (hit, hit + unmatched),
                'recall': (hit, hit + missed),
                'F1': (hit, half),
                'SQ': (iou, hit),
                'PQ': (iou, half),
            }
            return divide(np.stack(parts[name], axis=-1))

        return bootstrap_sums(counts, statistic, resamples=resamples, seed=seed)

    return {name: score(name) for name in ('precision', 'recall', 'F1', 'SQ', 'PQ')}
