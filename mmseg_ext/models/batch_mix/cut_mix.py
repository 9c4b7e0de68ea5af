"""CutMix: a box of another image."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from mmseg_ext.models.batch_mix.mix import check_alpha
from mmseg_ext.models.batch_mix.paste_mix import PasteMix
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class CutMix(PasteMix):
    """Paste a box of another image at its own place (Yun et al., arXiv 1905.04899).

    The box has the shape of the batch's images and the share ``1 - lam`` of their area, ``lam`` from Beta(alpha,
    alpha), up to whole pixels. In the paper it is centred anywhere and clipped at the border, so that it is smaller
    than drawn; here it lies inside, anywhere with equal probability. The target changes pixel by pixel, so that it
    needs no ``lam``. Pixels that are ignored in the box, padding among them, stay ignored where they are pasted.

    Args:
        prob: Probability for each image, 0-1.
        alpha: > 0; with 1, as in the paper, all shares are equally probable.
        ignore_index: The id of ignored pixels.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, prob: float = 0.5, alpha: float = 1.0, ignore_index: int = 255) -> None:
        super().__init__(prob, ignore_index)
        self.alpha = check_alpha(alpha)

    def pasted(self, ids: Tensor, other_ids: Tensor, numbers: np.random.Generator) -> Tensor:
        """Draw size and place of the box."""
        lam = float(numbers.beta(self.alpha, self.alpha))
        top, left = numbers.random(2).tolist()
        return box(ids, 1 - lam, top, left)


def box(like: Tensor, share: float, top: float, left: float) -> Tensor:
    """A box in a mask like ``like`` (H, W).

    Args:
        like: A tensor of that shape.
        share: Its share of the area, 0-1.
        top: Its place among the rows that it can start in, 0-1.
        left: The same for columns.

    Returns:
        Mask (H, W), bool.
    """
    height, width = (round(side * math.sqrt(share)) for side in like.shape)
    first_row, first_column = (
        min(int(place * (side - size + 1)), side - size)
        for place, side, size in zip((top, left), like.shape, (height, width), strict=True)
    )
    mask = torch.zeros_like(like, dtype=torch.bool)
    mask[first_row : first_row + height, first_column : first_column + width] = True
    return mask
