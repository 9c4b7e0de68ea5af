"""Augmentation of whole batches in training: images of a batch mixed with each other, and their targets with them."""

from mmseg_ext.models.batch_mix.class_mix import ClassMix
from mmseg_ext.models.batch_mix.cut_mix import CutMix
from mmseg_ext.models.batch_mix.data_preprocessor import SegDataPreProcessor
from mmseg_ext.models.batch_mix.mix import BatchMix
from mmseg_ext.models.batch_mix.mix_up import MixUp

__all__ = ['BatchMix', 'ClassMix', 'CutMix', 'MixUp', 'SegDataPreProcessor']
