"""Geometric rules that mend masks: each by name, with named thresholds."""

from mmseg_ext.eda.cleaning.clean import Change, CleanedMask, clean_mask
from mmseg_ext.eda.cleaning.label_set import clean_label_set
from mmseg_ext.eda.cleaning.report import CleaningReport, MaskChange
from mmseg_ext.eda.cleaning.rules import RULES
from mmseg_ext.eda.cleaning.thresholds import Thresholds

__all__ = [
    'RULES',
    'Change',
    'CleanedMask',
    'CleaningReport',
    'MaskChange',
    'Thresholds',
    'clean_label_set',
    'clean_mask',
]
