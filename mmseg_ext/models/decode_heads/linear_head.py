"""Linear decode head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmcv.cnn import build_norm_layer
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor

from mmseg_ext.registry import MODELS


@MODELS.register_module()
class LinearHead(BaseDecodeHead):
    """Batch norm and a 1×1 convolution on the concatenated feature maps, as in the linear evaluation of DINOv2.

    With only the last map this is the paper's "linear" segmentation head, with the last four its "+ms" head (Oquab et
    al., arXiv 2304.07193, section 7.4). mmseg's FCNHead without convolutions has no norm, which frozen features need:
    their channels do not have unit variance.

    Shape:
        Feature maps (N, C, h, w) → logits (N, num_classes, h, w) at the size of the first.

    Args:
        in_channels: Channels of each feature map; the coarser maps are enlarged to the size of the first.
        in_index: Indices of these maps among the backbone's; the first ones by default.
        kwargs: As in mmseg's BaseDecodeHead (num_classes, loss_decode, dropout_ratio …).
    """

    def __init__(self, in_channels: Sequence[int], in_index: Sequence[int] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault('norm_cfg', dict(type='BN'))
        super().__init__(
            in_channels,
            channels=sum(in_channels),
            in_index=tuple(range(len(in_channels))) if in_index is None else in_index,
            input_transform='resize_concat',
            **kwargs,
        )
        self.norm = build_norm_layer(self.norm_cfg, self.channels)[1]

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Map feature maps to logits (N, num_classes, h, w) at the size of the first."""
        return self.cls_seg(self.norm(self._transform_inputs(inputs)))
