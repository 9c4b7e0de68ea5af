"""Backbones, decode heads and losses that mmsegmentation lacks or gets wrong. Importing registers them."""

from mmseg_ext.models import (
    attention,
    backbones,
    batch_mix,
    decode_heads,
    losses,
    norm,
    probability_tta,
)

__all__ = [
    'attention',
    'backbones',
    'batch_mix',
    'decode_heads',
    'losses',
    'norm',
    'probability_tta',
]
