"""Exploration of a data set: audit, cleaning, statistics, label quality, class weights, differences of label sets.

NumPy, OpenCV, matplotlib and scikit-learn, no deep-learning library; imports `mmseg_ext.data` and below. `audit`,
`cleaning`, `statistics` and `quality` are packages with public names of their own.
"""

from mmseg_ext.eda.diff import FileDiff, LabelDiff, diff_labels, diff_masks
from mmseg_ext.eda.folds import assign_folds
from mmseg_ext.eda.regions import Regions, find_regions
from mmseg_ext.eda.table import Table

__all__ = [
    'FileDiff',
    'LabelDiff',
    'Regions',
    'Table',
    'assign_folds',
    'diff_labels',
    'diff_masks',
    'find_regions',
]
