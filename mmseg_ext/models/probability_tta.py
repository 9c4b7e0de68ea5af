"""Test-time augmentation that keeps the averaged probabilities."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models import SegTTAModel

from mmseg_ext.registry import MODELS


@MODELS.register_module()
class ProbabilityTTAModel(SegTTAModel):
    """``SegTTAModel`` of mmseg, which averages the views' probabilities, with the average in ``seg_logits``.

    mmseg keeps only the argmax. Here ``seg_logits`` (K, H, W) of the result are the logarithms of the averaged
    probabilities, so that their softmax is the average; of a model with one output they are the averaged probabilities,
    as in mmseg without augmentation. The predicted masks are mmseg's.
    """

    def merge_preds(self, data_samples_list: list[list[Any]]) -> list[Any]:
        """Merge the views of each image, given one list of views per image."""
        means = [self._mean([view.seg_logits.data for view in views]) for views in data_samples_list]
        merged: list[Any] = super().merge_preds(data_samples_list)
        for sample, mean in zip(merged, means, strict=True):
            sample.set_data({'seg_logits': PixelData(data=mean)})
        return merged

    def _mean(self, logits: list[torch.Tensor]) -> torch.Tensor:
        if self.module.out_channels == 1:
            return torch.stack(logits).mean(dim=0)
        mean = torch.stack([view.softmax(dim=0) for view in logits]).mean(dim=0)
        return mean.clamp_min(torch.finfo(mean.dtype).tiny).log()
