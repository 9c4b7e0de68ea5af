"""Batch normalization that trains on one image too."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_ext.registry import MODELS


@MODELS.register_module(name='BN')
class BatchNorm2d(nn.BatchNorm2d):
    """Batch normalization that uses its running statistics where a batch has a single value a channel.

    torch refuses such a batch (the variance of one value is 0), which a batch of one image is after image-level
    pooling, as in the ASPP of DeepLab. Everywhere else, and in the names of its weights, this is torch's layer. In a
    config: ``norm_cfg=dict(type='mmseg_ext.BN')``. With ``track_running_stats=False`` it
    refuses such a batch as torch does.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalize (N, C, H, W)."""
        if self.training and self.track_running_stats and x.numel() == x.shape[1]:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)
