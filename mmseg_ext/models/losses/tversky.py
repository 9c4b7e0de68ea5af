"""Tversky and focal Tversky loss."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from mmseg_ext.models.losses.reduction import divide_or_zero
from mmseg_ext.models.losses.region_loss import OverlapLoss, OverlapOptions
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class TverskyLoss(OverlapLoss):
    """Mean over classes of ``(1 - TI_c)^(1 / gamma)``, TI being the Tversky index.

    With true positives ``TP_c = sum_i a_i p_ic t_ic``, false positives ``FP_c = sum_i a_i p_ic (1 - t_ic)`` and false
    negatives ``FN_c = sum_i a_i (1 - p_ic) t_ic``, symbols and sums as in `DiceLoss`::

        TI_c = (TP_c + smooth) / (TP_c + alpha FP_c + beta FN_c + smooth)

    Salehi et al. (arXiv 1706.05721) use ``beta > alpha`` to find small regions. ``alpha = beta = 0.5`` is `DiceLoss`
    with twice this ``smooth``, ``alpha = beta = 1`` is `JaccardLoss`. ``gamma`` above 1 is the focal Tversky loss of
    Abraham and Khan (arXiv 1810.07842; their alpha weighs false negatives, ``beta`` here), who use 4/3: it has larger
    gradients for classes that are nearly right than ``gamma = 1``.

    Shape:
        logits (N, C, H, W); target (N, H, W) or soft (N, C, H, W); loss: scalar in [0, 1], with ``log=True`` >= 0.

    Args:
        alpha: Weight of false positives, >= 0.
        beta: Weight of false negatives, >= 0.
        gamma: Degree of the root that is taken of each class loss, > 0.
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `OverlapLoss`: ``smooth``, ``log``; and as in `RegionLoss`: ``use_sigmoid``, ``classes``,
            ``class_weight``, ``per``, ``absent``, ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.

    >>> logits = torch.zeros(1, 1, 1, 4)  # p = 1/2: TP = 1.5, FN = 1.5, FP = 0.5
    >>> TverskyLoss(alpha=0, beta=1, smooth=0)(logits, torch.tensor([[[1, 1, 1, 0]]])).item()  # 1 - recall
    0.5
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
        """Return the Tversky index of each class (U, C)."""
        errors = self.alpha * (predicted - overlap) + self.beta * (true - overlap)
        return divide_or_zero(overlap + self.smooth, overlap + errors + self.smooth)

    def class_losses(self, scores: Tensor, target: Tensor, pixels: Tensor) -> Tensor:
        """Return ``(1 - TI_c)^(1 / gamma)`` of each class in each unit (U, C)."""
        losses = super().class_losses(scores, target, pixels)
        # At 0 a root has an infinite slope, and infinity times a gradient of 0 would be NaN.
        return losses if self.gamma == 1 else losses.clamp(min=torch.finfo(losses.dtype).tiny) ** (1 / self.gamma)
