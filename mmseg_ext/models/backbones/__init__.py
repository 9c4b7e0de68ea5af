"""Backbones."""

from mmseg_ext.models.backbones.resnet_v2 import ResNetV2

__all__ = ['ResNetV2']
