"""Exact scores of segmentations: confusion counts, `SegMetric`, records per image, bootstrap intervals and tests.

May import `mmseg_ext.models` and below. Only `SegMetric` and `batch_confusion` need torch; the rest works with NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mmseg_ext.evaluation.bootstrap import Estimate, PairedTest, bootstrap_intervals, paired_test, paired_tests
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.probability_maps import load_probabilities, save_probabilities
from mmseg_ext.evaluation.records import ImageRecord, Records, read_records, write_records
from mmseg_ext.evaluation.scores import CLASS_SCORES, MEAN_SCORES, absent_classes, scores_from_confusion
from mmseg_ext.evaluation.summary import summarize, summary_table

if TYPE_CHECKING:
    from mmseg_ext.evaluation.confusion_torch import batch_confusion
    from mmseg_ext.evaluation.seg_metric import SegMetric

__all__ = [
    'CLASS_SCORES',
    'MEAN_SCORES',
    'Estimate',
    'ImageRecord',
    'PairedTest',
    'Records',
    'SegMetric',
    'absent_classes',
    'batch_confusion',
    'bootstrap_intervals',
    'confusion_matrix',
    'load_probabilities',
    'paired_test',
    'paired_tests',
    'read_records',
    'save_probabilities',
    'scores_from_confusion',
    'summarize',
    'summary_table',
    'write_records',
]

_TORCH_MODULES = {'SegMetric': 'seg_metric', 'batch_confusion': 'confusion_torch'}


def __getattr__(name: str) -> Any:
    """Import what needs torch on first access."""
    if name in _TORCH_MODULES:
        return getattr(import_module(f'{__name__}.{_TORCH_MODULES[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
