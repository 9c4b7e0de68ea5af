"""Decode heads, one per file.

May import what `mmseg_ext.models` may.
"""

from mmseg_ext.models.decode_heads.fcn8s_head import FCN8sHead
from mmseg_ext.models.decode_heads.ham_head import HamHead
from mmseg_ext.models.decode_heads.linear_head import LinearHead
from mmseg_ext.models.decode_heads.semantic_fpn_head import SemanticFPNHead
from mmseg_ext.models.decode_heads.skip_aspp_head import SkipASPPHead
from mmseg_ext.models.decode_heads.ternausnet_head import TernausNetHead
from mmseg_ext.models.decode_heads.unpool_head import UnpoolHead

__all__ = ['FCN8sHead', 'HamHead', 'LinearHead', 'SemanticFPNHead', 'SkipASPPHead', 'TernausNetHead', 'UnpoolHead']
