"""What a network says of one photograph: mask, probabilities, overlay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import Pixels, UprightImage, turn_back
from mmseg_ext.data.masks import Mask
from mmseg_ext.inference.model_info import ModelInfo

Logits = NDArray[np.float32]

VALUES_AT_ONCE = 2**22  # of the logits at full size: a large photograph is worked through in bands of rows


class Prediction:
    """The result for one photograph.

    Nothing of the photograph's full size is computed before it is asked for.

    Args:
        photo: The photograph.
        info: Of the network.
        views: Logits of each view, shape (K, h, w), of any size; the mean of their probabilities counts.

    Attributes:
        photo: The photograph, upright.
        classes: Names and palette of the mask's values.
    """

    def __init__(self, photo: UprightImage, info: ModelInfo, views: Sequence[Logits]) -> None:
        self.photo = photo
        self.classes: Classes = info.classes
        self._threshold = info.threshold
        self._views = views

    @cached_property
    def mask(self) -> Mask:
        """The most likely class of each pixel, shape (H, W), uint8."""
        mask = np.empty(self.photo.pixels.shape[:2], np.uint8)
        for rows, views in self._bands():
            if self._threshold is not None:
                mask[rows] = _mean_probabilities(views)[1] > self._threshold
            elif len(views) == 1:  # softmax keeps the order
                mask[rows] = views[0].argmax(axis=0)
            else:
                mask[rows] = _mean_probabilities(views).argmax(axis=0)
        return mask

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """The chance of each class, shape (K, H, W), 0–1; each pixel's sum is 1."""
        result = np.empty((len(self.classes.names), *self.photo.pixels.shape[:2]), np.float32)
        for rows, views in self._bands():
            result[:, rows] = _mean_probabilities(views)
        return result

    @property
    def stored_mask(self) -> Mask:
        """The mask as it lies on the pixels that the file stores, before any EXIF rotation; shape (H, W) or (W, H)."""
        return turn_back(self.mask, self.photo.orientation)

    def overlay(self, opacity: float = 0.5) -> Pixels:
        """The photograph with the classes' colours over it, shape (H, W, 3), RGB, 0–255.

        Args:
            opacity: From 0 (photograph only) to 1 (colour only); class 0, the background, stays as it was photographed.
        """
        colours = np.zeros((256, 3), np.float32)
        colours[: len(self.classes.palette)] = self.classes.palette
        weight = np.full(256, opacity, np.float32)
        weight[0] = 0
        result = self.photo.pixels.copy()
        height, width = self.mask.shape
        for rows in _bands_of(height, width, 3):
            mask, pixels = self.mask[rows], result[rows]
            share = weight[mask][..., None]
            pixels[:] = np.rint(pixels + share * (colours[mask] - pixels))
        return result

    def _bands(self) -> Iterator[tuple[slice, list[Logits]]]:
        """Rows of the photograph, and the views' logits there, enlarged to the photograph's size."""
        height, width = self.photo.pixels.shape[:2]
        wide = [_widen(view, width) for view in self._views]
        for rows in _bands_of(height, width, len(self._views[0])):
            yield rows, [_rows(view, height, rows) for view in wide]


def _bands_of(height: int, width: int, depth: int) -> Iterator[slice]:
    step = max(1, VALUES_AT_ONCE // (width * depth))
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))


def _widen(logits: Logits, width: int) -> Logits:
    """Interpolate linearly along the rows to a new width."""
    if logits.shape[2] == width:
        return logits
    planes = [cv2.resize(plane, (width, plane.shape[0]), interpolation=cv2.INTER_LINEAR) for plane in logits]
    return np.asarray(planes, np.float32)


def _rows(logits: Logits, height: int, rows: slice) -> Logits:
    """Some rows of what linear interpolation along the columns to a new height would give."""
    own = logits.shape[1]
    if own == height:
        return logits[:, rows]
    place = ((np.arange(rows.start, rows.stop) + 0.5) * own / height - 0.5).clip(0, own - 1)
    above = place.astype(int)
    below = np.minimum(above + 1, own - 1)
    share = (place - above).astype(np.float32)[:, None]
    return logits[:, above] * (1 - share) + logits[:, below] * share


def _mean_probabilities(views: Sequence[Logits]) -> NDArray[np.float32]:
    total = sum(_probabilities(view) for view in views)
    return np.asarray(total / len(views), np.float32)


def _probabilities(logits: Logits) -> Logits:
    """Softmax over the first axis; one output becomes the chances of two classes by the sigmoid."""
    if len(logits) == 1:
        logits = np.concatenate([np.zeros_like(logits), logits])
    scores = np.exp(logits - logits.max(axis=0))
    return np.asarray(scores / scores.sum(axis=0), np.float32)
