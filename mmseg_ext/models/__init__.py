"""Backbones, decode heads, attention, losses and batch mixes that mmsegmentation lacks or implements differently.

Importing the package registers them; configs name them as ``type='mmseg_ext.DiceLoss'``, and so on.
May import `mmseg_ext.registry` and the layers below it, such as `mmseg_ext.eda` and `mmseg_ext.errors`.
"""

from mmseg_ext.models.attention import CBAM, SCSE, SE, AttentionNeck, build_attention_head
from mmseg_ext.models.averaging import MomentumAnnealingEMA
from mmseg_ext.models.backbones import VGG, DINOv2, EfficientNetLite, HRNet, ResNetV2
from mmseg_ext.models.batch_mix import BatchMix, ClassMix, CutMix, MixUp, SegDataPreProcessor
from mmseg_ext.models.complexity import count_gflops, count_parameters
from mmseg_ext.models.decode_heads import (
    FCN8sHead,
    HamHead,
    LinearHead,
    SemanticFPNHead,
    SkipASPPHead,
    TernausNetHead,
    UnpoolHead,
)
from mmseg_ext.models.losses import (
    BalancedWeights,
    BoundaryCrossEntropyLoss,
    ClassWeights,
    CrossEntropyLoss,
    DiceLoss,
    ENetWeights,
    FocalLoss,
    GeneralizedCrossEntropyLoss,
    JaccardLoss,
    LovaszHingeLoss,
    LovaszSoftmaxLoss,
    MedianFrequencyWeights,
    OHEMCrossEntropyLoss,
    TverskyLoss,
)
from mmseg_ext.models.norm import BatchNorm
from mmseg_ext.models.probability_tta import ProbabilityTTAModel

__all__ = [
    'CBAM',
    'SCSE',
    'SE',
    'VGG',
    'AttentionNeck',
    'BalancedWeights',
    'BatchMix',
    'BatchNorm',
    'BoundaryCrossEntropyLoss',
    'ClassMix',
    'ClassWeights',
    'CrossEntropyLoss',
    'CutMix',
    'DINOv2',
    'DiceLoss',
    'ENetWeights',
    'EfficientNetLite',
    'FCN8sHead',
    'FocalLoss',
    'GeneralizedCrossEntropyLoss',
    'HRNet',
    'HamHead',
    'JaccardLoss',
    'LinearHead',
    'LovaszHingeLoss',
    'LovaszSoftmaxLoss',
    'MedianFrequencyWeights',
    'MixUp',
    'MomentumAnnealingEMA',
    'OHEMCrossEntropyLoss',
    'ProbabilityTTAModel',
    'ResNetV2',
    'SegDataPreProcessor',
    'SemanticFPNHead',
    'SkipASPPHead',
    'TernausNetHead',
    'TverskyLoss',
    'UnpoolHead',
    'build_attention_head',
    'count_gflops',
    'count_parameters',
]
