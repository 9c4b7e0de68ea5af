"""Cross entropy with boundary-weighted pixels."""

from __future__ import annotations

import math
from typing import Unpack

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_ext.models.losses.cross_entropy import CrossEntropyLoss
from mmseg_ext.models.losses.pixel_loss import PixelOptions
from mmseg_ext.models.losses.reduction import full_precision, pixel_weight, valid_pixels
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class BoundaryCrossEntropyLoss(CrossEntropyLoss):
    """`CrossEntropyLoss` with the pixel weights ``1 + w0 exp(-d^2 / (2 sigma^2))``.

    ``d`` is the Euclidean distance in pixels to the nearest boundary pixel, 0 on the boundary. This follows the weight
    map of U-Net (Ronneberger et al., arXiv 1505.04597, equation 2), where the distances to the two nearest *cells* add
    up to widen the gaps between them. Class masks know no instances, so here both sides of every boundary between
    classes weigh more. The map is computed from the target at each step, on the target's device: exactly up to
    ``3 sigma`` along rows and columns; pixels farther away have weight 1.

    A boundary pixel has a pixel of another class within ``band`` rows and columns. Ignored pixels belong to no class:
    where masks have an ignored strip between object and background, choose ``band`` wider than that strip, or no
    boundary is found. ``weight`` of the call multiplies these weights. ``w0=0`` is `CrossEntropyLoss`.

    Shape:
        logits (N, C, H, W); target (N, H, W), class ids only; loss: scalar >= 0.

    Args:
        w0: Additional weight of a boundary pixel, >= 0; 10 in the paper.
        sigma: Reach of the weight in pixels, >= 0; 5 in the paper. With 0 only boundary pixels weigh more.
        band: Half the width of the boundary in pixels, >= 1.
        loss_name: Key in the log; it must start with ``loss_``.
        options: As in `PixelLoss`.

    Raises:
        InputError: The class weights cannot be read or computed.
        ValueError: An option is out of range; in a call: as `PixelLoss`, or for soft targets, which have no boundary.

    >>> loss = BoundaryCrossEntropyLoss(w0=1, sigma=0)  # boundary pixels count twice
    >>> round(loss(torch.zeros(1, 2, 1, 4), torch.tensor([[[0, 0, 1, 1]]])).item(), 4)  # 6/4 ln 2
    1.0397
    """

    def __init__(
        self,
        *,
        w0: float = 10.0,
        sigma: float = 5.0,
        band: int = 1,
        loss_name: str = 'loss_boundary',
        **options: Unpack[PixelOptions],
    ) -> None:
        super().__init__(loss_name=loss_name, **options)
        if not (w0 >= 0 and sigma >= 0 and band >= 1):
            raise ValueError(f'w0 {w0} and sigma {sigma} must be >= 0, and band {band} >= 1')
        self.w0 = w0
        self.sigma = sigma
        self.band = band

    def forward(
        self, logits: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int | None = 255
    ) -> Tensor:
        """Compute the loss; arguments as in `PixelLoss.forward`, except that ``target`` must hold class ids."""
        if target.is_floating_point():
            raise ValueError('boundaries need class ids (N, H, W); soft targets have none')
        valid = valid_pixels(logits, target, ignore_index)
        own = 1 + self.w0 * proximity(boundary(target, valid, self.band), self.sigma)
        given = pixel_weight(weight, valid, full_precision(logits).dtype)
        return super().forward(logits, target, own * given, ignore_index)


def boundary(ids: Tensor, valid: Tensor, band: int = 1) -> Tensor:
    """Mark the pixels that have a pixel of another class within ``band`` rows and columns.

    Args:
        ids: Class ids (N, H, W).
        valid: Mask (N, H, W), bool, of the pixels that belong to a class.
        band: Reach of the window in pixels.

    Returns:
        Mask (N, H, W), bool.

    >>> ids = torch.tensor([[[0, 0, 0, 1]]])
    >>> boundary(ids, torch.ones_like(ids, dtype=torch.bool))
    tensor([[[False, False,  True,  True]]])
    """
    classes = ids.unsqueeze(1).float()
    known = valid.unsqueeze(1)
    size = 2 * band + 1  # max_pool2d pads with -inf, which is never the maximum
    highest = F.max_pool2d(torch.where(known, classes, -math.inf), size, stride=1, padding=band)
    lowest = -F.max_pool2d(torch.where(known, -classes, -math.inf), size, stride=1, padding=band)
    return valid & (highest > lowest).squeeze(1)


def proximity(marked: Tensor, sigma: float) -> Tensor:
    """Return ``exp(-d^2 / (2 sigma^2))``, d being the distance to the nearest marked pixel.

    The kernel is the product of a row factor and a column factor, so the maximum is found one axis at a time.

    Args:
        marked: Mask (N, H, W), bool.
        sigma: In pixels. Row or column distances above ``3 sigma`` count as infinite.

    Returns:
        Values (N, H, W) in [0, 1], float32; 0 where no pixel is marked.
    """
    near = marked.float()
    reach = math.ceil(3 * sigma)
    for axis in (1, 2):
        size = near.shape[axis]
        padded = F.pad(near, (reach, reach) if axis == 2 else (0, 0, reach, reach))
        for offset in range(-reach, reach + 1):
            factor = math.exp(-0.5 * (offset / sigma) ** 2) if offset else 1.0
            near = torch.maximum(near, factor * padded.narrow(axis, reach + offset, size))
    return near
