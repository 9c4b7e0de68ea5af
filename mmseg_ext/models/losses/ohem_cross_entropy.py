"""Cross entropy with online hard example mining (OHEM)."""

from __future__ import annotations

import math
from typing import Unpack

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_ext.models.losses.cross_entropy import CrossEntropyLoss
from mmseg_ext.models.losses.pixel_loss import PixelOptions, distribution, log_probabilities
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class OHEMCrossEntropyLoss(CrossEntropyLoss):
    """`CrossEntropyLoss` over the hard pixels of the batch; the other pixels are ignored.

    Online hard example mining of Shrivastava et al. (arXiv 1604.03540), which keeps the examples of highest loss, with
    the threshold that segmentation adds. A pixel is hard if its true class has a probability below ``thresh``, or if it
    is among the hardest ``min_kept`` of the valid pixels; ties with the last of these are all kept. Class weights and
    pixel weights do not influence which pixels are hard. For soft targets the probability is ``exp(-KL(t || p))``,
    which for class ids is the probability of the true class and for ``p = t`` is 1.

    mmsegmentation does this with a pixel sampler for all losses of a head; here it applies to one loss of a list.

    Shape:
        logits (N, C, H, W); target (N, H, W) or soft (N, C, H, W); loss: scalar >= 0.

    Args:
        thresh: Probability in (0, 1] below which a pixel is hard; None to use ``min_kept`` only.
        min_kept: Least fraction of pixels to keep, in (0, 1]. With 1, this is `CrossEntropyLoss`.
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `PixelLoss`, without ``use_sigmoid``: with one problem per channel no pixel has a single true
            class. One channel is a binary problem.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.

    >>> logits = torch.tensor([[[[0.0, 9.0]], [[0.0, 0.0]]]])  # the second pixel is easy
    >>> round(OHEMCrossEntropyLoss()(logits, torch.zeros(1, 1, 2, dtype=torch.long)).item(), 4)  # ln 2
    0.6931
    """

    def __init__(
        self,
        *,
        thresh: float | None = 0.7,
        min_kept: float = 1 / 16,
        loss_name: str = 'loss_ohem',
        **options: Unpack[PixelOptions],
    ) -> None:
        super().__init__(loss_name=loss_name, **options)
        if self.use_sigmoid:
            raise ValueError('use_sigmoid: a pixel has one true class here; one channel is binary without it')
        if thresh is not None and not 0 < thresh <= 1:
            raise ValueError(f'thresh {thresh} is not in (0, 1]')
        if not 0 < min_kept <= 1:
            raise ValueError(f'min_kept {min_kept} is not in (0, 1]')
        self.thresh = thresh
        self.min_kept = min_kept

    @torch.no_grad()
    def counted_pixels(self, logits: Tensor, target: Tensor, ignore_index: int | None) -> Tensor:
        """Return the mask (N, H, W) of the hard pixels."""
        valid = super().counted_pixels(logits, target, ignore_index)
        share = distribution(target, valid, logits)
        divergence = (torch.special.xlogy(share, share) - share * log_probabilities(logits)).sum(1)
        ranked = torch.where(valid, divergence, -math.inf).flatten().sort(descending=True).values
        ranked = F.pad(ranked, (0, 1), value=-math.inf)  # so that an empty batch has a last one too
        # The number to keep stays a tensor: reading it would synchronize with the GPU.
        last = (valid.sum().double() * self.min_kept).ceil().long() - 1
        hard = divergence >= ranked.gather(0, last.clamp(min=0).view(1))
        if self.thresh is not None:
            hard |= divergence > -math.log(self.thresh)
        return valid & hard
