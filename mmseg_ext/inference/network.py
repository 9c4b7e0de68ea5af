"""What a network must offer so that photographs can be predicted with it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.images import Pixels
from mmseg_ext.inference.model_info import ModelInfo


class Network(Protocol):
    """Weights on some engine.

    Attributes:
        info: Its classes, normalisation and sizes.
    """

    info: ModelInfo

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Class scores before softmax (or, with one output, sigmoid) at the size of the input.

        Args:
            inputs: Normalised photographs, shape (N, 3, H, W); H and W are multiples of 32.

        Returns:
            Shape (N, K, H, W), or (N, 1, H, W) of a network with one output.
        """
        ...


def normalise(images: Pixels, info: ModelInfo) -> NDArray[np.float32]:
    """Photographs (N, H, W, 3), RGB, 0–255, as the network's input (N, 3, H, W)."""
    result = np.empty((images.shape[0], 3, *images.shape[1:3]), np.float32)
    for channel, (mean, std) in enumerate(zip(info.mean, info.std, strict=True)):
        source = channel if info.channels == 'rgb' else 2 - channel
        np.subtract(images[..., source], np.float32(mean), out=result[:, channel], dtype=np.float32)
        result[:, channel] /= np.float32(std)
    return result
