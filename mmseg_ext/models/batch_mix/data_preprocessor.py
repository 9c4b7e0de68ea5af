"""Data preprocessor that normalizes images of one size at once, and mixes training batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmseg.models import SegDataPreProcessor as BaseSegDataPreProcessor

from mmseg_ext.registry import MODELS

_MAPS = ('gt_sem_seg', 'gt_edge_map', 'gt_depth_map')  # what mmseg pads with the images


@MODELS.register_module()
class SegDataPreProcessor(BaseSegDataPreProcessor):
    """mmseg's data preprocessor with ``batch_augments`` from a config (mmseg's takes only an object).

    Normalization is affine and the shares of a mixture sum to 1, so mixing normalized images equals normalizing mixed
    ones. Batches are mixed only in training: with ``training=False`` (validation, test, prediction) images and masks
    stay unchanged.

    Training images that need no padding are normalized together, to the same numbers in a quarter of the time.

    Args:
        batch_augments: Config of a mix (``dict(type='mmseg_ext.ClassMix', prob=0.5)``), a mix, or None.
        **kwargs: As in mmseg's.
    """

    def __init__(self, batch_augments: Any = None, **kwargs: Any) -> None:
        if isinstance(batch_augments, Mapping):
            batch_augments = MODELS.build(dict(batch_augments))
        super().__init__(batch_augments=batch_augments, **kwargs)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return a batch as the model takes it; see mmseg."""
        inputs = data['inputs']
        if not training or not self._needs_no_padding(inputs):
            result: dict[str, Any] = super().forward(data, training)
            return result
        # On the CPU nothing is moved, and 8-bit images are copied in less time than converted ones.
        data = self.cast_data({**data, 'inputs': torch.stack(list(inputs))})
        images, samples = data['inputs'], data['data_samples']
        if self._channel_conversion and images.size(1) == 3:
            images = images.flip(1)
        images = images.float()
        if self._enable_normalize:
            images.sub_(self.mean).div_(self.std)  # of the stack, which nobody else holds
        for sample in samples:
            shape = next((getattr(sample, name).shape for name in _MAPS if name in sample), None)
            sample.set_metainfo({'img_shape': images.shape[-2:], 'pad_shape': shape, 'padding_size': (0, 0, 0, 0)})
        if self.batch_augments is not None:
            images, samples = self.batch_augments(images, samples)
        return {'inputs': images, 'data_samples': samples}

    def _needs_no_padding(self, inputs: Any) -> bool:
        """Return whether all images have the size of the batch."""
        shapes = {image.shape for image in inputs}
        if len(shapes) != 1 or len(shape := shapes.pop()) != 3 or (self.size is None) == (self.size_divisor is None):
            return False  # mmseg refuses the last
        height, width = shape[-2:]
        if self.size is not None:
            return bool(height >= self.size[-2] and width >= self.size[-1])
        return height % self.size_divisor == 0 and width % self.size_divisor == 0
