"""Generalized cross entropy, a bounded loss for noisy labels."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor

from mmseg_ext.models.losses.pixel_loss import PixelLoss, PixelOptions
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class GeneralizedCrossEntropyLoss(PixelLoss):
    """L_q loss (Zhang and Sabuncu, arXiv 1805.07836): the `PixelLoss` with cost ``(1 - p^q) / q``.

    It lies between cross entropy (``q`` towards 0) and the mean absolute error ``1 - p`` (``q = 1``, half the L1
    distance of the distributions). No pixel costs more than ``1 / q``, and its gradient is that of cross entropy times
    ``p^q``, so pixels that contradict their label weigh less: robust to wrong labels, slow at the start of a training
    from scratch. The truncated variant of the paper is not implemented.

    Shape:
        logits (N, C, H, W); target (N, H, W) or soft (N, C, H, W); loss: scalar in [0, 1 / q].

    Args:
        q: In (0, 1]; 0.7 in the paper.
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `PixelLoss`: ``use_sigmoid``, ``class_weight``, ``label_smoothing``, ``normalize``,
            ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.

    >>> logits = torch.zeros(1, 2, 1, 1)  # p = 1/2
    >>> GeneralizedCrossEntropyLoss(q=1)(logits, torch.zeros(1, 1, 1, dtype=torch.long)).item()
    0.5
    """

    def __init__(self, *, q: float = 0.7, loss_name: str = 'loss_gce', **options: Unpack[PixelOptions]) -> None:
        super().__init__(loss_name=loss_name, **options)
        if not 0 < q <= 1:
            raise ValueError(f'q {q} is not in (0, 1]')
        self.q = q

    def cost(self, log_probs: Tensor) -> Tensor:
        """Return ``(1 - p^q) / q``."""
        return -torch.expm1(self.q * log_probs) / self.q
