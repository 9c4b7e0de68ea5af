"""Base classes of the losses that are computed from the whole region of each class."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal, Unpack

from torch import Tensor

from mmseg_ext.models.losses.reduction import divide_or_zero, full_precision, one_hot, pixel_weight, valid_pixels
from mmseg_ext.models.losses.segmentation_loss import LossOptions, SegmentationLoss


class RegionOptions(LossOptions, total=False):
    """Options of every `RegionLoss`; see there."""

    classes: Sequence[int] | None
    per: Literal['batch', 'image']
    absent: Literal['skip', 'count']


class RegionLoss(SegmentationLoss):
    """Weighted mean over classes of a loss per class.

    A class loss is computed from the valid pixels (those not ignored) of the batch or of one image::

        loss = loss_weight * sum_c w_c loss_c / sum_c w_c

    One channel is always a sigmoid, the probability of class 1, and only that class has a loss.

    A class without a pixel in the target has nothing to overlap with: its loss is close to the maximum, with a tiny
    gradient, until almost nothing is predicted, and then drops to 0. In small batches this near constant hides the
    other classes; ``absent='skip'``, the default, leaves the class out of the mean. Its false positives still cost: as
    missing pixels of the true class, and in a cross entropy added to this loss. Choose ``'count'`` to train on empty
    masks with such a loss alone.

    If nothing is left to average (all pixels ignored, all classes skipped), the loss and its gradient are 0.

    Shape:
        logits (N, C, H, W); target (N, H, W) or soft (N, C, H, W); loss: scalar.

    Args:
        classes: Channel indices that enter the mean; all by default. ``class_weight`` has a weight for each channel,
            chosen or not.
        per: ``'batch'``: one class loss over all images together. ``'image'``: one per image; the loss is the mean over
            the images that have a class to average.
        absent: ``'skip'`` or ``'count'`` for a class that is absent from the target (of the batch or image).
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `SegmentationLoss`: ``use_sigmoid``, ``class_weight``, ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.
    """

    def __init__(
        self,
        *,
        classes: Sequence[int] | None = None,
        per: Literal['batch', 'image'] = 'batch',
        absent: Literal['skip', 'count'] = 'skip',
        loss_name: str = 'loss_region',
        **options: Unpack[LossOptions],
    ) -> None:
        super().__init__(loss_name=loss_name, **options)
        if per not in ('batch', 'image'):
            raise ValueError(f"per {per!r} is neither 'batch' nor 'image'")
        if absent not in ('skip', 'count'):
            raise ValueError(f"absent {absent!r} is neither 'skip' nor 'count'")
        if classes is not None and (len(classes) == 0 or len(set(classes)) < len(classes) or min(classes) < 0):
            raise ValueError(f'classes {list(classes)} must be different indices >= 0, at least one')
        self.classes = None if classes is None else list(classes)
        self.per = per
        self.absent = absent

    @abstractmethod
    def class_losses(self, scores: Tensor, target: Tensor, pixels: Tensor) -> Tensor:
        """Compute the loss of each class in each unit: the batch (U = 1) or an image (U = N), according to ``per``.

        Args:
            scores: Result of `scores` for the chosen classes (N, C, H, W).
            target: Targets (N, C, H, W) in [0, 1], 0 in ignored pixels.
            pixels: Weights of the pixels (N, 1, H, W), 0 where they are ignored.

        Returns:
            Losses (U, C).
        """

    def forward(
        self, logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int | None = 255
    ) -> Tensor:
        """Compute the loss; half-precision logits are cast to float32 first.

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
        target = self._chosen(one_hot(target, valid, logits.shape[1], logits.dtype))
        loss = self.class_losses(self._chosen(self.scores(logits)), target, pixels)

        true = self.sum(target * pixels)
        counted = true > 0 if self.absent == 'skip' else (self.sum(pixels) > 0).expand_as(true)
        weights = weights * counted
        per_unit = divide_or_zero((loss * weights).sum(1), weights.sum(1))
        return self.loss_weight * divide_or_zero(per_unit.sum(), (weights.sum(1) > 0).sum())

    def scores(self, logits: Tensor) -> Tensor:
        """Return what a class loss compares with the target (N, C, H, W): by default probabilities."""
        return logits.sigmoid() if self.use_sigmoid or logits.shape[1] == 1 else logits.softmax(1)

    def sum(self, values: Tensor) -> Tensor:
        """Sum (N, C, H, W) over pixels to (N, C), or over pixels and images to (1, C), according to ``per``."""
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


class OverlapOptions(RegionOptions, total=False):
    """Options of every `OverlapLoss`; see there."""

    smooth: float
    log: bool


class OverlapLoss(RegionLoss):
    """`RegionLoss` ``1 - K_c`` or ``-ln(K_c)`` of an overlap coefficient ``K_c`` in [0, 1].

    With probabilities ``p``, targets ``t`` (one-hot for class ids) and per-pixel weights ``a`` (1 if not given),
    ``K_c`` is computed from ``sum_i a_i p_ic t_ic``, ``sum_i a_i p_ic`` and ``sum_i a_i t_ic``. Nothing is squared, so
    that on hard predictions ``K_c`` is the coefficient that metrics report. For a soft target the minimum is above 0.

    Args:
        smooth: Pixels added to numerator and denominator of ``K_c``, >= 0; with ``log`` or ``absent='count'`` it must
            be above 0.
        log: ``-ln(K_c)`` instead of ``1 - K_c``: unbounded, with the largest gradient for the worst class.
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
        """Return the coefficient ``K_c`` from the three sums, all (U, C)."""

    def class_losses(self, scores: Tensor, target: Tensor, pixels: Tensor) -> Tensor:
        """Return ``1 - K_c`` or ``-ln(K_c)`` of each class in each unit (U, C)."""
        target = target * pixels
        coefficient = self.coefficient(self.sum(scores * target), self.sum(scores * pixels), self.sum(target))
        return -coefficient.log() if self.log else 1 - coefficient
