"""The bottleneck that every block here makes of a channel descriptor its weights with."""

from __future__ import annotations

from torch import nn


def excitation(channels: int, reduction: int) -> nn.Sequential:
    """Two layers from (N, channels, 1, 1) to the same shape, through ``channels // reduction`` values.

    They have no bias, which couples the channels better (Hu et al., arXiv 1709.01507).

    Raises:
        ValueError: Nothing is left after the reduction.
    """
    if not 1 <= reduction <= channels:
        raise ValueError(f'reduction={reduction} is not between 1 and the {channels} channels; correct reduction')
    hidden = channels // reduction
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1, bias=False),
        nn.ReLU(inplace=True),
        nn.Conv2d(hidden, channels, 1, bias=False),
    )
