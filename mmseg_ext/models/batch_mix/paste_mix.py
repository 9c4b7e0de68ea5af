"""What CutMix and ClassMix share: each pixel is that of one image or the other."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor

from mmseg_ext.models.batch_mix.mix import MASK, Maps, PairMix


class PasteMix(PairMix):
    """A mix that takes each pixel, with its class, from one of both images: class ids stay class ids."""

    @abstractmethod
    def pasted(self, ids: Tensor, other_ids: Tensor, numbers: np.random.Generator) -> Tensor:
        """Which pixels come from the other image: a mask (H, W), bool, for two masks of class ids (H, W)."""

    def mix_pair(
        self, image: Tensor, maps: Maps, other: Tensor, other_maps: Maps, numbers: np.random.Generator
    ) -> tuple[Tensor, Maps]:
        """Take the pixels that `pasted` marks from the other image and from its maps."""
        pasted = self.pasted(maps[MASK][0], other_maps[MASK][0], numbers)
        return torch.where(pasted, other, image), {
            name: torch.where(pasted, other_maps[name], data) for name, data in maps.items()
        }
