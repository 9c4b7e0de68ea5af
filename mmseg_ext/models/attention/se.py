"""Squeeze and excitation."""

from __future__ import annotations

from torch import Tensor, nn

from mmseg_ext.models.attention.excitation import excitation
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class SE(nn.Module):
    """Weigh the channels by what their means over the image say (Hu et al., arXiv 1709.01507): x · σ(W₂ ReLU(W₁ x̄)).

    Args:
        channels: Channels of the map.
        reduction: The paper's r; the bottleneck has ``channels // reduction`` values.

    Raises:
        ValueError: ``reduction`` is less than 1 or more than the channels.
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.excitation = excitation(channels, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, H, W) to the same shape."""
        return x * self.excitation(x.mean(dim=(2, 3), keepdim=True)).sigmoid()
