"""A trained model that gives the class probabilities of single photographs, for tools that label data with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.inference.network_predictor import NetworkPredictor
from mmseg_ext.inference.torch_network import TorchNetwork
from mmseg_ext.inference.views import Views


class Predictor:
    """A model with its weights. `mmseg_ext.Predictor` is the one for everything else: any file, tiles, masks, ONNX.

    Args:
        config_path: The experiment that the checkpoint was trained with.
        checkpoint: Its weights, or the work dir whose best checkpoint is meant.
        dtype: ``'bfloat16'``, ``'float16'`` (GPU only) or None for float32.
        device: Where it runs; a GPU where there is one.

    Attributes:
        classes: Names and palette of the data that the model was trained on.

    Raises:
        InputError: The config or the checkpoint cannot be used.
    """

    def __init__(
        self,
        config_path: str | Path,
        checkpoint: str | Path,
        dtype: str | None = 'bfloat16',
        device: str | None = None,
    ) -> None:
        self._network = TorchNetwork(config_path, checkpoint, dtype, device)
        self.classes = self._network.info.classes

    def probabilities(self, image: NDArray[np.uint8], sides: Sequence[int], flip: bool = True) -> NDArray[np.float32]:
        """The mean class probabilities of several views of a photograph.

        Args:
            image: Shape (H, W, 3), RGB, 0–255, as `mmseg_ext.data.images.read_image` gives it.
            sides: The shorter side of the photograph in each view, in pixels (both are rounded to multiples of 32).
            flip: Whether each view is also seen in the mirror.

        Returns:
            Shape (K, H, W), 0–1; a model with one output gives two classes.
        """
        views = Views(tuple((math.inf, side) for side in sides), flip)
        return NetworkPredictor(self._network, views).predict(image).probabilities
