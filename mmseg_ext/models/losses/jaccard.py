"""Soft Jaccard (IoU) loss with class weights, ignored pixels and soft targets."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor

from mmseg_ext.models.losses.reduction import divide_or_zero
from mmseg_ext.models.losses.region_loss import OverlapLoss, OverlapOptions
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class JaccardLoss(OverlapLoss):
    """Mean over classes of ``1 - J_c``, or of ``-ln(J_c)`` with ``log=True``, J being intersection over union.

    With ``I_c = sum_i a_i p_ic t_ic``, symbols and sums as in `DiceLoss` (Rahman and Wang, ISVC 2016)::

        J_c = (I_c + smooth) / (sum_i a_i p_ic + sum_i a_i t_ic - I_c + smooth)

    BCE - ln(J), the loss of TernausNet (Iglovikov and Shvets, arXiv 1801.05746), is
    ``[dict(type='mmseg_ext.CrossEntropyLoss', use_sigmoid=True), dict(type='mmseg_ext.JaccardLoss', log=True,
    use_sigmoid=True)]``. The paper writes J as a mean of per-pixel fractions; this is the fraction of sums, which on
    hard predictions is the IoU that metrics report.

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
    >>> logits = torch.zeros(1, 2, 1, 4)  # p = 1/2: J = 1 / (2 + 2 - 1) for both classes
    >>> round(JaccardLoss(smooth=0)(logits, torch.tensor([[[0, 0, 1, 1]]])).item(), 4)
    0.6667
    """

    def __init__(self, *, loss_name: str = 'loss_jaccard', **options: Unpack[OverlapOptions]) -> None:
        super().__init__(loss_name=loss_name, **options)

    def coefficient(self, overlap: Tensor, predicted: Tensor, true: Tensor) -> Tensor:
        """Return the Jaccard index of each class (U, C)."""
        return divide_or_zero(overlap + self.smooth, predicted + true - overlap + self.smooth)
