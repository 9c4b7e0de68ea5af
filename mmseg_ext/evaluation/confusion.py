"""Exact confusion matrix of one image, in NumPy and OpenCV."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError

Counts = NDArray[np.int64]

MASK_VALUES = 256  # of a uint8 mask
MAX_EXACT_FLOAT32 = 2**24  # whole numbers up to this are exact


def confusion_matrix(
    prediction: NDArray[Any], truth: NDArray[Any], num_classes: int, ignore_index: int = 255, name: str = 'mask'
) -> Counts:
    """Count pixels by true class (rows) and predicted class (columns).

    Args:
        prediction: Predicted class indices, shape (H, W), values 0 to K − 1.
        truth: True class indices, shape (H, W), values 0 to K − 1, or ``ignore_index``.
        num_classes: K, at most 256.
        ignore_index: Value of the ground truth whose pixels are not counted, 0 to 255.
        name: Name of the image in errors.

    Returns:
        Shape (K, K), int64.

    Raises:
        InputError: The ground truth holds another value, or its size is not the prediction's.
        ValueError: The prediction holds a value outside 0 to K − 1, or K or the ignored value is out of range.

    >>> truth = np.array([[0, 0, 1], [1, 1, 255]])
    >>> prediction = np.array([[0, 1, 1], [1, 1, 0]])
    >>> confusion_matrix(prediction, truth, num_classes=2)
    array([[1, 1],
           [0, 3]])
    """
    if num_classes > MASK_VALUES or not 0 <= ignore_index < MASK_VALUES:
        raise ValueError(f'masks hold 0 to 255: {num_classes} classes, ignored value {ignore_index}')
    if prediction.shape != truth.shape:
        raise size_error(name, truth.shape, prediction.shape)
    if not truth.size:
        return np.zeros((num_classes, num_classes), np.int64)
    prediction, truth = _whole_numbers(prediction), _whole_numbers(truth)
    if _largest(prediction) >= num_classes:
        raise prediction_error(name, prediction, num_classes)
    largest = _largest(truth)
    if largest >= MASK_VALUES:
        raise truth_error(name, truth, num_classes, ignore_index)
    # One row for every value up to the largest, even ignored and invalid ones: cheaper than dropping pixels first.
    rows = max(num_classes, largest + 1)
    index_type: type[np.unsignedinteger] = np.uint8 if rows * num_classes <= 256 else np.uint16
    index = truth.astype(index_type)
    np.multiply(index, index_type(num_classes), out=index)
    np.add(index, prediction.astype(index_type, copy=False), out=index)
    counts = _histogram(index, rows * num_classes).reshape(rows, num_classes)
    counts[ignore_index : ignore_index + 1] = 0
    if counts[num_classes:].any():
        raise truth_error(name, truth, num_classes, ignore_index)
    return counts[:num_classes].copy()


def _whole_numbers(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.dtype in (np.uint8, np.int64) else values.astype(np.int64)


def _largest(values: NDArray[Any]) -> int:
    """Return the largest value; negative values count as very large, so one pass finds both kinds of errors."""
    return int(values.max() if values.dtype == np.uint8 else values.view(np.uint64).max())


def _histogram(index: NDArray[Any], bins: int) -> Counts:
    """Count how often each value from 0 to ``bins`` − 1 occurs in a uint8 or uint16 array.

    OpenCV counts several times faster than ``np.bincount``, but returns float32, which is exact up to 2^24.
    """
    values = index.reshape(1, -1)
    counts = np.zeros(bins, np.int64)
    for start in range(0, values.size, MAX_EXACT_FLOAT32):
        part = cv2.calcHist([values[:, start : start + MAX_EXACT_FLOAT32]], [0], None, [bins], [0, bins])
        counts += part.ravel().astype(np.int64)
    return counts


def size_error(name: str, truth: tuple[int, ...], prediction: tuple[int, ...]) -> InputError:
    """Make the error for a ground truth and a prediction of different sizes (…, H, W)."""
    return InputError(
        name,
        f'mask is {truth[-1]}×{truth[-2]}, its prediction {prediction[-1]}×{prediction[-2]}',
        'mask and image must have the same size',
    )


def prediction_error(name: str, prediction: NDArray[Any], num_classes: int) -> ValueError:
    """Make the error for a prediction with a value that is not a class."""
    invalid = prediction[(prediction < 0) | (prediction >= num_classes)]
    classes = f'the {num_classes} classes are 0 to {num_classes - 1}'
    return ValueError(f'{name}: predicted class {invalid.flat[0]}, but {classes}')


def truth_error(name: str, truth: NDArray[Any], num_classes: int, ignore_index: int) -> InputError:
    """Make the error for a ground truth with values that are neither classes nor ignored."""
    invalid = np.unique(truth[((truth < 0) | (truth >= num_classes)) & (truth != ignore_index)])
    values = ', '.join(map(str, invalid[:5])) + (', …' if len(invalid) > 5 else '')
    return InputError(
        name,
        f'mask holds {values}, but classes are 0 to {num_classes - 1} and ignored pixels {ignore_index}',
        'correct the mask or dataset.yaml',
    )
