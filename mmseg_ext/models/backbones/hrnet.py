"""HRNet whose branches meet at the sizes that they have."""

from __future__ import annotations

from typing import Any

from mmseg.models.backbones import HRNet as MMSegHRNet
from mmseg.models.backbones.hrnet import HRModule
from torch import nn

from mmseg_ext.registry import MODELS


@MODELS.register_module()
class HRNet(MMSegHRNet):
    """mmseg's HRNet (Wang et al., arXiv 1908.07919) with the same weights and one resizing less.

    mmseg's brings a coarse branch to a fine one in two steps, by a factor and then to the size. The first is not
    needed, blurs where the second one changes the size again, and puts sizes of the exporter's example into ONNX.

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
