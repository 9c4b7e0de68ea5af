"""Decode heads."""

from mmseg_ext.models.decode_heads.skip_aspp_head import SkipASPPHead

__all__ = ['SkipASPPHead']
