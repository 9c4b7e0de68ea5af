"""Losses that mmsegmentation lacks or normalises in a surprising way, and the weights of classes in them."""

from mmseg_ext.models.losses.class_weight_methods import Balanced, ENet, MedianFrequency
from mmseg_ext.models.losses.cross_entropy import CrossEntropy
from mmseg_ext.models.losses.dice import Dice

__all__ = ['Balanced', 'CrossEntropy', 'Dice', 'ENet', 'MedianFrequency']
