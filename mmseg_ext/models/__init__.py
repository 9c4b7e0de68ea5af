"""Backbones, decode heads and losses that mmsegmentation lacks or gets wrong. Importing registers them."""

from mmseg_ext.models import backbones, decode_heads, losses, pretrained, probability_tta, weights

__all__ = ['backbones', 'decode_heads', 'losses', 'pretrained', 'probability_tta', 'weights']
