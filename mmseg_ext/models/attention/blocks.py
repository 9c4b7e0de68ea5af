"""Attention blocks: SE, scSE and CBAM."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmseg_ext.registry import MODELS


def excitation(channels: int, reduction: int) -> nn.Sequential:
    """Build the squeeze-and-excitation bottleneck: two 1×1 convolutions with a ReLU between them.

    It maps channel descriptors (N, channels, 1, 1) to the same shape through ``channels // reduction`` values, without
    biases, which couples the channels better (Hu et al., arXiv 1709.01507).

    Raises:
        ValueError: ``reduction`` is not between 1 and ``channels``.
    """
    if not 1 <= reduction <= channels:
        raise ValueError(f'reduction={reduction} is not between 1 and the {channels} channels; correct reduction')
    hidden = channels // reduction
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1, bias=False),
        nn.ReLU(inplace=True),
        nn.Conv2d(hidden, channels, 1, bias=False),
    )


@MODELS.register_module()
class SE(nn.Module):
    """Squeeze-and-excitation block (Hu et al., arXiv 1709.01507): ``x · σ(W₂ ReLU(W₁ x̄))``, x̄ the channel means.

    Shape:
        (N, channels, H, W) → the same.

    Args:
        channels: Channels of the feature map.
        reduction: The paper's r; the bottleneck has ``channels // reduction`` values.

    Raises:
        ValueError: ``reduction`` is not between 1 and ``channels``.

    >>> SE(32)(torch.zeros(2, 32, 8, 8)).shape
    torch.Size([2, 32, 8, 8])
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        self.excitation = excitation(channels, reduction)

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels of x (N, channels, H, W)."""
        return x * self.excitation(x.mean(dim=(2, 3), keepdim=True)).sigmoid()


@MODELS.register_module()
class SCSE(nn.Module):
    """Concurrent spatial and channel SE (Roy et al., arXiv 1803.02579): ``SE(x) + x · σ(w * x)``, w a 1×1 convolution.

    Shape:
        (N, channels, H, W) → the same.

    Args:
        channels: Channels of the feature map.
        reduction: The channels' bottleneck has ``channels // reduction`` values; 2 in the paper.

    Raises:
        ValueError: ``reduction`` is not between 1 and ``channels``.

    >>> SCSE(32)(torch.zeros(2, 32, 8, 8)).shape
    torch.Size([2, 32, 8, 8])
    """

    def __init__(self, channels: int, reduction: int = 2) -> None:
        super().__init__()
        self.channel = SE(channels, reduction)
        self.spatial = nn.Conv2d(channels, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels and the positions of x (N, channels, H, W) and add the results."""
        return self.channel(x) + x * self.spatial(x).sigmoid()


@MODELS.register_module()
class CBAM(nn.Module):
    """Convolutional block attention module (Woo et al., arXiv 1807.06521): channel attention, then spatial attention.

    Channel attention is ``σ(M(mean) + M(max))`` with one bottleneck M and the means and maxima over the image; spatial
    attention is ``σ`` of a convolution over the means and maxima over the channels. This follows the paper's equations;
    the authors' code adds biases to the first and batch normalization to the second.

    Shape:
        (N, channels, H, W) → the same.

    Args:
        channels: Channels of the feature map.
        reduction: The bottleneck has ``channels // reduction`` values.
        kernel_size: Size of the spatial convolution, odd.

    Raises:
        ValueError: ``reduction`` is not between 1 and ``channels``, or ``kernel_size`` is even.

    >>> CBAM(32)(torch.zeros(2, 32, 8, 8)).shape
    torch.Size([2, 32, 8, 8])
    """

    def __init__(self, channels: int, reduction: int = 16, kernel_size: int = 7) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(f'kernel_size={kernel_size} has no centre; use an odd one')
        self.excitation = excitation(channels, reduction)
        self.spatial = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Scale the channels, then the positions of x (N, channels, H, W)."""
        mean, maximum = x.mean(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
        x = x * (self.excitation(mean) + self.excitation(maximum)).sigmoid()
        descriptor = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * self.spatial(descriptor).sigmoid()
