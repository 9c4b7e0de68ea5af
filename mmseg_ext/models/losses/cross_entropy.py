"""Cross entropy whose class weights and ignored pixels work together."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor

from mmseg_ext.models.losses.pixel_loss import PixelLoss, PixelOptions
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class CrossEntropy(PixelLoss):
    """Cross entropy of logits (N, C, H, W): the `PixelLoss` of cost ``-ln p``.

    ``use_sigmoid=True``, or one channel, is binary cross entropy; ``label_smoothing`` is the smoothing of Szegedy et
    al. (arXiv 1512.00567).

    Args:
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `PixelLoss`: ``use_sigmoid``, ``class_weight``, ``label_smoothing``, ``normalize``,
            ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.
    """

    def __init__(self, *, loss_name: str = 'loss_ce', **options: Unpack[PixelOptions]) -> None:
        super().__init__(loss_name=loss_name, **options)

    def cost(self, log_probs: Tensor) -> Tensor:
        """``-ln p``."""
        return -log_probs
