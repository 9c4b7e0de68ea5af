"""Where batches are mixed: in the data preprocessor, once images are normalised, padded and on the device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmseg.models import SegDataPreProcessor as BaseSegDataPreProcessor

from mmseg_ext.registry import MODELS


@MODELS.register_module()
class SegDataPreProcessor(BaseSegDataPreProcessor):
    """mmseg's data preprocessor with ``batch_augments`` that a config can give (mmseg's takes a ready object only).

    Normalising is affine and the shares of a mixture add up to 1, so that mixing normalised images is the same as
    normalising mixed ones. Batches are mixed in training only: with ``training=False``, in validation, test and
    prediction, images and masks stay as they are.

    Args:
        batch_augments: The config of a mix (``dict(type='mmseg_ext.ClassMix', prob=0.5)``), a ready one, or None.
        **kwargs: As for mmseg's.
    """

    def __init__(self, batch_augments: Any = None, **kwargs: Any) -> None:
        if isinstance(batch_augments, Mapping):
            batch_augments = MODELS.build(dict(batch_augments))
        super().__init__(batch_augments=batch_augments, **kwargs)
