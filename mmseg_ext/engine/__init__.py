"""Running experiments: the runner, its checkpoints, mixed precision, loops and hooks.

Importing it closes mmengine's way of loading pickled code from checkpoints (see `checkpoint_io`).
"""

from mmseg_ext.engine.autocast_optim_wrapper import AutocastOptimWrapper
from mmseg_ext.engine.channels_last_hook import ChannelsLastHook
from mmseg_ext.engine.checkpoint_hook import CheckpointHook
from mmseg_ext.engine.checkpoint_io import install_strict_loader, last_checkpoint, load_checkpoint_file
from mmseg_ext.engine.early_stopping_hook import EarlyStoppingHook
from mmseg_ext.engine.invalid_loss_hook import InvalidLossHook
from mmseg_ext.engine.loops import TestLoop, ValLoop
from mmseg_ext.engine.progress_hook import ProgressHook
from mmseg_ext.engine.records_hook import RecordsHook
from mmseg_ext.engine.runner import Runner
from mmseg_ext.engine.scalars_hook import ScalarsHook

install_strict_loader()

__all__ = [
    'AutocastOptimWrapper',
    'ChannelsLastHook',
    'CheckpointHook',
    'EarlyStoppingHook',
    'InvalidLossHook',
    'ProgressHook',
    'RecordsHook',
    'Runner',
    'ScalarsHook',
    'TestLoop',
    'ValLoop',
    'last_checkpoint',
    'load_checkpoint_file',
]
