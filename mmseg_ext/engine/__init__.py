"""Running experiments: the runner, its checkpoints, mixed precision, loops and hooks. Importing registers them."""

from mmseg_ext.engine import quiet_import  # noqa: F401

# isort: split
from mmseg_ext import models  # noqa: F401
from mmseg_ext.engine.checkpoints import pretrained, weights  # noqa: F401 - they register how weights are found and checked

# isort: split
from mmseg_ext.engine.checkpoints.files import last_checkpoint
from mmseg_ext.engine.hooks.channels_last import ChannelsLastHook
from mmseg_ext.engine.hooks.checkpoint import CheckpointHook
from mmseg_ext.engine.hooks.class_weights import ClassWeightsHook
from mmseg_ext.engine.hooks.early_stopping import EarlyStoppingHook
from mmseg_ext.engine.hooks.invalid_loss import InvalidLossHook
from mmseg_ext.engine.hooks.progress import ProgressHook
from mmseg_ext.engine.hooks.records import RecordsHook
from mmseg_ext.engine.hooks.run_record import RunRecordHook
from mmseg_ext.engine.hooks.scalars import ScalarsHook
from mmseg_ext.engine.hooks.soft_targets import SoftTargetsHook
from mmseg_ext.engine.runner.autocast import AutocastOptimWrapper
from mmseg_ext.engine.runner.loops import TestLoop, ValLoop
from mmseg_ext.engine.runner.runner import Runner
from mmseg_ext.runs.checkpoint_file import install_strict_loader, load_checkpoint_file

__all__ = [
    'AutocastOptimWrapper',
    'ChannelsLastHook',
    'CheckpointHook',
    'ClassWeightsHook',
    'EarlyStoppingHook',
    'InvalidLossHook',
    'ProgressHook',
    'RecordsHook',
    'RunRecordHook',
    'Runner',
    'ScalarsHook',
    'SoftTargetsHook',
    'TestLoop',
    'ValLoop',
    'last_checkpoint',
    'load_checkpoint_file',
]

install_strict_loader()
