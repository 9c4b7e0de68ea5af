"""Base class of the losses that average a per-pixel cost."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, Unpack

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_ext.models.losses.reduction import divide_or_zero, full_precision, one_hot, pixel_weight, valid_pixels
from mmseg_ext.models.losses.segmentation_loss import LossOptions, SegmentationLoss


class PixelOptions(LossOptions, total=False):
    """Options of every `PixelLoss`; see there."""

    label_smoothing: float
    normalize: Literal['weights', 'pixels']


class PixelLoss(SegmentationLoss):
    r"""Mean over pixels of a cost of the true class's probability.

    With target distribution ``t`` (one-hot for class ids), probabilities ``p``, class weights ``w`` and per-pixel
    weights ``a`` (both 1 if not given), sums over the valid pixels ``i``, those not ignored::

        loss = loss_weight * sum_i a_i sum_c w_c t_ic cost(p_ic) / D

        D = sum_i sum_c w_c t_ic    with normalize='weights' (default)
        D = number of pixels i      with normalize='pixels'

    So the loss for a soft target is the expected loss over labels drawn from that target.

    Without class weights the two agree. With them, ``'weights'`` is the rule of ``torch.nn.functional.cross_entropy``
    and of mmsegmentation's ``CrossEntropyLoss``, so learning rates and the balance against a second loss carry over
    from there; the scale of the weights cancels. ``'pixels'`` keeps the scale: weights below 1 for a frequent class
    make the whole loss smaller. As in mmsegmentation, ``a`` does not enter ``D``. If every pixel is ignored, or of a
    class of weight 0 where ``D`` sums the weights, the loss and its gradient are 0.

    One channel is always a binary problem: the channel is the logit of class 1, and ``class_weight`` holds the weights
    of classes 0 and 1. With ``use_sigmoid=True`` and more channels, each channel is a separate binary problem:
    ``w_c`` weighs channel ``c`` and the mean is over channels as well as pixels.

    Label smoothing (Szegedy et al., arXiv 1512.00567) with ``label_smoothing = e`` replaces ``t_c`` in the numerator by
    ``(1 - e) t_c + e / K``, K being the number of classes (2 for a binary problem), and leaves ``D`` unchanged, as
    ``torch.nn.functional.cross_entropy`` does for class ids. The minimum of cross entropy is then the entropy of the
    smoothed target instead of 0.

    Shape:
        logits (N, C, H, W); target (N, H, W) or soft (N, C, H, W); loss: scalar.

    Args:
        label_smoothing: Fraction ``e`` of each target that is spread over all classes, in [0, 1).
        normalize: Divisor of the sum, ``'weights'`` or ``'pixels'``.
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `SegmentationLoss`: ``use_sigmoid``, ``class_weight``, ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.
    """

    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        normalize: Literal['weights', 'pixels'] = 'weights',
        loss_name: str = 'loss_pixel',
        **options: Unpack[LossOptions],
    ) -> None:
        super().__init__(loss_name=loss_name, **options)
        if normalize not in ('weights', 'pixels'):
            raise ValueError(f"normalize {normalize!r} is neither 'weights' nor 'pixels'")
        if not 0 <= label_smoothing < 1:
            raise ValueError(f'label_smoothing {label_smoothing} is not in [0, 1)')
        self.label_smoothing = label_smoothing
        self.normalize = normalize

    @abstractmethod
    def cost(self, log_probs: Tensor) -> Tensor:
        """Return the cost of a true class of probability ``p``, given ``ln p`` of any shape."""

    def forward(
        self, logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int | None = 255
    ) -> Tensor:
        """Compute the loss; half-precision logits are cast to float32 first.

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
        valid = self.counted_pixels(logits, target, ignore_index)
        if self.use_sigmoid and logits.shape[1] > 1:
            loss, norm = self._sigmoid_terms(logits, target, valid)
        else:
            loss, norm = self._softmax_terms(logits, target, valid)
        if self.normalize == 'pixels':
            norm = torch.ones_like(loss)
        total = (loss * pixel_weight(weight, valid, loss.dtype)).sum()
        return self.loss_weight * divide_or_zero(total, torch.where(valid, norm, 0).sum())

    def counted_pixels(self, logits: Tensor, target: Tensor, ignore_index: int | None) -> Tensor:
        """Return the mask (N, H, W) of the pixels that enter the mean: by default those not ignored."""
        return valid_pixels(logits, target, ignore_index)

    def _softmax_terms(self, logits: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted cost and the weight of each pixel's target, both (N, H, W)."""
        log_probs = log_probabilities(logits)
        weights = self.class_weight(log_probs)
        channel_weights = _over_channels(weights, log_probs)
        if target.is_floating_point():
            weighted = distribution(target, valid, logits) * channel_weights
            loss, norm = (weighted * self.cost(log_probs)).sum(1), weighted.sum(1)
        else:
            ids = torch.where(valid, target, 0).long()
            true_log_probs = -F.nll_loss(log_probs, ids, reduction='none')
            loss, norm = weights[ids] * self.cost(true_log_probs), weights[ids]
        if self.label_smoothing:
            loss = torch.lerp(loss, (channel_weights * self.cost(log_probs)).mean(1), self.label_smoothing)
        return loss, norm

    def _sigmoid_terms(self, logits: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Return the weighted cost and the weight, averaged over channels, both (N, H, W)."""
        weights = self.class_weight(logits)
        share = one_hot(target, valid, logits.shape[1], logits.dtype)
        share = (1 - self.label_smoothing) * share + self.label_smoothing / 2
        loss = share * self.cost(F.logsigmoid(logits)) + (1 - share) * self.cost(F.logsigmoid(-logits))
        loss = (loss * _over_channels(weights, logits)).mean(1)
        return loss, weights.mean().expand_as(loss)


def log_probabilities(logits: Tensor) -> Tensor:
    """Return log-probabilities of the classes (N, C, H, W), C being 2 if the logits have one channel."""
    if logits.shape[1] == 1:  # the sigmoid of z is the softmax over the logits 0 and z
        return torch.cat([F.logsigmoid(-logits), F.logsigmoid(logits)], 1)
    return logits.log_softmax(1)


def distribution(target: Tensor, valid: Tensor, logits: Tensor) -> Tensor:
    """Spread a target over the channels of `log_probabilities`, with zeros in the ignored pixels."""
    share = one_hot(target, valid, logits.shape[1], logits.dtype)
    if logits.shape[1] > 1:
        return share
    return torch.cat([valid.unsqueeze(1).to(share) - share, share], 1)


def _over_channels(weights: Tensor, like: Tensor) -> Tensor:
    return weights.view(1, -1, *(1 for _ in like.shape[2:]))
