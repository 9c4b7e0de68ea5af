"""Error analysis: the cause of each wrong pixel, the gain from its repair, and the objects on which a model fails.

An *object* is an 8-connected region of one class of the ground truth; ignored pixels are neither correct nor wrong. May
import what `mmseg_ext.evaluation` may; nothing here needs torch.
"""

from mmseg_ext.evaluation.errors.analysis import Analysis, ImageErrors, Settings, analyze, object_dice
from mmseg_ext.evaluation.errors.causes import CAUSES, CauseSettings, Repair, cause_map
from mmseg_ext.evaluation.errors.features import FEATURES, ObjectSample
from mmseg_ext.evaluation.errors.label_suspects import Correction, Suspicion, read_correction, suspect_label
from mmseg_ext.evaluation.errors.objects import ObjectMatches, match_objects, object_scores
from mmseg_ext.evaluation.errors.result_dir import Case, ResultDir, open_result
from mmseg_ext.evaluation.errors.slices import DARK_ON_DARK, Slice, SliceScore, SliceSearch
from mmseg_ext.evaluation.errors.summary import summarize_errors
from mmseg_ext.evaluation.errors.tables import correction_sentence, error_tables

__all__ = [
    'CAUSES',
    'DARK_ON_DARK',
    'FEATURES',
    'Analysis',
    'Case',
    'CauseSettings',
    'Correction',
    'ImageErrors',
    'ObjectMatches',
    'ObjectSample',
    'Repair',
    'ResultDir',
    'Settings',
    'Slice',
    'SliceScore',
    'SliceSearch',
    'Suspicion',
    'analyze',
    'cause_map',
    'correction_sentence',
    'error_tables',
    'match_objects',
    'object_dice',
    'object_scores',
    'open_result',
    'read_correction',
    'summarize_errors',
    'suspect_label',
]
