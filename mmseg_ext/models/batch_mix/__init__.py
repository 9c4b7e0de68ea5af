"""Augmentation of whole training batches: MixUp, CutMix, ClassMix, and soft targets for the losses.

May import what `mmseg_ext.models` may.
"""

from mmseg_ext.models.batch_mix.data_preprocessor import SegDataPreProcessor
from mmseg_ext.models.batch_mix.mixes import BatchMix, ClassMix, CutMix, Mix, MixUp, step_rng
from mmseg_ext.models.batch_mix.soft_targets import SoftTargets

__all__ = ['BatchMix', 'ClassMix', 'CutMix', 'Mix', 'MixUp', 'SegDataPreProcessor', 'SoftTargets', 'step_rng']
