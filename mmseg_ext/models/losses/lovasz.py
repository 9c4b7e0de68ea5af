"""Lovász-softmax loss and Lovász hinge."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, Unpack

import torch
from torch import Tensor

from mmseg_ext.models.losses.class_weight import ClassWeight
from mmseg_ext.models.losses.reduction import divide_or_zero
from mmseg_ext.models.losses.region_loss import RegionLoss, RegionOptions
from mmseg_ext.registry import MODELS


class Lovasz(RegionLoss):
    """`RegionLoss` of the Lovász extension of ``1 - IoU_c`` at the pixels' errors ``m_ic >= 0``.

    ``1 - IoU_c`` is a function of the set of mispredicted pixels. Its convex extension (Berman, Rannen Triki and
    Blaschko, arXiv 1705.08790, Algorithm 1) sorts the errors ``m`` in descending order and sums each error times the
    increase of ``1 - IoU_c`` that its pixel causes after the pixels before it. If each error is 0 or 1, it equals
    ``1 - IoU_c`` of a prediction that is wrong in the pixels of error 1. A pixel of weight 2 counts as two in
    intersection and union.
    """

    @abstractmethod
    def errors(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return the error ``m`` of each pixel for each class (N, C, H, W)."""

    def forward(
        self, logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int | None = 255
    ) -> Tensor:
        """Compute the loss; arguments as in `RegionLoss.forward`, except that ``target`` must hold class ids.

        Raises:
            ValueError: As in `RegionLoss.forward`, or the target is soft: intersection over union is defined for sets.
        """
        if target.is_floating_point():
            raise ValueError(
                'a Lovász loss needs class ids (N, H, W): it extends a function of sets, not of soft targets'
            )
        return super().forward(logits, target, weight, ignore_index)

    def class_losses(self, scores: Tensor, target: Tensor, pixels: Tensor) -> Tensor:
        """Return the Lovász extension for each class in each unit (U, C)."""
        inside = target * pixels
        outside = (1 - target) * pixels
        errors = torch.where(pixels > 0, self.errors(scores, target), 0)
        errors, order = self._units(errors).sort(descending=True)
        inside, outside = (self._units(values).gather(-1, order) for values in (inside, outside))
        return (errors * iou_steps(inside, outside).to(errors)).sum(-1)

    def _units(self, values: Tensor) -> Tensor:
        """Flatten (N, C, H, W) to (U, C, pixels), U being N or 1 after ``per``."""
        return values.flatten(2) if self.per == 'image' else values.transpose(0, 1).flatten(1).unsqueeze(0)


def iou_steps(inside: Tensor, outside: Tensor) -> Tensor:
    """Return how much each pixel adds to ``1 - IoU`` when pixels are mispredicted one after another.

    Args:
        inside: Weight of each pixel if it belongs to the class, else 0 (…, pixels).
        outside: Weight of each pixel if it does not belong to the class, else 0 (…, pixels).

    Returns:
        Steps (…, pixels), float64: in float32 the differences of a large batch would be lost to rounding.

    >>> iou_steps(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0]))  # a false positive, then a missed pixel
    tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    missed, false = inside.cumsum(-1, dtype=torch.float64), outside.cumsum(-1, dtype=torch.float64)
    loss = divide_or_zero(missed + false, missed[..., -1:] + false)
    return loss.diff(prepend=torch.zeros_like(loss[..., :1]))


@MODELS.register_module()
class LovaszSoftmaxLoss(Lovasz):
    """Lovász-softmax loss (Berman et al., arXiv 1705.08790): the `Lovasz` loss of the errors ``|t - p|``.

    ``absent='skip'`` averages over the classes present, as the paper calls it, ``'count'`` over all classes; an absent
    class costs its largest probability. It is often used after cross entropy or together with it.

    Shape:
        logits (N, C, H, W); target (N, H, W), class ids only; loss: scalar in [0, 1], 0 for a perfect prediction.

    Args:
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `RegionLoss`: ``use_sigmoid``, ``classes``, ``class_weight``, ``per``, ``absent``,
            ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.

    >>> logits = torch.zeros(1, 1, 1, 4)  # p = 1/2: all errors are 1/2
    >>> LovaszSoftmaxLoss()(logits, torch.tensor([[[0, 0, 1, 1]]])).item()
    0.5
    """

    def __init__(self, *, loss_name: str = 'loss_lovasz', **options: Unpack[RegionOptions]) -> None:
        super().__init__(loss_name=loss_name, **options)

    def errors(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return ``|t - p|``."""
        return (target - scores).abs()


@MODELS.register_module()
class LovaszHingeLoss(Lovasz):
    """Lovász hinge (Berman and Blaschko, arXiv 1512.07797): the `Lovasz` loss of the errors ``max(0, 1 - s z)``.

    ``z`` is the logit and ``s`` is 1 for pixels of the class, -1 for others. Each channel is a separate binary
    problem; a single channel is the logit of class 1. The defaults ``per='image'`` and ``absent='count'`` follow the
    authors' code.

    Shape:
        logits (N, C, H, W); target (N, H, W), class ids only; loss: scalar >= 0, 0 where all logits are right by a
        margin of 1.

    Args:
        classes: Channel indices that enter the mean; all by default.
        class_weight: Weights of the channels, as in `RegionLoss`.
        per: ``'batch'`` or ``'image'``, as in `RegionLoss`.
        absent: ``'skip'`` or ``'count'``, as in `RegionLoss`.
        loss_weight: Factor on the loss.
        loss_name: Key in the log; it must start with ``loss_``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.

    >>> LovaszHingeLoss()(torch.zeros(1, 1, 1, 4), torch.tensor([[[0, 0, 1, 1]]])).item()
    1.0
    """

    def __init__(
        self,
        *,
        classes: Sequence[int] | None = None,
        class_weight: ClassWeight = None,
        per: Literal['batch', 'image'] = 'image',
        absent: Literal['skip', 'count'] = 'count',
        loss_weight: float = 1.0,
        loss_name: str = 'loss_lovasz_hinge',
    ) -> None:
        super().__init__(
            classes=classes,
            class_weight=class_weight,
            per=per,
            absent=absent,
            loss_weight=loss_weight,
            loss_name=loss_name,
        )

    def scores(self, logits: Tensor) -> Tensor:
        """Return the logits themselves."""
        return logits

    def errors(self, scores: Tensor, target: Tensor) -> Tensor:
        """Return ``max(0, 1 - s z)``."""
        return (1 - (2 * target - 1) * scores).relu()
