"""mmengine, extended: runner, loops, mixed precision, checkpoints and hooks.

Importing it registers them and changes nothing else in mmengine (`mmengine_internals.strict_loading`). It may import
runs, evaluation, models, datasets, weights, registry, data, progress, files and errors.
"""

import mmseg_ext.registry  # noqa: F401 - the first import of mmseg

# isort: split
from mmseg_ext import models  # noqa: F401 - registers them

# isort: split
from mmseg_ext.engine.checkpoints.files import last_checkpoint
from mmseg_ext.engine.hooks.channels_last import ChannelsLastHook
from mmseg_ext.engine.hooks.checkpoint import CheckpointHook
from mmseg_ext.engine.hooks.class_weights import ClassWeightsHook
from mmseg_ext.engine.hooks.distillation import DistillationHook
from mmseg_ext.engine.hooks.early_stopping import EarlyStoppingHook
from mmseg_ext.engine.hooks.invalid_loss import InvalidLossHook
from mmseg_ext.engine.hooks.progress import ProgressHook
from mmseg_ext.engine.hooks.records import RecordsHook
from mmseg_ext.engine.hooks.run_record import RunRecordHook
from mmseg_ext.engine.hooks.scalars import ScalarsHook
from mmseg_ext.engine.hooks.soft_targets import SoftTargetsHook
from mmseg_ext.engine.hooks.start_checks import StartChecksHook
from mmseg_ext.engine.hooks.visualization import VisualizationHook
from mmseg_ext.engine.mmengine_internals import strict_loading
from mmseg_ext.engine.runner.autocast import AutocastOptimWrapper
from mmseg_ext.engine.runner.loops import TestLoop, ValLoop
from mmseg_ext.engine.runner.runner import Runner
from mmseg_ext.runs.checkpoint_file import load_checkpoint_file

__all__ = [
    'AutocastOptimWrapper',
    'ChannelsLastHook',
    'CheckpointHook',
    'ClassWeightsHook',
    'DistillationHook',
    'EarlyStoppingHook',
    'InvalidLossHook',
    'ProgressHook',
    'RecordsHook',
    'RunRecordHook',
    'Runner',
    'ScalarsHook',
    'SoftTargetsHook',
    'StartChecksHook',
    'TestLoop',
    'ValLoop',
    'VisualizationHook',
    'last_checkpoint',
    'load_checkpoint_file',
    'strict_loading',
]
