"""Cross entropy whose class weights and ignored pixels work together."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_ext.models.losses.class_weight import ClassWeight, ClassWeights
from mmseg_ext.models.losses.reduction import (
    check_loss_name,
    divide_or_zero,
    full_precision,
    one_hot,
    pixel_weight,
    valid_pixels,
)
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class CrossEntropy(nn.Module):
    r"""Cross entropy of logits (N, C, H, W), averaged over the pixels that are not ignored.

    With target distribution ``t`` (one-hot for class ids), probabilities ``p``, class weights ``w`` and per-pixel
    weights ``a`` (both 1 if not given), sums running over the pixels ``i`` that are not ignored::

        loss = loss_weight * sum_i a_i sum_c w_c t_ic (-ln p_ic) / D

        D = sum_i sum_c w_c t_ic    with normalize='weights' (default)
        D = number of pixels i      with normalize='pixels'

    Without class weights the two agree. With them, ``'weights'`` is the rule of ``torch.nn.functional.cross_entropy``
    and of mmsegmentation's ``CrossEntropyLoss``, so learning rates and the balance against a second loss carry over
    from there; the scale of the weights cancels. ``'pixels'`` keeps the scale: weights below 1 for a frequent class
    make the whole loss smaller. As in mmsegmentation, ``a`` does not enter ``D``. If every pixel is ignored, the loss
    is 0 and its gradient is 0.

    One channel is a binary problem, whatever ``use_sigmoid`` says: the channel is the logit of class 1, and class
    weights are the two weights of classes 0 and 1. With ``use_sigmoid=True`` and more channels, each channel is a
    binary problem of its own: ``w_c`` weighs channel ``c`` and the mean runs over channels as well as pixels.

    Args:
        use_sigmoid: Independent binary cross entropy for each channel instead of softmax.
        class_weight: One weight >= 0 for each class, the path of a file with them, or how to compute them from masks,
            as in `mmseg_ext.models.losses.class_weight`; None for equal weights.
        normalize: What the sum is divided by, ``'weights'`` or ``'pixels'``.
        loss_weight: Factor on the loss.
        loss_name: Key in the log; it must start with ``loss_``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.
    """

    def __init__(
        self,
        use_sigmoid: bool = False,
        class_weight: ClassWeight = None,
        normalize: Literal['weights', 'pixels'] = 'weights',
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ce',
    ) -> None:
        super().__init__()
        if normalize not in ('weights', 'pixels'):
            raise ValueError(f"normalize {normalize!r} is neither 'weights' nor 'pixels'")
        self.use_sigmoid = use_sigmoid
        self.normalize = normalize
        self.loss_weight = loss_weight
        self.loss_name = check_loss_name(loss_name)
        self.class_weight = ClassWeights(class_weight)

    def forward(
        self, logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int | None = 255
    ) -> Tensor:
        """Compute the loss; half-precision logits are taken to float32 first.

        Args:
            logits: Scores before softmax or sigmoid (N, C, H, W).
            target: Class ids (N, H, W), integer, 0 to C - 1 or ``ignore_index``; or soft targets (N, C, H, W),
                floating, in [0, 1], where a pixel with a negative channel is ignored.
            weight: Optional per-pixel weights (N, H, W) or (N, 1, H, W).
            ignore_index: Class id of ignored pixels; None if no pixel is ignored.

        Returns:
            The loss, a scalar.

        Raises:
            ValueError: Shapes disagree, or (in CPU tensors only) a target value is out of range.
        """
        logits = full_precision(logits)
        valid = valid_pixels(logits, target, ignore_index)
        if self.use_sigmoid and logits.shape[1] > 1:
            loss, norm = self._sigmoid_terms(logits, target, valid)
        else:
            loss, norm = self._softmax_terms(logits, target, valid)
        if self.normalize == 'pixels':
            norm = torch.ones_like(loss)
        total = (loss * pixel_weight(weight, valid, loss.dtype)).sum()
        return self.loss_weight * divide_or_zero(total, torch.where(valid, norm, 0).sum())

    def _softmax_terms(self, logits: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return weighted cross entropy and the weight of each pixel's target, both (N, H, W)."""
        binary = logits.shape[1] == 1
        # A lone logit z is the softmax over the two logits 0 and z.
        log_probs = torch.cat([F.logsigmoid(-logits), F.logsigmoid(logits)], 1) if binary else logits.log_softmax(1)
        weights = self.class_weight(log_probs)
        if target.is_floating_point():
            soft = one_hot(target, valid, logits.shape[1], logits.dtype)
            soft = torch.cat([1 - soft, soft], 1) if binary else soft
            soft = soft * weights.view(1, -1, *(1 for _ in soft.shape[2:]))
            return -(soft * log_probs).sum(1), soft.sum(1)
        ids = torch.where(valid, target, 0).long()
        return F.nll_loss(log_probs, ids, weight=weights, reduction='none'), weights[ids]

    def _sigmoid_terms(self, logits: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return weighted binary cross entropy and weight, averaged over the channels, both (N, H, W)."""
        weights = self.class_weight(logits)
        channels = one_hot(target, valid, logits.shape[1], logits.dtype)
        loss = F.binary_cross_entropy_with_logits(logits, channels, reduction='none')
        loss = (loss * weights.view(1, -1, *(1 for _ in logits.shape[2:]))).mean(1)
        return loss, weights.mean().expand_as(loss)
