"""Cleaning of masks by geometric rules, each with a name and named thresholds.

NumPy and OpenCV only; imports `mmseg_ext.data` and below. The rules are in `large_parts`, `small_regions` and
`mixed_classes`.
"""

from mmseg_ext.eda.cleaning.clean import DEFAULT_RULES, RULES, Change, CleanedMask, clean_mask
from mmseg_ext.eda.cleaning.label_set import clean_label_set
from mmseg_ext.eda.cleaning.report import CleaningReport, MaskChange
from mmseg_ext.eda.cleaning.thresholds import Thresholds

__all__ = [
    'DEFAULT_RULES',
    'RULES',
    'Change',
    'CleanedMask',
    'CleaningReport',
    'MaskChange',
    'Thresholds',
    'clean_label_set',
    'clean_mask',
]
