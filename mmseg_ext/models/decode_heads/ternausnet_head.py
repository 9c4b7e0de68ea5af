"""TernausNet decode head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmseg_ext.registry import MODELS


class Upsample(nn.ConvTranspose2d):
    """Transposed convolution that doubles the size, with He initialization for a following ReLU.

    The variance is 2 over the number of inputs summed in an output, here in_channels · kernel_size² / 4.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: 3 or 4. With 4 each output sums the same number of inputs, which avoids checkerboard artefacts.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        if kernel_size not in (3, 4):
            raise ValueError(f'TernausNetHead: kernel_size must be 3 or 4, got {kernel_size}')
        super().__init__(in_channels, out_channels, kernel_size, stride=2, padding=1, output_padding=4 - kernel_size)

    def reset_parameters(self) -> None:
        """Draw the weights; set the bias to 0."""
        summed = self.in_channels * self.kernel_size[0] * self.kernel_size[1] / 4
        nn.init.normal_(self.weight, std=(2 / summed) ** 0.5)
        nn.init.zeros_(cast(Tensor, self.bias))


class DecoderBlock(nn.Module):
    """3×3 convolution, ReLU, transposed convolution, ReLU; doubles the size."""

    def __init__(self, in_channels: int, conv_channels: int, up_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, conv_channels, 3, padding=1)
        self.upsample = Upsample(conv_channels, up_channels, kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, h, w) to (N, up_channels, 2h, 2w)."""
        return F.relu(self.upsample(F.relu(self.conv(x))))


@MODELS.register_module()
class TernausNetHead(BaseDecodeHead):
    """Decoder of TernausNet (Iglovikov & Shvets, arXiv 1801.05746), a U-Net on an ImageNet VGG.

    Blocks of a convolution and a transposed convolution lead from the map after the last pooling back to the image
    size; the result of each is concatenated with the encoder's map of that size from before the pooling. If that map
    is one row or column larger, because the pooling rounded down, the last one is repeated.

    Shape:
        Encoder maps, finest first → logits (N, num_classes, H, W) at the size of the finest.

    Args:
        in_channels: Channels of the maps before each pooling, finest first, and of the map after the last one.
        conv_channels: Channels of each block's convolution, coarsest first.
        up_channels: Channels of each block's transposed convolution, coarsest first. The defaults of both are
            TernausNet-11's (32 filters): 22.9 million parameters with the VGG-11.
        channels: Channels of the last convolution, before the class scores.
        kernel_size: Kernel of the transposed convolutions: 3 in TernausNet-11, 4 in the authors' variant on VGG-16.
        kwargs: As in mmseg's BaseDecodeHead (num_classes, loss_decode …).

    Raises:
        ValueError: The numbers of channels do not fit, or ``kernel_size`` is neither 3 nor 4.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (64, 128, 256, 512, 512, 512),
        conv_channels: Sequence[int] = (512, 512, 512, 256, 128),
        up_channels: Sequence[int] = (256, 256, 128, 64, 32),
        channels: int = 32,
        kernel_size: int = 3,
        dropout_ratio: float = 0.0,
        in_index: Sequence[int] | None = None,
        init_cfg: Any = None,
        **kwargs: Any,
    ) -> None:
        blocks = len(in_channels) - 1
        if not len(conv_channels) == len(up_channels) == blocks:
            raise ValueError(f'TernausNetHead: {blocks + 1} in_channels need {blocks} conv_channels and up_channels')
        super().__init__(
            in_channels,
            channels,
            in_index=tuple(range(len(in_channels))) if in_index is None else in_index,
            input_transform='multiple_select',
            dropout_ratio=dropout_ratio,
            init_cfg=init_cfg
            or [
                dict(type='Kaiming', layer='Conv2d', mode='fan_in'),
                dict(type='Normal', std=0.01, override=dict(name='conv_seg')),
            ],
            **kwargs,
        )
        self.blocks = nn.ModuleList()
        joined, *skips = reversed(in_channels)
        for skip, conv, up in zip(skips, conv_channels, up_channels, strict=True):
            self.blocks.append(DecoderBlock(joined, conv, up, kernel_size))
            joined = up + skip
        self.last_conv = nn.Conv2d(joined, channels, 3, padding=1)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Map the encoder's maps, finest first, to logits (N, num_classes, H, W) at the size of the finest."""
        *skips, x = self._transform_inputs(inputs)
        for block, skip in zip(self.blocks, reversed(skips), strict=True):
            x = block(x)
            missing = (0, skip.shape[3] - x.shape[3], 0, skip.shape[2] - x.shape[2])
            x = torch.cat([F.pad(x, missing, mode='replicate'), skip], 1)
        return self.cls_seg(F.relu(self.last_conv(x)))
