"""Pre-activation ResNet (v2)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, cast

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmseg_ext.registry import MODELS

BLOCKS_OF_DEPTH = {
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}


class Stem(nn.Module):
    """Input normalization without learned scale, 7×7 convolution, norm, ReLU, max-pooling; stride 4."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.input_norm = nn.BatchNorm2d(in_channels, affine=False)
        self.conv = nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, channels, H/4, W/4)."""
        return self.pool(self.relu(self.norm(self.conv(self.input_norm(x)))))


class PreActivationBottleneck(nn.Module):
    """Norm and ReLU before each of the convolutions 1×1, 3×3 (with the stride) and 1×1, plus the shortcut.

    If the shape changes, the shortcut is a 1×1 convolution of the pre-activated input.
    """

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        out_channels = width * self.expansion
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=dilation, dilation=dilation, bias=False)
        self.norm3 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            conv = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(OrderedDict(conv=conv))

    def pre_activate(self, x: Tensor) -> Tensor:
        """Apply the first norm and ReLU."""
        return self.relu(self.norm1(x))

    def forward(self, x: Tensor, activated: Tensor | None = None) -> Tensor:
        """Run the block on ``x``; callers that already have ``pre_activate(x)`` pass it as ``activated``."""
        activated = self.pre_activate(x) if activated is None else activated
        shortcut = x if self.downsample is None else self.downsample(activated)
        out = self.conv1(activated)
        out = self.conv2(self.relu(self.norm2(out)))
        out = self.conv3(self.relu(self.norm3(out)))
        return out + shortcut


class Stage(nn.Module):
    """Sequence of bottlenecks; the first has the stride."""

    def __init__(self, in_channels: int, width: int, num_blocks: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        for index in range(num_blocks):
            self.blocks.append(PreActivationBottleneck(in_channels, width, stride if index == 0 else 1, dilation))
            in_channels = width * PreActivationBottleneck.expansion

    def pre_activate(self, x: Tensor) -> Tensor:
        """Apply the first block's norm and ReLU."""
        return cast(PreActivationBottleneck, self.blocks[0]).pre_activate(x)

    def forward(self, x: Tensor, activated: Tensor) -> Tensor:
        """Run all blocks; ``activated`` is ``pre_activate(x)``."""
        x = self.blocks[0](x, activated)
        for block in self.blocks[1:]:
            x = block(x)
        return x


@MODELS.register_module()
class ResNetV2(BaseModule):
    """Pre-activation ResNet (He et al., Identity Mappings in Deep Residual Networks, arXiv 1603.05027).

    A residual sum is not normalized, so the feature map of a stage is taken after the norm and ReLU that follow the
    sum: those of the next stage's first block, or ``norm`` after the last stage.

    Keys: ``stem.{input_norm,conv,norm}``, ``stages.S.blocks.B.{norm1,conv1,norm2,conv2,norm3,conv3,downsample.conv}``
    and the final ``norm``. A file in half precision loads unchanged: the values are cast to the type of the parameters.

    Shape:
        (N, in_channels, H, W) → one map (N, 4 · base_width · 2^s, ⌈H/2^(s+2)⌉, ⌈W/2^(s+2)⌉) per stage s, at the default
        strides.

    Args:
        depth: 50, 101, 152 or 200; or the number of blocks of each stage.
        num_stages: Number of stages to keep. 3 ends the network at C4 (1024 channels, stride 16).
        in_channels: Channels of the input.
        base_width: Channels of the stem, and of the first stage's 3×3 convolutions.
        strides: Stride of each stage.
        dilations: Dilation of each stage's 3×3 convolutions.
        out_indices: Stages whose feature maps are returned, finest first.
        frozen_stages: Number of stages that are not trained, after the stem, which is frozen from 0 on; −1 trains all.
        init_cfg: mmengine's initialization, e.g. ``dict(type='Pretrained', checkpoint='weights://FILE')``.

    Raises:
        ValueError: An argument is out of range.

    >>> import torch
    >>> net = ResNetV2(50, num_stages=3, base_width=8, out_indices=(0, 2))
    >>> [tuple(out.shape) for out in net(torch.zeros(2, 3, 64, 64))]
    [(2, 32, 16, 16), (2, 128, 4, 4)]
    """

    def __init__(
        self,
        depth: int | Sequence[int] = 50,
        num_stages: int = 4,
        in_channels: int = 3,
        base_width: int = 64,
        strides: Sequence[int] = (1, 2, 2, 2),
        dilations: Sequence[int] = (1, 1, 1, 1),
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        init_cfg: Any = None,
    ) -> None:
        super().__init__(init_cfg or [dict(type='Kaiming', layer='Conv2d')])
        if isinstance(depth, int) and depth not in BLOCKS_OF_DEPTH:
            raise ValueError(f'ResNetV2: depth must be one of {sorted(BLOCKS_OF_DEPTH)} or a list, got {depth}')
        blocks = BLOCKS_OF_DEPTH[depth] if isinstance(depth, int) else tuple(depth)
        if not 1 <= num_stages <= min(len(blocks), len(strides), len(dilations)):
            raise ValueError(f'ResNetV2: num_stages={num_stages} needs as many blocks, strides and dilations')
        if any(not 0 <= index < num_stages for index in out_indices):
            raise ValueError(f'ResNetV2: out_indices={tuple(out_indices)} must lie in 0…{num_stages - 1}')
        if not -1 <= frozen_stages <= num_stages:
            raise ValueError(f'ResNetV2: frozen_stages={frozen_stages} must lie in -1…{num_stages}')
        self.out_indices = tuple(out_indices)
        self.frozen_stages = frozen_stages

        self.stem = Stem(in_channels, base_width)
        self.stages = nn.ModuleList()
        channels = base_width
        for index in range(num_stages):
            width = base_width * 2**index
            self.stages.append(Stage(channels, width, blocks[index], strides[index], dilations[index]))
            channels = width * PreActivationBottleneck.expansion
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self._freeze()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map images (N, in_channels, H, W) to the feature maps of ``out_indices``, finest first."""
        stages = cast(Sequence[Stage], self.stages)
        x = self.stem(x)
        activated = stages[0].pre_activate(x)
        outs = []
        for index, stage in enumerate(stages):
            x = stage(x, activated)
            is_last = index + 1 == len(stages)
            activated = self.relu(self.norm(x)) if is_last else stages[index + 1].pre_activate(x)
            if index in self.out_indices:
                outs.append(activated)
        return tuple(outs)

    def train(self, mode: bool = True) -> ResNetV2:
        """Set the mode; frozen parts stay in evaluation mode, which keeps their running statistics."""
        super().train(mode)
        self._freeze()
        return self

    def _freeze(self) -> None:
        if self.frozen_stages < 0:
            return
        for part in (self.stem, *self.stages[: self.frozen_stages]):
            part.eval()
            for parameter in part.parameters():
                parameter.requires_grad = False
