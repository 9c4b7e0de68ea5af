"""Batch normalization for batches of one image."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_ext.registry import MODELS


@MODELS.register_module()
class BatchNorm(nn.BatchNorm2d):
    """``torch.nn.BatchNorm2d`` that uses its running statistics if a batch has a single value per channel.

    torch raises ValueError for such a batch (the variance of one value is 0), which occurs when one image is trained on
    with image-level pooling, as in the ASPP of DeepLab. Otherwise, and in its state dict, this is torch's layer. With
    ``track_running_stats=False`` it raises as torch does. In a config: ``norm_cfg=dict(type='mmseg_ext.BatchNorm')``.

    Shape:
        (N, num_features, H, W) → the same.

    >>> import torch
    >>> BatchNorm(4).train()(torch.ones(1, 4, 1, 1)).shape
    torch.Size([1, 4, 1, 1])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalize (N, C, H, W)."""
        if self.training and self.track_running_stats and x.numel() == x.shape[1]:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)
