"""Semantic FPN decode head for feature maps of any size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmseg.models.decode_heads import FPNHead
from torch import Tensor

from mmseg_ext.registry import MODELS


@MODELS.register_module()
class SemanticFPNHead(FPNHead):
    """Semantic branch of Panoptic FPN (Kirillov et al., arXiv 1901.02446), with the weights of mmseg's FPNHead.

    Each level of the pyramid is brought to the finest size by steps of 3×3 convolution and ×2 upsampling; the results
    are summed. mmseg's head upsamples by a factor: 3 cells become 24 where the finest level has 19, and are
    resized a second time, and the exported ONNX graph has a fixed size. Here each step goes to the size of the next
    finer level, which is twice the size if that divides evenly.

    Shape:
        Levels (N, in_channels, h, w), finest first → logits (N, num_classes, h, w) at the finest size.

    Args:
        feature_strides: Strides of the levels, finest first, each twice the previous one.
        kwargs: As in mmseg's BaseDecodeHead (in_channels, in_index, channels, num_classes, loss_decode …).

    Raises:
        ValueError: The strides do not double.
    """

    def __init__(self, feature_strides: Sequence[int], **kwargs: Any) -> None:
        if any(2 * finer != coarser for finer, coarser in pairwise(feature_strides)):
            raise ValueError(f'SemanticFPNHead: feature_strides must double, {list(feature_strides)} do not')
        super().__init__(feature_strides, **kwargs)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Map the levels (N, in_channels, H, W), finest first, to logits (N, num_classes, H, W) at the finest size."""
        maps = self._transform_inputs(inputs)
        total = self.scale_heads[0](maps[0])
        for level in range(1, len(maps)):
            x = maps[level]
            convs = [module for module in self.scale_heads[level] if isinstance(module, ConvModule)]
            for conv, finer in zip(convs, reversed(maps[:level]), strict=True):
                x = F.interpolate(conv(x), size=finer.shape[2:], mode='bilinear', align_corners=self.align_corners)
            total = total + x
        return self.cls_seg(total)
