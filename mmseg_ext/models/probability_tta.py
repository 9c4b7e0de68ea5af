"""Test-time augmentation that keeps the averaged probabilities."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.structures import PixelData
from mmseg.models import SegTTAModel

from mmseg_ext.models.losses.reduction import full_precision
from mmseg_ext.registry import MODELS


@MODELS.register_module()
class ProbabilityTTAModel(SegTTAModel):
    """``SegTTAModel`` of mmseg, which averages the views' probabilities, with the average in ``seg_logits``.

    mmseg keeps only the argmax. Here ``seg_logits`` (K, H, W) of the result are the logarithms of the averaged
    probabilities, so their softmax is the average. For a model with one output they are the averaged probabilities,
    as in mmseg without augmentation. With several outputs the masks are mmseg's. With one output, mmseg takes the
    sigmoid of what is already a probability, which lies above 0.5 everywhere; here the average itself is compared to
    the threshold.
    """

    def merge_preds(self, data_samples_list: list[list[Any]]) -> list[Any]:
        """Merge the views of each image, given one list of views per image."""
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: list[Any]) -> Any:
        """Put the average of the views of an image into the first of them, which holds its ground truth and path."""
        logits = full_precision(torch.stack([view.seg_logits.data for view in views]))
        if self.module.out_channels == 1:
            mean = kept = logits.mean(dim=0)
            mask = (mean > self.module.decode_head.threshold).to(mean)
        else:
            mean = logits.softmax(dim=1).mean(dim=0)
            kept = mean.clamp_min(torch.finfo(mean.dtype).tiny).log()
            mask = mean.argmax(dim=0, keepdim=True)
        views[0].set_data({'seg_logits': PixelData(data=kept), 'pred_sem_seg': PixelData(data=mask)})
        return views[0]
