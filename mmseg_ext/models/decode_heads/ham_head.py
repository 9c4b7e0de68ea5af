"""SegNeXt decode head with deterministic evaluation."""

from __future__ import annotations

from typing import Any

import torch
from mmseg.models.decode_heads import LightHamHead
from mmseg.models.decode_heads.ham_head import NMF2D
from torch import Tensor

from mmseg_ext.registry import MODELS

BASES_SEED = 0


class NMF(NMF2D):
    """Low-rank approximation of a non-negative map by multiplicative updates (non-negative matrix factorization).

    In training the initial bases are random, as in mmseg. In evaluation they are fixed and equal for every image: with
    random bases, each call would give a different mask, which would also depend on the other images of the batch.

    Args:
        channels: Channels of the map, D × S.
        options: ``args`` of mmseg's NMF2D (MD_S, MD_R, train_steps, eval_steps).
    """

    def __init__(self, channels: int, options: dict[str, Any]) -> None:
        super().__init__({**options, 'rand_init': True})
        generator = torch.Generator().manual_seed(BASES_SEED)
        start = torch.rand(self.S, channels // self.S, self.R, generator=generator)
        # Not in checkpoints, which keep mmseg's keys.
        self.register_buffer('start', torch.nn.functional.normalize(start, dim=1), persistent=False)

    def _build_bases(self, B: int, S: int, D: int, R: int, device: torch.device | None = None) -> Tensor:
        """Return bases (B × S, D, R), each of unit length."""
        if self.training:
            return super()._build_bases(B, S, D, R, device)
        return self.start.repeat(B, 1, 1)

    def forward(self, x: Tensor, return_bases: bool = False) -> Tensor:
        """Map (N, channels, H, W), >= 0, to (N, channels, H, W), in float32 even under autocast.

        A dozen multiplicative updates by quotients of sums over all pixels need more precision than bfloat16's 8 bits.
        """
        device = x.device.type
        if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
            return super().forward(x, return_bases)
        with torch.autocast(device, enabled=False):
            return super().forward(x.float(), return_bases)


@MODELS.register_module()
class HamHead(LightHamHead):
    """Head of SegNeXt (Guo et al., arXiv 2209.08575): coarse maps joined, matrix decomposition for global context.

    mmseg's LightHamHead with the same weights, but deterministic in evaluation (see `NMF`).

    Shape:
        Feature maps, finest first → logits (N, num_classes, h, w) at the size of the finest.

    Args:
        ham_channels: Channels of the joined map.
        ham_kwargs: ``MD_R`` (number of bases), ``MD_S``, ``train_steps`` and ``eval_steps`` of the decomposition.
        kwargs: As in mmseg's BaseDecodeHead (in_channels, in_index, channels, num_classes, loss_decode …).
    """

    def __init__(self, ham_channels: int = 512, ham_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(ham_channels, ham_kwargs or {}, **kwargs)
        self.hamburger.ham = NMF(ham_channels, ham_kwargs or {})
