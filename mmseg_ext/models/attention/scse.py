"""Concurrent spatial and channel squeeze and excitation."""

from __future__ import annotations

from torch import Tensor, nn

from mmseg_ext.models.attention.se import SE
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class SCSE(nn.Module):
    """Weigh the channels and, beside it, the places, and add the two (Roy et al., arXiv 1803.02579).

    Args:
        channels: Channels of the map.
        reduction: The channels' bottleneck has ``channels // reduction`` values; 2 in the paper.

    Raises:
        ValueError: ``reduction`` is less than 1 or more than the channels.
    """

    def __init__(self, channels: int, reduction: int = 2) -> None:
        super().__init__()
        self.channel = SE(channels, reduction)
        self.spatial = nn.Conv2d(channels, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same shape."""
        return self.channel(x) + x * self.spatial(x).sigmoid()
