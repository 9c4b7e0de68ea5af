"""Attention blocks, each (N, C, H, W) → (N, C, H, W), and what puts them into a model."""

from mmseg_ext.models.attention.attention_head import attention_head
from mmseg_ext.models.attention.attention_neck import AttentionNeck
from mmseg_ext.models.attention.cbam import CBAM
from mmseg_ext.models.attention.scse import SCSE
from mmseg_ext.models.attention.se import SE

__all__ = ['CBAM', 'SCSE', 'SE', 'AttentionNeck', 'attention_head']
