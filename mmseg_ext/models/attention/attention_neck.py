"""Attention on the feature maps that the heads get."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_ext.registry import MODELS


@MODELS.register_module()
class AttentionNeck(BaseModule):
    """One attention block a feature map, before every head.

    Args:
        in_channels: Channels of the maps.
        attention: The block, without its ``channels``.
        neck: A neck that gets the weighed maps, such as an FPN.
    """

    def __init__(
        self, in_channels: Sequence[int], attention: dict[str, Any], neck: dict[str, Any] | None = None
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(MODELS.build(dict(attention, channels=channels)) for channels in in_channels)
        self.neck = None if neck is None else MODELS.build(neck)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Map the feature maps (N, C, H, W) to as many of the same shapes, or to what the neck makes of them."""
        maps = tuple(block(x) for block, x in zip(self.blocks, inputs, strict=True))
        return maps if self.neck is None else tuple(self.neck(maps))
