"""Label quality: scores of masks against a model's probabilities, kinds of error, suggested masks, rankings.

NumPy and OpenCV only (scikit-learn for the quality of a ranking); imports `mmseg_ext.data` and below, and the audit.
"""

from mmseg_ext.eda.quality.errors import LabelErrors, label_errors
from mmseg_ext.eda.quality.evidence import Evidence, make_evidence
from mmseg_ext.eda.quality.ranking import Ranking, measure_ranking, read_ranking
from mmseg_ext.eda.quality.scores import (
    SCORES,
    class_agreement,
    confident_agreement,
    corroborated_agreement,
    expected_iou,
    hard_iou,
    soft_iou,
    softmin,
    supported_agreement,
)
from mmseg_ext.eda.quality.suggestions import Accepted, accept_suggestions, read_stems, suggest_mask

__all__ = [
    'SCORES',
    'Accepted',
    'Evidence',
    'LabelErrors',
    'Ranking',
    'accept_suggestions',
    'class_agreement',
    'confident_agreement',
    'corroborated_agreement',
    'expected_iou',
    'hard_iou',
    'label_errors',
    'make_evidence',
    'measure_ranking',
    'read_ranking',
    'read_stems',
    'soft_iou',
    'softmin',
    'suggest_mask',
    'supported_agreement',
]
