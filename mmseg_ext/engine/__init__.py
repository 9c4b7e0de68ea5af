"""Running experiments: the runner, its checkpoints, mixed precision, loops and hooks. Importing registers them."""

from mmseg_ext.engine import quiet_import  # noqa: F401

# isort: split
from mmseg_ext import models  # noqa: F401 - they register how pretrained weights are found and checked

# isort: split
from mmseg_ext.engine.autocast_optim_wrapper import AutocastOptimWrapper
from mmseg_ext.engine.channels_last_hook import ChannelsLastHook
from mmseg_ext.engine.checkpoint_hook import CheckpointHook
from mmseg_ext.engine.checkpoint_io import last_checkpoint
from mmseg_ext.engine.class_weights_hook import ClassWeightsHook
from mmseg_ext.engine.early_stopping_hook import EarlyStoppingHook
from mmseg_ext.engine.invalid_loss_hook import InvalidLossHook
from mmseg_ext.engine.loops import TestLoop, ValLoop
from mmseg_ext.engine.progress_hook import ProgressHook
from mmseg_ext.engine.records_hook import RecordsHook
from mmseg_ext.engine.run_record_hook import RunRecordHook
from mmseg_ext.engine.runner import Runner
from mmseg_ext.engine.scalars_hook import ScalarsHook
from mmseg_ext.engine.soft_targets_hook import SoftTargetsHook
from mmseg_ext.safe_load import load_checkpoint_file

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
