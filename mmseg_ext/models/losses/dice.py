"""Soft Dice loss: one Dice for each class, ignored pixels left out."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor

from mmseg_ext.models.losses.overlap_loss import OverlapLoss, OverlapOptions
from mmseg_ext.models.losses.reduction import divide_or_zero
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class Dice(OverlapLoss):
    """Mean over classes of ``1 - Dice_c`` or ``-ln(Dice_c)`` for logits (N, C, H, W).

    With probabilities ``p``, targets ``t`` (one-hot for class ids) and per-pixel weights ``a`` (1 if not given), sums
    running over the pixels ``i`` that are not ignored, of the batch or of one image::

        Dice_c = (2 sum_i a_i p_ic t_ic + smooth) / (sum_i a_i p_ic + sum_i a_i t_ic + smooth)

    BCE - ln(Dice) is ``[dict(type='mmseg_ext.CrossEntropy', use_sigmoid=True), dict(type='mmseg_ext.Dice',
    use_sigmoid=True, log=True)]``: the loss of TernausNet (Iglovikov and Shvets, arXiv 1801.05746) with Dice in place
    of `Jaccard`.

    Args:
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `OverlapLoss`: ``smooth``, ``log``; and as in `RegionLoss`: ``use_sigmoid``, ``classes``,
            ``class_weight``, ``per``, ``absent``, ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.
    """

    def __init__(self, *, loss_name: str = 'loss_dice', **options: Unpack[OverlapOptions]) -> None:
        super().__init__(loss_name=loss_name, **options)

    def coefficient(self, overlap: Tensor, predicted: Tensor, true: Tensor) -> Tensor:
        """The Dice of each class."""
        return divide_or_zero(2 * overlap + self.smooth, predicted + true + self.smooth)
