"""Soft Dice loss with class weights, ignored pixels and soft targets."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor

from mmseg_ext.models.losses.reduction import divide_or_zero
from mmseg_ext.models.losses.region_loss import OverlapLoss, OverlapOptions
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class DiceLoss(OverlapLoss):
    """Mean over classes of ``1 - Dice_c``, or of ``-ln(Dice_c)`` with ``log=True`` (cf. Milletari et al., 1606.04797).

    With probabilities ``p``, targets ``t`` (one-hot for class ids) and per-pixel weights ``a`` (1 if not given), sums
    over the valid pixels ``i`` of the batch or of one image::

        Dice_c = (2 sum_i a_i p_ic t_ic + smooth) / (sum_i a_i p_ic + sum_i a_i t_ic + smooth)

    BCE - ln(Dice), the TernausNet loss (Iglovikov and Shvets, arXiv 1801.05746) with Dice instead of Jaccard, is
    ``[dict(type='mmseg_ext.CrossEntropyLoss', use_sigmoid=True), dict(type='mmseg_ext.DiceLoss', use_sigmoid=True,
    log=True)]``.

    Shape:
        logits (N, C, H, W); target (N, H, W) or soft (N, C, H, W); loss: scalar in [0, 1], with ``log=True`` >= 0.

    Args:
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `OverlapLoss`: ``smooth``, ``log``; and as in `RegionLoss`: ``use_sigmoid``, ``classes``,
            ``class_weight``, ``per``, ``absent``, ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.

    >>> import torch
    >>> logits = torch.zeros(1, 2, 1, 4)  # p = 1/2: Dice = 2 · 1 / (2 + 2) for both classes
    >>> DiceLoss(smooth=0)(logits, torch.tensor([[[0, 0, 1, 1]]])).item()
    0.5
    """

    def __init__(self, *, loss_name: str = 'loss_dice', **options: Unpack[OverlapOptions]) -> None:
        super().__init__(loss_name=loss_name, **options)

    def coefficient(self, overlap: Tensor, predicted: Tensor, true: Tensor) -> Tensor:
        """Return the Dice coefficient of each class (U, C)."""
        return divide_or_zero(2 * overlap + self.smooth, predicted + true + self.smooth)
