"""Backbones, one per file, with the keys of published weights.

May import what `mmseg_ext.models` may.
"""

from mmseg_ext.models.backbones.dinov2 import DINOv2
from mmseg_ext.models.backbones.efficientnet_lite import EfficientNetLite
from mmseg_ext.models.backbones.hrnet import HRNet
from mmseg_ext.models.backbones.resnet_v2 import ResNetV2
from mmseg_ext.models.backbones.vgg import VGG

__all__ = ['VGG', 'DINOv2', 'EfficientNetLite', 'HRNet', 'ResNetV2']
