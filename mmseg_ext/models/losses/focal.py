"""Focal loss: cross entropy that turns away from pixels that are right already."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from mmseg_ext.models.losses.pixel_loss import PixelLoss, PixelOptions
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class Focal(PixelLoss):
    """Focal loss of Lin et al. (arXiv 1708.02002) of logits (N, C, H, W): the `PixelLoss` of ``-(1 - p)^gamma ln p``.

    With softmax by default; ``use_sigmoid=True`` is the form of the paper, one binary problem for each channel. The
    balance ``alpha`` of the paper is ``class_weight``: ``[1 - alpha, alpha]`` for one channel. The sum is divided by
    the pixels (or their weights), not by the number of objects, which masks do not tell. ``gamma=0`` is `CrossEntropy`.

    Args:
        gamma: How fast a pixel loses its say as ``p`` rises, >= 0.
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `PixelLoss`: ``use_sigmoid``, ``class_weight``, ``label_smoothing``, ``normalize``,
            ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.
    """

    def __init__(self, *, gamma: float = 2.0, loss_name: str = 'loss_focal', **options: Unpack[PixelOptions]) -> None:
        super().__init__(loss_name=loss_name, **options)
        if not gamma >= 0:
            raise ValueError(f'gamma {gamma} must be >= 0')
        self.gamma = gamma

    def cost(self, log_probs: Tensor) -> Tensor:
        """``-(1 - p)^gamma ln p``."""
        # Where p rounds to 1 the slope of a power below 1 is infinite, and infinity times ln p = 0 would be NaN.
        missing = (-torch.expm1(log_probs)).clamp(min=torch.finfo(log_probs.dtype).tiny)
        return -(missing**self.gamma) * log_probs
