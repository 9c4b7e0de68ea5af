"""Hook that repeats a validation during which a training was stopped or killed."""

from __future__ import annotations

from bisect import bisect
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

VALIDATED_KEY = 'validated_iter'  # in the message hub, which goes into the checkpoints


class MissingValidationHook(Hook):
    """Validate first if a resumed training starts at a step whose validation has no score.

    A checkpoint is written before the validation of its step. Without this hook, the resumed training would skip that
    validation, and could end with another best checkpoint than an uninterrupted training. `mmseg_ext.engine.Runner`
    registers the hook.
    """

    priority = 'LOWEST'  # after the hooks that restore their state in `before_train`

    def before_train(self, runner: Any) -> None:
        """Validate if a validation was due after the last step and none is recorded for it."""
        if is_validation_missing(runner):
            runner.logger.info(f'iteration {runner.iter} has not been validated yet: validating first')
            runner.val_loop.run()

    def before_val(self, runner: Any) -> None:
        """Note the validation; checkpoints are written after it, or before this."""
        if runner.is_training:
            runner.message_hub.update_info(VALIDATED_KEY, runner.iter)


def forget_validation(runner: Any) -> None:
    """Remove the note of a validation that was cut short."""
    runner.message_hub.update_info(VALIDATED_KEY, -1)


def is_validation_missing(runner: Any) -> bool:
    """Return whether a resumed training starts at a step whose validation is due but not recorded."""
    loop = runner.train_loop
    inside_epoch = getattr(runner, 'finished_batches', 1) > 0  # mmengine's own runner never validates first
    if runner.iter == 0 or runner.val_loop is None or inside_epoch:
        return False
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    step, last = (runner.epoch, loop.max_epochs) if by_epoch else (runner.iter, loop.max_iters)
    interval = loop.dynamic_intervals[bisect(loop.dynamic_milestones, step + 1) - 1]
    due = step >= loop.val_begin and (step % interval == 0 or step == last)
    return due and runner.message_hub.runtime_info.get(VALIDATED_KEY) != runner.iter
