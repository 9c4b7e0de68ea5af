"""Early stopping whose patience survives ``--resume``."""

from __future__ import annotations

from typing import Any, ClassVar

from mmengine.hooks import EarlyStoppingHook as BaseEarlyStoppingHook
from mmengine.runner import Runner

from mmseg_ext.errors import InputError
from mmseg_ext.registry import HOOKS

_KEY = 'early_stopping'


@HOOKS.register_module()
class EarlyStoppingHook(BaseEarlyStoppingHook):
    """mmengine's ``EarlyStoppingHook`` that keeps its count in the checkpoints and knows the metrics of one class.

    Args:
        monitor: The metric's name, as validation returns it (``'mDice'``, ``'Dice/cat'``).
        **kwargs: As for mmengine's hook; mind that ``min_delta`` is in the metric's units (percent for mDice).

    Raises:
        InputError: Validation does not return the metric (mmengine would go on without stopping).
    """

    priority = 'LOW'  # before CheckpointHook, which saves the count
    _default_greater_keys: ClassVar[list[str]] = [*BaseEarlyStoppingHook._default_greater_keys, 'Dice', 'IoU', 'Fscore']

    def before_train(self, runner: Runner) -> None:
        """Take up the count of a resumed run."""
        state = runner.message_hub.get_info(_KEY)
        if state is not None:
            self.wait_count, self.best_score = state['wait_count'], state['best_score']

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Decide whether to stop."""
        if self.monitor not in (metrics or {}):
            raise InputError(f'EarlyStoppingHook: monitor={self.monitor!r}: validation gave {", ".join(metrics or {})}')
        super().after_val_epoch(runner, metrics)
        state = {'wait_count': self.wait_count, 'best_score': float(self.best_score)}
        runner.message_hub.update_info(_KEY, state)
