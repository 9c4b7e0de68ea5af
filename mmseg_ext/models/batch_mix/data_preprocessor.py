"""Data preprocessor that mixes training batches once images are normalized, padded and on the device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmseg.models import SegDataPreProcessor as BaseSegDataPreProcessor

from mmseg_ext.registry import MODELS


@MODELS.register_module()
class SegDataPreProcessor(BaseSegDataPreProcessor):
    """mmseg's data preprocessor with ``batch_augments`` from a config (mmseg's takes only an object).

    Normalization is affine and the shares of a mixture sum to 1, so mixing normalized images equals normalizing mixed
    ones. Batches are mixed only in training: with ``training=False`` (validation, test, prediction) images and masks
    stay unchanged.

    Args:
        batch_augments: Config of a mix (``dict(type='mmseg_ext.ClassMix', prob=0.5)``), a mix, or None.
        **kwargs: As in mmseg's.
    """

    def __init__(self, batch_augments: Any = None, **kwargs: Any) -> None:
        if isinstance(batch_augments, Mapping):
            batch_augments = MODELS.build(dict(batch_augments))
        super().__init__(batch_augments=batch_augments, **kwargs)
