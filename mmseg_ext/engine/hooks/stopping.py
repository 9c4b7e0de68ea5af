"""Hook that ends a training after the step in which a signal arrived, with a checkpoint of exactly that state."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop


class StopHook(Hook):
    """End the training after the same step on all its processes; `mmseg_ext.engine.Runner` registers it."""

    priority = 'LOWEST'  # after everything that a step changes

    def __init__(self) -> None:
        self._epoch_start = 0

    def before_train_epoch(self, runner: Any) -> None:
        """Note where the epoch begins; a resumed run may have done part of it."""
        self._epoch_start = runner.iter - runner.take_finished_batches()

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """End the training if a signal has arrived."""
        number = runner.stop_requested()
        if number:
            done = runner.iter + 1
            in_epoch = done - self._epoch_start if isinstance(runner.train_loop, EpochBasedTrainLoop) else 0
            runner.stop(number, {'epoch': runner.epoch, 'iter': done, 'batches': in_epoch})
