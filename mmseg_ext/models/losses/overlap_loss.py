"""What Dice, Jaccard and Tversky share: a coefficient of overlap for each class, turned into a loss."""

from __future__ import annotations

from abc import abstractmethod
from typing import Unpack

from torch import Tensor

from mmseg_ext.models.losses.region_loss import RegionLoss, RegionOptions


class OverlapOptions(RegionOptions, total=False):
    """Options that every `OverlapLoss` takes; they are described there."""

    smooth: float
    log: bool


class OverlapLoss(RegionLoss):
    """The `RegionLoss` ``1 - K_c`` or ``-ln(K_c)`` of a coefficient of overlap ``K_c`` in [0, 1].

    With probabilities ``p``, targets ``t`` (one-hot for class ids) and per-pixel weights ``a`` (1 if not given),
    ``K_c`` is computed from ``sum_i a_i p_ic t_ic``, ``sum_i a_i p_ic`` and ``sum_i a_i t_ic``. Nothing is squared, so
    that on hard predictions ``K_c`` is the coefficient that metrics report. A soft target is reached exactly only by
    hard ``p``: the minimum for it is above 0.

    Args:
        smooth: Pixels added to numerator and denominator of ``K_c``, >= 0; with ``log`` or ``absent='count'`` it must
            be above 0.
        log: ``-ln(K_c)`` in place of ``1 - K_c``: unbounded, so it pulls hardest on the worst class.
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `RegionLoss`: ``use_sigmoid``, ``classes``, ``class_weight``, ``per``, ``absent``,
            ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.
    """

    def __init__(
        self,
        *,
        smooth: float = 1.0,
        log: bool = False,
        loss_name: str = 'loss_overlap',
        **options: Unpack[RegionOptions],
    ) -> None:
        super().__init__(loss_name=loss_name, **options)
        if not smooth >= 0 or (smooth == 0 and (log or self.absent == 'count')):
            raise ValueError(f"smooth {smooth} must be >= 0, and above 0 with log=True or absent='count'")
        self.smooth = smooth
        self.log = log

    @abstractmethod
    def coefficient(self, overlap: Tensor, predicted: Tensor, true: Tensor) -> Tensor:
        """The coefficient ``K_c`` from the three sums, all (U, C)."""

    def class_losses(self, scores: Tensor, target: Tensor, pixels: Tensor) -> Tensor:
        """``1 - K_c`` or ``-ln(K_c)`` of each class in each unit (U, C)."""
        target = target * pixels
        coefficient = self.coefficient(self.sum(scores * target), self.sum(scores * pixels), self.sum(target))
        return -coefficient.log() if self.log else 1 - coefficient
