"""Dice, IoU, accuracy, precision and recall from confusion counts.

The names are those of mmsegmentation's ``IoUMetric``; Dice (1945) is the F1 score of a class, IoU the index of Jaccard.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = dict[str, NDArray[np.float64]]

CLASS_SCORES = ('Dice', 'IoU', 'Acc', 'Precision', 'Recall')
MEAN_SCORES = tuple(f'm{name}' for name in CLASS_SCORES)


def scores_from_confusion(confusion: NDArray[Any]) -> Scores:
    """Score each class from pixel counts, and average over classes.

    With true positives TP, false positives FP and false negatives FN of a class::

        Dice = 2 TP / (2 TP + FP + FN)        IoU       = TP / (TP + FP + FN)
        Acc  = Recall = TP / (TP + FN)        Precision = TP / (TP + FP)

    A score whose denominator is 0 is NaN: a class that is neither in the ground truth nor in the prediction has no
    score, and one that is predicted but never true has Dice, IoU and Precision 0 and no Acc. ``mDice`` and so on are
    means over the classes whose score is defined; ``aAcc`` is the share of correct pixels.

    Args:
        confusion: Counts, shape (…, K, K), rows true and columns predicted classes.

    Returns:
        ``Dice``, ``IoU``, ``Acc``, ``Precision``, ``Recall``: shape (…, K). ``mDice``, ``mIoU``, ``mAcc``,
        ``mPrecision``, ``mRecall``, ``aAcc``: shape (…). Values in [0, 1] or NaN.

    >>> scores = scores_from_confusion(np.array([[6, 2], [1, 3]]))
    >>> scores['Dice'].round(3).tolist(), scores['IoU'].round(3).tolist()
    ([0.8, 0.667], [0.667, 0.5])
    >>> round(float(scores['mDice']), 3)
    0.733
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
    means = {f'm{name}': mean_of_defined(values) for name, values in scores.items()}
    return {**scores, **means, 'aAcc': _ratio(hit.sum(-1), true.sum(-1))}


def absent_classes(confusion: NDArray[Any]) -> NDArray[np.bool_]:
    """Mark the classes without a pixel in ground truth and prediction: counts (…, K, K) → (…, K).

    >>> absent_classes(np.array([[4, 0], [0, 0]])).tolist()
    [False, True]
    """
    confusion = np.asarray(confusion)
    absent: NDArray[np.bool_] = (confusion.sum(-1) + confusion.sum(-2)) == 0
    return absent


def row_percent(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """Return a confusion matrix in percent of each true class, to two decimals; a class without pixels has zeros.

    Shape: (K, K) → (K, K).

    >>> row_percent(np.array([[3, 1], [0, 0]])).tolist()
    [[75.0, 25.0], [0.0, 0.0]]
    """
    totals = confusion.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.round(100 * confusion / np.maximum(totals, 1), 2)
    return shares


def mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over the last axis without NaN; NaN if all are NaN (``np.nanmean`` would warn)."""
    return _ratio(np.nansum(values, axis=-1), np.sum(~np.isnan(values), axis=-1))


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Divide; NaN where the whole is 0."""
    undefined = np.full(np.shape(whole), np.nan)
    return np.divide(part, whole, out=undefined, where=np.asarray(whole) != 0)
