"""Convolutional block attention module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmseg_ext.models.attention.excitation import excitation
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class CBAM(nn.Module):
    """Weigh the channels, then the places (Woo et al., arXiv 1807.06521).

    The channels by one bottleneck over their means and their maxima over the image, σ(M(mean) + M(max)); the places by
    a convolution over the mean and the maximum of the channels at each. As in the paper's equations: the authors'
    code adds biases to the one and batch normalization to the other.

    Args:
        channels: Channels of the map.
        reduction: The bottleneck has ``channels // reduction`` values.
        kernel_size: Side of the convolution over places, odd.

    Raises:
        ValueError: ``reduction`` is less than 1 or more than the channels, or ``kernel_size`` is even.
    """

    def __init__(self, channels: int, reduction: int = 16, kernel_size: int = 7) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f'kernel_size={kernel_size} has no centre; use an odd one')
        self.excitation = excitation(channels, reduction)
        self.spatial = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same shape."""
        mean, largest = x.mean(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
        x = x * (self.excitation(mean) + self.excitation(largest)).sigmoid()
        places = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * self.spatial(places).sigmoid()
