"""MixUp: a weighted mean of two images, and of their targets."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmseg_ext.models.batch_mix.mix import MASK, Maps, PairMix, check_alpha
from mmseg_ext.models.batch_mix.soft_targets import mark_ignored, to_soft
from mmseg_ext.registry import MODELS

VISIBLE = 1 / 510  # the share of an image that can change an 8-bit grey level by one half


@MODELS.register_module()
class MixUp(PairMix):
    """``lam * image + (1 - lam) * other``, for images and one-hot targets alike (Zhang et al., arXiv 1710.09412).

    ``lam`` is drawn from Beta(alpha, alpha) for each image. Targets become soft. A pixel that is ignored in either
    image is ignored: the mixture shows something there whose class nobody knows, and to give the known image the
    whole target would teach that its class is seen alone. But where a share is below 1/510, so that it changes no grey
    level of 8 bits by more than one half, the heavier image and its target are taken as they are: with a small alpha
    that is often so (in 3 of 10 draws with 0.2).

    Class ids alone cannot be averaged: further maps of a sample (``gt_edge_map``) are those of the image that weighs
    more.

    Args:
        prob: Probability for each image, 0-1.
        alpha: > 0; small values leave one of the images nearly alone. 0.1-0.4 in the paper for ImageNet.
        ignore_index: The id of ignored pixels.

    Raises:
        ValueError: An argument is out of range.
    """

    soft = True

    def __init__(self, prob: float = 0.5, alpha: float = 0.2, ignore_index: int = 255) -> None:
        super().__init__(prob, ignore_index)
        self.alpha = check_alpha(alpha)

    def mix_pair(
        self, image: Tensor, maps: Maps, other: Tensor, other_maps: Maps, numbers: np.random.Generator
    ) -> tuple[Tensor, Maps]:
        """Draw the share of the first image and mix."""
        return self.blend(image, maps, other, other_maps, float(numbers.beta(self.alpha, self.alpha)))

    def blend(self, image: Tensor, maps: Maps, other: Tensor, other_maps: Maps, lam: float) -> tuple[Tensor, Maps]:
        """Mix with the share ``lam`` of the first image; one that cannot be seen is left out."""
        if min(lam, 1 - lam) < VISIBLE:
            return (image, maps) if lam >= 0.5 else (other, other_maps)
        ids, other_ids = maps[MASK][0], other_maps[MASK][0]
        target, other_target = (to_soft(one, self.num_classes or 0, self.ignore_index) for one in (ids, other_ids))
        mixed = torch.lerp(other_target, target, lam)
        ignored = (ids == self.ignore_index) | (other_ids == self.ignore_index)
        heavier = maps if lam >= 0.5 else other_maps
        return torch.lerp(other, image, lam), {**heavier, MASK: mark_ignored(mixed, ignored)}
