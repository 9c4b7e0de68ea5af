"""Losses, one per file, and the class weights they take.

Unlike mmsegmentation's, all of them combine class weights, ignored pixels and (where defined) soft targets.
May import what `mmseg_ext.models` may.
"""

from mmseg_ext.models.losses.boundary_cross_entropy import BoundaryCrossEntropyLoss
from mmseg_ext.models.losses.class_weight import BalancedWeights, ClassWeights, ENetWeights, MedianFrequencyWeights
from mmseg_ext.models.losses.cross_entropy import CrossEntropyLoss
from mmseg_ext.models.losses.dice import DiceLoss
from mmseg_ext.models.losses.distillation import distillation_loss
from mmseg_ext.models.losses.focal import FocalLoss
from mmseg_ext.models.losses.generalized_cross_entropy import GeneralizedCrossEntropyLoss
from mmseg_ext.models.losses.jaccard import JaccardLoss
from mmseg_ext.models.losses.lovasz import LovaszHingeLoss, LovaszSoftmaxLoss
from mmseg_ext.models.losses.ohem_cross_entropy import OHEMCrossEntropyLoss
from mmseg_ext.models.losses.tversky import TverskyLoss

__all__ = [
    'BalancedWeights',
    'BoundaryCrossEntropyLoss',
    'ClassWeights',
    'CrossEntropyLoss',
    'DiceLoss',
    'ENetWeights',
    'FocalLoss',
    'GeneralizedCrossEntropyLoss',
    'JaccardLoss',
    'LovaszHingeLoss',
    'LovaszSoftmaxLoss',
    'MedianFrequencyWeights',
    'OHEMCrossEntropyLoss',
    'TverskyLoss',
    'distillation_loss',
]
