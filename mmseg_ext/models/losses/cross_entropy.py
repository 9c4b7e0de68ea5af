"""Cross entropy loss with class weights, ignored pixels and soft targets."""

from __future__ import annotations

from typing import Unpack

from torch import Tensor

from mmseg_ext.models.losses.pixel_loss import PixelLoss, PixelOptions
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class CrossEntropyLoss(PixelLoss):
    """Cross entropy: the `PixelLoss` with cost ``-ln p``.

    ``use_sigmoid=True``, or a single channel, gives binary cross entropy. ``label_smoothing`` follows Szegedy et al.
    (arXiv 1512.00567).

    Shape:
        logits (N, C, H, W); target (N, H, W) or soft (N, C, H, W); loss: scalar >= 0.

    Args:
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `PixelLoss`: ``use_sigmoid``, ``class_weight``, ``label_smoothing``, ``normalize``,
            ``loss_weight``.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range.

    >>> import torch
    >>> loss = CrossEntropyLoss(class_weight=[0.5, 1, 1])
    >>> target = torch.tensor([[[0, 1], [2, 255]]])  # 255: ignored
    >>> round(loss(torch.zeros(1, 3, 2, 2), target).item(), 4)  # ln 3
    1.0986
    """

    def __init__(self, *, loss_name: str = 'loss_ce', **options: Unpack[PixelOptions]) -> None:
        super().__init__(loss_name=loss_name, **options)

    def cost(self, log_probs: Tensor) -> Tensor:
        """Return ``-ln p``."""
        return -log_probs
