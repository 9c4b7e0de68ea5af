"""Tversky and focal Tversky loss: overlap with its own price for false positives and for false negatives."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from mmseg_ext.models.losses.overlap_loss import OverlapLoss, OverlapOptions
from mmseg_ext.models.losses.reduction import divide_or_zero
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class Tversky(OverlapLoss):
    """Mean over classes of ``(1 - TI_c)^(1 / gamma)`` for logits (N, C, H, W), TI being the Tversky index.

    With true positives ``TP_c = sum_i a_i p_ic t_ic``, false positives ``FP_c = sum_i a_i p_ic (1 - t_ic)`` and false
    negatives ``FN_c = sum_i a_i (1 - p_ic) t_ic``, symbols and sums as in `Dice`::

        TI_c = (TP_c + smooth) / (TP_c + alpha FP_c + beta FN_c + smooth)

    Salehi et al. (arXiv 1706.05721) use ``beta > alpha`` to find small regions. ``alpha = beta = 0.5`` is `Dice` with
    twice this ``smooth``, ``alpha = beta = 1`` is `Jaccard`. ``gamma`` above 1 is the focal Tversky loss of Abraham and
    Khan (arXiv 1810.07842; their alpha is the price of false negatives, ``beta`` here), who use 4/3: it pulls harder
    on classes that are nearly right than ``gamma = 1`` does.

    Args:
        alpha: Price of false positives, >= 0.
        beta: Price of false negatives, >= 0.
        gamma: Root that is taken of each class loss, > 0.
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `OverlapLoss`: ``smooth``, ``log``; and as in `RegionLoss`: ``use_sigmoid``, ``classes``,
            ``class_weight``, ``per``, ``absent``, ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.
    """

    def __init__(
        self,
        *,
        alpha: float = 0.3,
        beta: float = 0.7,
        gamma: float = 1.0,
        loss_name: str = 'loss_tversky',
        **options: Unpack[OverlapOptions],
    ) -> None:
        super().__init__(loss_name=loss_name, **options)
        if not (alpha >= 0 and beta >= 0 and gamma > 0):
            raise ValueError(f'alpha {alpha} and beta {beta} must be >= 0, and gamma {gamma} > 0')
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma

    def coefficient(self, overlap: Tensor, predicted: Tensor, true: Tensor) -> Tensor:
        """The Tversky index of each class."""
        errors = self.alpha * (predicted - overlap) + self.beta * (true - overlap)
        return divide_or_zero(overlap + self.smooth, overlap + errors + self.smooth)

    def class_losses(self, scores: Tensor, target: Tensor, pixels: Tensor) -> Tensor:
        """``(1 - TI_c)^(1 / gamma)`` of each class in each unit (U, C)."""
        losses = super().class_losses(scores, target, pixels)
        # At 0 the slope of a root is infinite, and infinity times a gradient of 0 would be NaN.
        return losses if self.gamma == 1 else losses.clamp(min=torch.finfo(losses.dtype).tiny) ** (1 / self.gamma)
