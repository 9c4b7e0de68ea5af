"""SegNet and DeconvNet decode head."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmseg_ext.registry import MODELS


def max_unpool(x: Tensor, indices: Tensor, size: Sequence[int]) -> Tensor:
    """Invert a max-pooling: put each maximum back where it came from, with zeros elsewhere.

    Same as ``torch.nn.functional.max_unpool2d``, but as a scatter, which can be exported to ONNX.

    Args:
        x: Pooled values (N, C, h, w).
        indices: Flat positions row · W + column, int64, of the same shape.
        size: (H, W) of the result.

    Returns:
        (N, C, H, W).

    >>> import torch
    >>> max_unpool(torch.tensor([[[[5.0]]]]), torch.tensor([[[[2]]]]), size=(2, 2))
    tensor([[[[0., 0.],
              [5., 0.]]]])
    """
    height, width = size
    flat = x.new_zeros(x.shape[0], x.shape[1], height * width)
    return flat.scatter(2, indices.flatten(2), x.flatten(2)).unflatten(2, (height, width))


@MODELS.register_module()
class UnpoolHead(BaseDecodeHead):
    """Mirror image of the encoder: at each level max-unpooling by the encoder's indices, then the same convolutions.

    With 3×3 convolutions this is the decoder of SegNet (Badrinarayanan et al., arXiv 1511.00561), whose last
    convolution gives the logits; with 3×3 transposed ones it is that of DeconvNet (Noh et al., arXiv 1505.04366)
    without the two fully connected layers in its middle, and an additional 1×1 convolution gives the logits.

    Shape:
        conv1, indices1 … indices5, pool5 of `VGG` → logits (N, num_classes, H, W) at the size of conv1.

    Args:
        in_channels: Channels of the encoder's levels, finest first.
        num_convs: Number of convolutions of each level, finest first. The last one of a level has the channels of the
            next finer level.
        transposed: Whether to use transposed convolutions.
        kwargs: As in mmseg's BaseDecodeHead (num_classes, loss_decode, norm_cfg …).

    Raises:
        ValueError: ``num_convs`` does not fit ``in_channels``.
    """

    def __init__(
        self,
        in_channels: Sequence[int] = (64, 128, 256, 512, 512),
        num_convs: Sequence[int] = (2, 2, 3, 3, 3),
        transposed: bool = False,
        dropout_ratio: float = 0.0,
        **kwargs: Any,
    ) -> None:
        levels = len(in_channels)
        if len(num_convs) != levels or min(num_convs) < 1 or (num_convs[0] < 2 and not transposed):
            raise ValueError(f'UnpoolHead: num_convs={tuple(num_convs)} does not fit {levels} in_channels')
        kwargs.setdefault('norm_cfg', dict(type='BN'))
        super().__init__(
            in_channels,
            in_channels[0],
            in_index=tuple(range(1, levels + 1)),  # of each level's pooling indices
            input_transform='multiple_select',
            dropout_ratio=dropout_ratio,
            **kwargs,
        )
        conv = dict(
            kernel_size=3, padding=1, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg,
            conv_cfg=dict(type='deconv') if transposed else self.conv_cfg,
        )  # fmt: skip
        counts = list(num_convs)
        if not transposed:  # the mirror image of the encoder's first convolution gives the logits
            counts[0] -= 1
            self.conv_seg = nn.Conv2d(self.channels, self.out_channels, 3, padding=1)
        self.stages = nn.ModuleList()
        for level in reversed(range(levels)):
            widths = [in_channels[level]] * counts[level] + [in_channels[max(level - 1, 0)]]
            self.stages.append(nn.Sequential(*(ConvModule(*pair, **conv) for pair in pairwise(widths))))

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Map conv1, each level's pooling indices, finest first, and the last pooled map to logits at conv1's size.

        Only the size of conv1 (N, C, H, W) is used, to restore sizes that the poolings rounded down.
        """
        finest, *indices, x = inputs
        sizes = [tensor.shape[2:] for tensor in (finest, *indices[:-1])]
        for stage, index, size in zip(self.stages, reversed(indices), reversed(sizes), strict=True):
            x = stage(max_unpool(x, index, size))
        return cast(Tensor, self.cls_seg(x))
