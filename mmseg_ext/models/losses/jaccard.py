"""Soft Jaccard loss: one intersection over union for each class, ignored pixels left out."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor

from mmseg_ext.models.losses.overlap_loss import OverlapLoss, OverlapOptions
from mmseg_ext.models.losses.reduction import divide_or_zero
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class Jaccard(OverlapLoss):
    """Mean over classes of ``1 - J_c`` or ``-ln(J_c)`` for logits (N, C, H, W), J being intersection over union.

    With ``I_c = sum_i a_i p_ic t_ic``, symbols and sums as in `Dice`::

        J_c = (I_c + smooth) / (sum_i a_i p_ic + sum_i a_i t_ic - I_c + smooth)

    BCE - ln(J), the loss of TernausNet (Iglovikov and Shvets, arXiv 1801.05746), is
    ``[dict(type='mmseg_ext.CrossEntropy', use_sigmoid=True), dict(type='mmseg_ext.Jaccard', log=True,
    use_sigmoid=True)]``. The paper writes J as a mean of fractions, one for each pixel; this is the fraction of sums,
    which on hard predictions is the IoU that metrics report.

    Args:
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `OverlapLoss`: ``smooth``, ``log``; and as in `RegionLoss`: ``use_sigmoid``, ``classes``,
            ``class_weight``, ``per``, ``absent``, ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.
    """

    def __init__(self, *, loss_name: str = 'loss_jaccard', **options: Unpack[OverlapOptions]) -> None:
        super().__init__(loss_name=loss_name, **options)

    def coefficient(self, overlap: Tensor, predicted: Tensor, true: Tensor) -> Tensor:
        """The Jaccard index of each class."""
        return divide_or_zero(overlap + self.smooth, predicted + true - overlap + self.smooth)
