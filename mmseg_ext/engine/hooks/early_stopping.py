"""Early-stopping hook that keeps its count when a run is resumed."""

from __future__ import annotations

from typing import Any

from mmengine.runner import Runner

from mmseg_ext.engine.mmengine_internals import OpenEarlyStoppingHook
from mmseg_ext.errors import InputError
from mmseg_ext.registry import HOOKS

STATE_KEY = 'early_stopping'  # in the message hub, which goes into the checkpoints
SETTINGS = ('monitor', 'rule', 'min_delta', 'patience', 'stopping_threshold', 'check_finite')


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
        """Restore the count of a resumed run, unless it is of another metric.

        Raises:
            InputError: The run was stopped, and would go on with the same settings and length.
        """
        state = runner.message_hub.get_info(STATE_KEY) or {}
        settings = state.get('settings') or {}
        if state.get('stopped') and settings == self._settings(runner):
            raise InputError(
                runner.work_dir,
                f'was stopped early after {runner.iter} iterations, by its {self.monitor}: nothing left to train',
                'increase `patience` of EarlyStoppingHook, or test it',
            )
        if settings and all(settings[name] == getattr(self, name) for name in ('monitor', 'rule')):
            self.wait_count, self.best_score = state['wait_count'], state['best_score']

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Decide whether to stop."""
        if self.monitor not in (metrics or {}):
            given = ', '.join(metrics or {})
            raise InputError('EarlyStoppingHook', f'monitor={self.monitor!r}: validation gave {given}')
        super().after_val_epoch(runner, metrics)
        state = {
            'wait_count': self.wait_count,
            'best_score': float(self.best_score),
            'stopped': runner.train_loop.stop_training,
            'settings': self._settings(runner),
        }
        runner.message_hub.update_info(STATE_KEY, state)

    def _settings(self, runner: Runner) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in SETTINGS}, 'max_iters': runner.max_iters}
