"""Attention blocks, each (N, C, H, W) → (N, C, H, W), and the head and neck that apply them.

May import what `mmseg_ext.models` may.
"""

from mmseg_ext.models.attention.blocks import CBAM, SCSE, SE
from mmseg_ext.models.attention.placement import AttentionNeck, build_attention_head

__all__ = ['CBAM', 'SCSE', 'SE', 'AttentionNeck', 'build_attention_head']
