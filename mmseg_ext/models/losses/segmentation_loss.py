"""Base class of the losses, with the arguments that all of them take."""

from __future__ import annotations

from abc import ABC
from typing import TypedDict

from torch import nn

from mmseg_ext.models.losses.class_weight import ClassWeight, ClassWeights
from mmseg_ext.models.losses.reduction import check_loss_name


class LossOptions(TypedDict, total=False):
    """Options of every `SegmentationLoss`; see there."""

    use_sigmoid: bool
    class_weight: ClassWeight
    loss_weight: float


class SegmentationLoss(nn.Module, ABC):
    """Loss of logits (N, C, H, W) against class ids (N, H, W) or soft targets (N, C, H, W).

    Args:
        use_sigmoid: An independent sigmoid for each channel instead of softmax.
        class_weight: One weight >= 0 for each channel, the path of a file with them, or a method to compute them from
            masks, see `mmseg_ext.models.losses.class_weight`; None for equal weights.
        loss_weight: Factor on the loss.
        loss_name: Key in the log; it must start with ``loss_``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: ``loss_name`` does not start with ``loss_``, or a weight is not allowed.
    """

    def __init__(
        self,
        use_sigmoid: bool = False,
        class_weight: ClassWeight = None,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_segmentation',
    ) -> None:
        super().__init__()
        self.use_sigmoid = use_sigmoid
        self.class_weight = ClassWeights(class_weight)
        self.loss_weight = loss_weight
        self.loss_name = check_loss_name(loss_name)
