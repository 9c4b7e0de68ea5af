"""FCN-8s decode head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmseg_ext.registry import MODELS

SCORES = ('conv_seg', 'score_pool4', 'score_pool3')


class LearnedUpsample(nn.ConvTranspose2d):
    """Upsampling by an even integer factor: a transposed convolution initialized to bilinear interpolation.

    The initial result is that of ``F.interpolate(mode='bilinear', align_corners=False)``, including the border: the
    input is padded by its border values, and the surplus of the output is cut off.

    Args:
        channels: Channels of input and output.
        factor: 2, 4, 8 ….
    """

    def __init__(self, channels: int, factor: int) -> None:
        self.factor = factor
        super().__init__(channels, channels, 2 * factor, stride=factor, bias=False)

    def reset_parameters(self) -> None:
        """Set the bilinear weights: a tent of width 2 · factor for each channel, 0 between channels."""
        with torch.no_grad():
            positions = torch.arange(2 * self.factor) + 0.5
            tent = 1 - (positions / self.factor - 1).abs()
            self.weight.zero_()
            channels = torch.arange(self.in_channels)
            self.weight[channels, channels] = tent[:, None] * tent

    def forward(self, x: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        """Map (N, C, h, w) to (N, C, H, W) for ``output_size`` (H, W), which may exceed h · factor by factor − 1.

        The rows and columns that floor division lost repeat the last one.
        """
        height, width = output_size or (self.factor * x.shape[2], self.factor * x.shape[3])
        x = super().forward(F.pad(x, (1, 2, 1, 2), mode='replicate'))
        start = self.factor + self.factor // 2
        return x[:, :, start : start + height, start : start + width]


@MODELS.register_module()
class FCN8sHead(BaseDecodeHead):
    """Head of FCN-8s (Long et al., Fully Convolutional Networks, arXiv 1411.4038).

    The classifier's fully connected layers become convolutions (fc6, fc7) on pool5; class scores of fc7, pool4 and
    pool3 are added from coarse to fine, with a learned upsampling by 2 at each step and by 8 at the end.

    Three details differ from the original. fc6 pads by half its kernel instead of padding the image by 100 pixels
    and cropping, so that maps stay aligned for images of any size. The last upsampling is learned as well. The scores
    start near zero, not at zero.

    Shape:
        conv1, pool3, pool4, pool5 of `VGG` → logits (N, num_classes, H, W) at the image size.

    Args:
        in_channels: Channels of conv1, pool3, pool4 and pool5 of `mmseg_ext.models.backbones.vgg.VGG`, in this order.
            Only the size of conv1 is used, which is the image's.
        channels: Channels of fc6 and fc7, 4096 in the original.
        kernel_size: Kernel of fc6, odd; 7 in the original.
        dropout_ratio: Dropout of whole channels after fc6 and after fc7, 0.5 in the original.
        kwargs: As in mmseg's BaseDecodeHead (num_classes, loss_decode …).
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (64, 256, 512, 512),
        channels: int = 4096,
        kernel_size: int = 7,
        dropout_ratio: float = 0.5,
        in_index: Sequence[int] = (0, 1, 2, 3),
        init_cfg: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            in_channels,
            channels,
            in_index=in_index,
            input_transform='multiple_select',
            dropout_ratio=dropout_ratio,
            init_cfg=init_cfg
            or [
                dict(type='Kaiming', layer='Conv2d', mode='fan_in'),
                dict(type='Normal', std=0.001, override=[dict(name=name) for name in SCORES]),
            ],
            **kwargs,
        )
        _, pool3, pool4, pool5 = in_channels
        self.fc6 = nn.Conv2d(pool5, channels, kernel_size, padding=kernel_size // 2)
        self.fc7 = nn.Conv2d(channels, channels, 1)
        self.score_pool4 = nn.Conv2d(pool4, self.out_channels, 1)
        self.score_pool3 = nn.Conv2d(pool3, self.out_channels, 1)
        self.upsample_fc7 = LearnedUpsample(self.out_channels, 2)
        self.upsample_pool4 = LearnedUpsample(self.out_channels, 2)
        self.upsample_pool3 = LearnedUpsample(self.out_channels, 8)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Map conv1, pool3, pool4 and pool5 to logits (N, num_classes, H, W) at the image size."""
        conv1, pool3, pool4, pool5 = self._transform_inputs(inputs)
        fc6 = F.relu(self.fc6(pool5))
        fc7 = F.relu(self.fc7(fc6 if self.dropout is None else self.dropout(fc6)))
        scores = self.score_pool4(pool4) + self.upsample_fc7(self.cls_seg(fc7), pool4.shape[2:])
        scores = self.score_pool3(pool3) + self.upsample_pool4(scores, pool3.shape[2:])
        return cast(Tensor, self.upsample_pool3(scores, conv1.shape[2:]))
