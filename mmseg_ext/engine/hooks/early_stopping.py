"""Early-stopping hook that keeps its count when a run is resumed."""

from __future__ import annotations

from typing import Any

from mmengine.runner import Runner

from mmseg_ext.engine.mmengine_internals import OpenEarlyStoppingHook
from mmseg_ext.errors import InputError
from mmseg_ext.registry import HOOKS

STATE_KEY = 'early_stopping'  # in the message hub, which goes into the checkpoints


@HOOKS.register_module()
class EarlyStoppingHook(OpenEarlyStoppingHook):
    """mmengine's ``EarlyStoppingHook`` that keeps its count in the checkpoints and supports metrics of one class.

    Args:
        monitor: The metric's name, as validation returns it (``'mDice'``, ``'Dice/cat'``).
        **kwargs: As for mmengine's hook; note that ``min_delta`` is in the metric's units (percent for mDice).

    Raises:
        InputError: Validation does not return the metric (mmengine would continue without stopping).
    """

    priority = 'LOW'  # before CheckpointHook, which saves the count

    def before_train(self, runner: Runner) -> None:
        """Restore the count of a resumed run."""
        state = runner.message_hub.get_info(STATE_KEY)
        if state is not None:
            self.wait_count, self.best_score = state['wait_count'], state['best_score']

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Decide whether to stop."""
        if self.monitor not in (metrics or {}):
            given = ', '.join(metrics or {})
            raise InputError('EarlyStoppingHook', f'monitor={self.monitor!r}: validation gave {given}')
        super().after_val_epoch(runner, metrics)
        state = {'wait_count': self.wait_count, 'best_score': float(self.best_score)}
        runner.message_hub.update_info(STATE_KEY, state)
