"""Normalisation of images that a model expects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Normalisation:
    """Conversion of images by a ``SegDataPreProcessor``.

    Attributes:
        rgb: Whether the channels are RGB; else BGR.
        mean: Subtracted from each channel.
        std: Divisor of each channel.
    """

    rgb: bool
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @classmethod
    def of(cls, model: Mapping[str, Any]) -> Normalisation:
        """Read the normalisation from a model's config."""
        config = model.get('data_preprocessor') or {}
        mean, std = (tuple(map(float, config.get(key) or getattr(cls, key))) for key in ('mean', 'std'))
        return cls(bool(config.get('bgr_to_rgb')), mean, std)  # type: ignore[arg-type]  # three values each


def renormalise(inputs: Tensor, source: Normalisation, target: Normalisation) -> Tensor:
    """Convert images (N, 3, H, W) from one normalisation to another.

    >>> inputs = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1)
    >>> renormalise(inputs, Normalisation(False, std=(2.0, 2.0, 2.0)), Normalisation(True, (1.0, 1.0, 1.0))).flatten()
    tensor([5., 3., 1.])
    """
    if source == target:
        return inputs

    def column(values: tuple[float, float, float]) -> Tensor:
        return torch.tensor(values, dtype=inputs.dtype, device=inputs.device).view(1, 3, 1, 1)

    images = inputs * column(source.std) + column(source.mean)
    images = images if source.rgb == target.rgb else images.flip(1)
    return (images - column(target.mean)) / column(target.std)
