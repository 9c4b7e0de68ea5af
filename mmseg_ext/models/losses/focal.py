"""Focal loss with class weights, ignored pixels and soft targets."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from mmseg_ext.models.losses.pixel_loss import PixelLoss, PixelOptions
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class FocalLoss(PixelLoss):
    """Focal loss (Lin et al., arXiv 1708.02002): the `PixelLoss` with cost ``-(1 - p)^gamma ln p``.

    Softmax by default; ``use_sigmoid=True`` is the form of the paper, one binary problem per channel. The paper's
    ``alpha`` is ``class_weight``: ``[1 - alpha, alpha]`` for one channel. The sum is divided by the number (or weight)
    of pixels, not of objects, which masks do not tell apart. ``gamma=0`` is `CrossEntropyLoss`.

    Shape:
        logits (N, C, H, W); target (N, H, W) or soft (N, C, H, W); loss: scalar >= 0.

    Args:
        gamma: Focusing parameter >= 0: how fast the weight of a pixel falls as ``p`` rises.
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `PixelLoss`: ``use_sigmoid``, ``class_weight``, ``label_smoothing``, ``normalize``,
            ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.

    >>> logits = torch.zeros(1, 2, 1, 1)  # p = 1/2
    >>> round(FocalLoss(gamma=2)(logits, torch.zeros(1, 1, 1, dtype=torch.long)).item(), 4)  # (1/2)^2 ln 2
    0.1733
    """

    def __init__(self, *, gamma: float = 2.0, loss_name: str = 'loss_focal', **options: Unpack[PixelOptions]) -> None:
        super().__init__(loss_name=loss_name, **options)
        if not gamma >= 0:
            raise ValueError(f'gamma {gamma} must be >= 0')
        self.gamma = gamma

    def cost(self, log_probs: Tensor) -> Tensor:
        """Return ``-(1 - p)^gamma ln p``."""
        # Where p rounds to 1, a power below 1 has an infinite slope, and infinity times ln p = 0 would be NaN.
        missing = (-torch.expm1(log_probs)).clamp(min=torch.finfo(log_probs.dtype).tiny)
        return -(missing**self.gamma) * log_probs
