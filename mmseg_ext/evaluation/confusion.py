"""Confusion counts of one image, in whole numbers."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError

Counts = NDArray[np.int64]

MASK_VALUES = 256  # a mask is uint8
EXACT_IN_FLOAT32 = 2**24


def confusion_matrix(
    prediction: NDArray[Any], truth: NDArray[Any], num_classes: int, ignore_index: int = 255, name: str = 'mask'
) -> Counts:
    """Count pixels by true class (rows) and predicted class (columns).

    Args:
        prediction: Predicted class indices, shape (H, W), values 0 to K − 1.
        truth: True class indices, shape (H, W), values 0 to K − 1, or ``ignore_index``.
        num_classes: K, at most 256.
        ignore_index: Value of the truth whose pixels are not counted, 0 to 255.
        name: What the image is called in errors.

    Returns:
        Shape (K, K), int64.

    Raises:
        InputError: The truth holds another value, or its size is not the prediction's.
        ValueError: The prediction holds a value outside 0 to K − 1, or K or the ignored value is out of range.
    """
    if num_classes > MASK_VALUES or not 0 <= ignore_index < MASK_VALUES:
        raise ValueError(f'masks hold 0 to 255: {num_classes} classes, ignored value {ignore_index}')
    if prediction.shape != truth.shape:
        raise InputError(size_message(name, truth.shape, prediction.shape))
    if not truth.size:
        return np.zeros((num_classes, num_classes), np.int64)
    prediction, truth = _whole_numbers(prediction), _whole_numbers(truth)
    if _largest(prediction) >= num_classes:
        raise ValueError(prediction_message(name, prediction, num_classes))
    largest = _largest(truth)
    if largest >= MASK_VALUES:
        raise InputError(truth_message(name, truth, num_classes, ignore_index))
    # A row for every value up to the largest, ignored and stray ones too: cheaper than to drop pixels before counting.
    rows = max(num_classes, largest + 1)
    index_type: type[np.unsignedinteger] = np.uint8 if rows * num_classes <= 256 else np.uint16
    index = truth.astype(index_type)
    np.multiply(index, index_type(num_classes), out=index)
    np.add(index, prediction.astype(index_type, copy=False), out=index)
    counts = _histogram(index, rows * num_classes).reshape(rows, num_classes)
    counts[ignore_index : ignore_index + 1] = 0
    if counts[num_classes:].any():
        raise InputError(truth_message(name, truth, num_classes, ignore_index))
    return counts[:num_classes].copy()


def _whole_numbers(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.dtype in (np.uint8, np.int64) else values.astype(np.int64)


def _largest(values: NDArray[Any]) -> int:
    """The largest value, where a negative one counts as very large: one pass finds both kinds of stray values."""
    return int(values.max() if values.dtype == np.uint8 else values.view(np.uint64).max())


def _histogram(index: NDArray[Any], bins: int) -> Counts:
    """How often each value from 0 to ``bins`` − 1 occurs in a uint8 or uint16 array.

    OpenCV counts several times faster than ``np.bincount``, but returns float32, which is exact up to 2^24.
    """
    values = index.reshape(1, -1)
    counts = np.zeros(bins, np.int64)
    for start in range(0, values.size, EXACT_IN_FLOAT32):
        part = cv2.calcHist([values[:, start : start + EXACT_IN_FLOAT32]], [0], None, [bins], [0, bins])
        counts += part.ravel().astype(np.int64)
    return counts


def size_message(name: str, truth: tuple[int, ...], prediction: tuple[int, ...]) -> str:
    """Say that a truth and its prediction differ in size."""
    height, width = truth[-2:]
    return (
        f'{name}: mask is {width}×{height}, its prediction {prediction[-1]}×{prediction[-2]}; '
        'mask and image must have the same size'
    )


def prediction_message(name: str, prediction: NDArray[Any], num_classes: int) -> str:
    """Say which predicted value is no class."""
    stray = prediction[(prediction < 0) | (prediction >= num_classes)]
    return f'{name}: predicted class {stray.flat[0]}, but the {num_classes} classes are 0 to {num_classes - 1}'


def truth_message(name: str, truth: NDArray[Any], num_classes: int, ignore_index: int) -> str:
    """Say which true value is neither a class nor the ignored value."""
    stray = np.unique(truth[((truth < 0) | (truth >= num_classes)) & (truth != ignore_index)])
    values = ', '.join(map(str, stray[:5])) + (', …' if len(stray) > 5 else '')
    return (
        f'{name}: mask holds {values}, but classes are 0 to {num_classes - 1} and ignored pixels {ignore_index}; '
        'correct the mask or dataset.yaml'
    )
