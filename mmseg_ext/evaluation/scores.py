"""Dice, IoU, Acc, Precision and Recall from confusion counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = dict[str, NDArray[np.float64]]

CLASS_SCORES = ('Dice', 'IoU', 'Acc', 'Precision', 'Recall')
MEAN_SCORES = tuple(f'm{name}' for name in CLASS_SCORES)


def scores_from_confusion(confusion: NDArray[Any]) -> Scores:
    """Score each class, and their means, from counts of pixels.

    With TP, FP and FN of a class: Dice = 2 TP / (2 TP + FP + FN), IoU = TP / (TP + FP + FN), Acc = Recall =
    TP / (TP + FN), Precision = TP / (TP + FP). A score whose denominator is 0 is NaN. So a class that stands neither in
    truth nor in prediction has no score at all, and one that is predicted but nowhere true has Dice 0, IoU 0,
    Precision 0 and no Acc. The means are over the classes that have the score; aAcc is the share of right pixels.

    Args:
        confusion: Counts, shape (…, K, K), rows true and columns predicted classes.

    Returns:
        ``Dice``, ``IoU``, ``Acc``, ``Precision``, ``Recall``: shape (…, K). ``mDice``, ``mIoU``, ``mAcc``,
        ``mPrecision``, ``mRecall``, ``aAcc``: shape (…). Values in [0, 1] or NaN.
    """
    confusion = np.asarray(confusion)
    hit = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, predicted = confusion.sum(-1), confusion.sum(-2)
    recall = _ratio(hit, true)
    scores = {
        'Dice': _ratio(2 * hit, true + predicted),
        'IoU': _ratio(hit, true + predicted - hit),
        'Acc': recall,
        'Precision': _ratio(hit, predicted),
        'Recall': recall,
    }
    means = {f'm{name}': _mean_of_defined(values) for name, values in scores.items()}
    return {**scores, **means, 'aAcc': _ratio(hit.sum(-1), true.sum(-1))}


def absent_classes(confusion: NDArray[Any]) -> NDArray[np.bool_]:
    """Which classes stand neither in truth nor in prediction; shape (…, K) for counts of shape (…, K, K)."""
    confusion = np.asarray(confusion)
    absent: NDArray[np.bool_] = (confusion.sum(-1) + confusion.sum(-2)) == 0
    return absent


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Part / whole, NaN where the whole is 0."""
    undefined = np.full(np.shape(whole), np.nan)
    return np.divide(part, whole, out=undefined, where=np.asarray(whole) != 0)


def _mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis without NaN; NaN where all are (unlike ``np.nanmean``, without a warning)."""
    return _ratio(np.nansum(values, axis=-1), np.sum(~np.isnan(values), axis=-1))
