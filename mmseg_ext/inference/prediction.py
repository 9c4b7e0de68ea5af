"""Prediction of one image: mask, probabilities, overlay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import Pixels, UprightImage
from mmseg_ext.data.masks import Mask
from mmseg_ext.inference.network import ModelInfo

Logits = NDArray[np.float32]

MAX_BAND_VALUES = 2**22  # of logits at full size in memory: a large image is processed in bands of rows


class Prediction:
    """The result for one image; arrays of its full size are computed on first use.

    Args:
        image: The image, upright.
        info: Classes and threshold of the network.
        views: Logits of each view, shape (K, h, w), of any size; their probabilities are averaged.
        weights: Weight of each view in that average, above 0; all the same by default.

    Attributes:
        image: The image, upright.
        classes: Names and palette of the mask's values.

    >>> from mmseg_ext.data.images import from_array
    >>> info = ModelInfo(Classes(('background', 'cat'), ((0, 0, 0), (220, 60, 60))), mean=(0, 0, 0), std=(1, 1, 1))
    >>> logits = np.array([[[0, 0]], [[-3, 3]]], np.float32)
    >>> prediction = Prediction(from_array(np.zeros((1, 2, 3), np.uint8)), info, [logits])
    >>> prediction.mask, prediction.probabilities[1].round(2)
    (array([[0, 1]], dtype=uint8), array([[0.05, 0.95]], dtype=float32))
    """

    def __init__(
        self, image: UprightImage, info: ModelInfo, views: Sequence[Logits], weights: Sequence[float] | None = None
    ) -> None:
        self.image = image
        self.classes: Classes = info.classes
        self._threshold = info.threshold
        self._views = views
        self._weights = [1.0] * len(views) if weights is None else list(weights)

    @cached_property
    def mask(self) -> Mask:
        """Most likely class of each pixel, shape (H, W), uint8."""
        mask = np.empty(self.image.pixels.shape[:2], np.uint8)
        for rows, views in self._bands():
            if self._threshold is not None:
                mask[rows] = _mean_probabilities(views, self._weights)[1] > self._threshold
            elif len(views) == 1:  # softmax keeps the order
                mask[rows] = views[0].argmax(axis=0)
            else:
                mask[rows] = _mean_probabilities(views, self._weights).argmax(axis=0)
        return mask

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """Probability of each class, shape (K, H, W), 0–1; each pixel's sum is 1."""
        result = np.empty((len(self.classes.names), *self.image.pixels.shape[:2]), np.float32)
        for rows, views in self._bands():
            result[:, rows] = _mean_probabilities(views, self._weights)
        return result

    def overlay(self, opacity: float = 0.5) -> Pixels:
        """Blend the classes' colours over the image: shape (H, W, 3), RGB, 0–255.

        Args:
            opacity: From 0 (image only) to 1 (colour only); the background keeps the image.
        """
        colours = np.zeros((256, 3), np.float32)
        colours[: len(self.classes.palette)] = self.classes.palette
        weight = np.full(256, opacity, np.float32)
        weight[self.classes.background if self.classes.background is not None else []] = 0
        result = self.image.pixels.copy()
        height, width = self.mask.shape
        for rows in _bands_of(height, width, 3):
            mask, pixels = self.mask[rows], result[rows]
            share = weight[mask][..., None]
            pixels[:] = np.rint(pixels + share * (colours[mask] - pixels))
        return result

    def _bands(self) -> Iterator[tuple[slice, list[Logits]]]:
        """Yield bands of rows with the views' logits there, resized to the size of the image."""
        height, width = self.image.pixels.shape[:2]
        widened = [_resize_columns(view, width) for view in self._views]
        for rows in _bands_of(height, width, len(self._views[0])):
            yield rows, [_resize_rows(view, height, rows) for view in widened]


def _bands_of(height: int, width: int, depth: int) -> Iterator[slice]:
    step = max(1, MAX_BAND_VALUES // (width * depth))
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))


def _resize_columns(logits: Logits, width: int) -> Logits:
    """Interpolate logits (K, h, w) linearly along the rows to a new width."""
    if logits.shape[2] == width:
        return logits
    planes = [cv2.resize(plane, (width, plane.shape[0]), interpolation=cv2.INTER_LINEAR) for plane in logits]
    return np.asarray(planes, np.float32)


def _resize_rows(logits: Logits, height: int, rows: slice) -> Logits:
    """Interpolate logits (K, h, W) linearly along the columns to a new height, of which only ``rows`` are computed."""
    own = logits.shape[1]
    if own == height:
        return logits[:, rows]
    position = ((np.arange(rows.start, rows.stop) + 0.5) * own / height - 0.5).clip(0, own - 1)
    above = position.astype(int)
    below = np.minimum(above + 1, own - 1)
    share = (position - above).astype(np.float32)[:, None]
    return logits[:, above] * (1 - share) + logits[:, below] * share


def _mean_probabilities(views: Sequence[Logits], weights: Sequence[float]) -> NDArray[np.float32]:
    total = sum(weight * _probabilities(view) for view, weight in zip(views, weights, strict=True))
    return np.asarray(total / sum(weights), np.float32)


def _probabilities(logits: Logits) -> Logits:
    """Softmax over the first axis; one output becomes the probabilities of two classes (sigmoid)."""
    if len(logits) == 1:
        logits = np.concatenate([np.zeros_like(logits), logits])
    scores = np.exp(logits - logits.max(axis=0))
    return np.asarray(scores / scores.sum(axis=0), np.float32)
