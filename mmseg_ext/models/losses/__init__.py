"""Losses that mmsegmentation lacks or normalises in a surprising way."""

from mmseg_ext.models.losses.cross_entropy import CrossEntropy
from mmseg_ext.models.losses.dice import Dice

__all__ = ['CrossEntropy', 'Dice']
