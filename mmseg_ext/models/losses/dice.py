"""Soft Dice loss: one Dice for each class, ignored pixels left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

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
class Dice(nn.Module):
    """Mean over classes of ``1 - Dice_c`` or ``-ln(Dice_c)`` for logits (N, C, H, W).

    With probabilities ``p``, targets ``t`` (one-hot for class ids) and per-pixel weights ``a`` (1 if not given), sums
    running over the pixels ``i`` that are not ignored, of the batch or of one image::

        Dice_c = (2 sum_i a_i p_ic t_ic + smooth) / (sum_i a_i p_ic + sum_i a_i t_ic + smooth)
        loss = loss_weight * sum_c w_c (1 - Dice_c) / sum_c w_c

    The denominator is not squared, so that on hard predictions ``Dice_c`` is the Dice coefficient that the metrics
    report. ``smooth`` is in pixels. A soft target is reached exactly only by hard ``p``: the minimum for it is above 0.

    One channel is always a sigmoid, the probability of class 1, and only that class has a Dice. The loss BCE - ln(Dice)
    of Iglovikov and Shvets (TernausNet, arXiv 1801.05746) is ``[dict(type='mmseg_ext.CrossEntropy', use_sigmoid=True),
    dict(type='mmseg_ext.Dice', use_sigmoid=True, log=True)]``.

    A class without a pixel in the target has no true positives, so its Dice is ``smooth / (sum_i p_ic + smooth)``:
    close to 0 with hardly a gradient until almost nothing is predicted, and then a jump to 1. In small batches that is
    a near constant that hides the other classes; ``absent='skip'``, the default, leaves the class out of the mean.
    Its false positives still cost, as the missing pixels of the class they stand on and in the cross entropy beside
    this loss. Choose ``'count'`` to train on empty masks with this loss alone.

    If nothing is left to average (all pixels ignored, all classes skipped), the loss is 0 and its gradient is 0.

    Args:
        use_sigmoid: Independent sigmoid for each channel instead of softmax.
        classes: Channel indices that enter the mean; all by default.
        class_weight: ``w``: one weight >= 0 for each channel (chosen or not), the path of a file with them, or how to
            compute them from masks, as in `mmseg_ext.models.losses.class_weight`; None for equal weights.
        per: ``'batch'``: sums run over all images together. ``'image'``: over each image alone; the loss is the mean
            over the images that have a class to average.
        absent: ``'skip'`` or ``'count'`` for a class that the target (of the batch or image, after ``per``) lacks.
        smooth: Added to numerator and denominator, >= 0; with ``log`` or ``absent='count'`` it must be above 0.
        log: ``-ln(Dice_c)`` in place of ``1 - Dice_c``: unbounded, so it pulls hardest on the worst class.
        loss_weight: Factor on the loss.
        loss_name: Key in the log; it must start with ``loss_``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.
    """

    def __init__(
        self,
        use_sigmoid: bool = False,
        classes: Sequence[int] | None = None,
        class_weight: ClassWeight = None,
        per: Literal['batch', 'image'] = 'batch',
        absent: Literal['skip', 'count'] = 'skip',
        smooth: float = 1.0,
        log: bool = False,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_dice',
    ) -> None:
        super().__init__()
        if per not in ('batch', 'image'):
            raise ValueError(f"per {per!r} is neither 'batch' nor 'image'")
        if absent not in ('skip', 'count'):
            raise ValueError(f"absent {absent!r} is neither 'skip' nor 'count'")
        if not smooth >= 0 or (smooth == 0 and (log or absent == 'count')):
            raise ValueError(f"smooth {smooth} must be >= 0, and above 0 with log=True or absent='count'")
        if classes is not None and (len(classes) == 0 or len(set(classes)) < len(classes) or min(classes) < 0):
            raise ValueError(f'classes {list(classes)} must be different indices >= 0, at least one')
        self.use_sigmoid = use_sigmoid
        self.classes = None if classes is None else list(classes)
        self.per = per
        self.absent = absent
        self.smooth = smooth
        self.log = log
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
            weight: Optional per-pixel weights (N, H, W) or (N, 1, H, W): a pixel of weight 2 counts as two.
            ignore_index: Class id of ignored pixels; None if no pixel is ignored.

        Returns:
            The loss, a scalar.

        Raises:
            ValueError: Shapes disagree, an option does not fit C, or (in CPU tensors only) a target value is out of
                range.
        """
        logits = full_precision(logits)
        valid = valid_pixels(logits, target, ignore_index)
        weights = self._chosen_weights(logits)
        pixels = pixel_weight(weight, valid, logits.dtype).unsqueeze(1)
        use_sigmoid = self.use_sigmoid or logits.shape[1] == 1
        probs = self._chosen(logits.sigmoid() if use_sigmoid else logits.softmax(1))
        target = self._chosen(one_hot(target, valid, logits.shape[1], logits.dtype)) * pixels
        overlap, predicted, true = self._sum(probs * target), self._sum(probs * pixels), self._sum(target)

        dice = divide_or_zero(2 * overlap + self.smooth, predicted + true + self.smooth)
        loss = -dice.log() if self.log else 1 - dice
        counted = true > 0 if self.absent == 'skip' else (self._sum(pixels) > 0).expand_as(true)
        weights = weights * counted
        per_unit = divide_or_zero((loss * weights).sum(1), weights.sum(1))
        return self.loss_weight * divide_or_zero(per_unit.sum(), (weights.sum(1) > 0).sum())

    def _sum(self, values: Tensor) -> Tensor:
        """Sum (N, C, H, W) over pixels to (N, C), or over pixels and images to (1, C)."""
        per_image = values.flatten(2).sum(2)
        return per_image if self.per == 'image' else per_image.sum(0, keepdim=True)

    def _chosen(self, values: Tensor) -> Tensor:
        return values if self.classes is None else values[:, self.classes]

    def _chosen_weights(self, logits: Tensor) -> Tensor:
        """Return the weights of the chosen classes, (1, number of chosen)."""
        channels = logits.shape[1]
        if self.classes is not None and max(self.classes) >= channels:
            raise ValueError(f'classes {self.classes} for logits of {channels} channel(s)')
        weights: Tensor = self.class_weight(logits)
        return self._chosen(weights.unsqueeze(0))
