"""Losses that mmsegmentation lacks or normalises in a surprising way, and the weights of classes in them."""

from mmseg_ext.models.losses.boundary_cross_entropy import BoundaryCrossEntropy
from mmseg_ext.models.losses.class_weight_methods import Balanced, ENet, MedianFrequency
from mmseg_ext.models.losses.cross_entropy import CrossEntropy
from mmseg_ext.models.losses.dice import Dice
from mmseg_ext.models.losses.focal import Focal
from mmseg_ext.models.losses.generalized_cross_entropy import GeneralizedCrossEntropy
from mmseg_ext.models.losses.jaccard import Jaccard
from mmseg_ext.models.losses.lovasz import LovaszHinge, LovaszSoftmax
from mmseg_ext.models.losses.ohem_cross_entropy import OHEMCrossEntropy
from mmseg_ext.models.losses.tversky import Tversky

__all__ = [
    'Balanced',
    'BoundaryCrossEntropy',
    'CrossEntropy',
    'Dice',
    'ENet',
    'Focal',
    'GeneralizedCrossEntropy',
    'Jaccard',
    'LovaszHinge',
    'LovaszSoftmax',
    'MedianFrequency',
    'OHEMCrossEntropy',
    'Tversky',
]
