"""HRNet that resizes each branch once."""

from __future__ import annotations

from typing import Any

from mmseg.models.backbones import HRNet as MMSegHRNet
from mmseg.models.backbones.hrnet import HRModule
from torch import nn

from mmseg_ext.registry import MODELS


@MODELS.register_module()
class HRNet(MMSegHRNet):
    """HRNet (Wang et al., arXiv 1908.07919) with the weights of mmseg's HRNet and one resizing less.

    mmseg's version resizes a coarse branch to a finer one in two steps, by a factor and then to the exact size. The
    first is not needed, blurs if the second changes the size again, and fixes the size in the exported ONNX graph.

    Shape:
        (N, 3, H, W) → maps of strides 4, 8, 16 and 32.

    Args:
        kwargs: As in mmseg's HRNet.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for module in self.modules():
            if isinstance(module, HRModule) and module.fuse_layers is not None:
                for target, layers in enumerate(module.fuse_layers):
                    for coarser in layers[target + 1 :]:
                        coarser[2] = nn.Identity()
