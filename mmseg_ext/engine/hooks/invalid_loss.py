"""Hook that stops a training whose loss is no longer a number."""

from __future__ import annotations

import math
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_ext.errors import InputError
from mmseg_ext.registry import HOOKS


@HOOKS.register_module()
class InvalidLossHook(Hook):
    """Stop with exit code 1 after several iterations in a row with a NaN or infinite loss.

    A single one can happen (an overflow in float16, which the scaler skips); a row of them means that the weights are
    lost and no later iteration can restore them.

    Args:
        patience: How many in a row stop the training.

    Raises:
        InputError: In training, when the loss stays invalid.
    """

    def __init__(self, patience: int = 5) -> None:
        if patience < 1:
            raise InputError('InvalidLossHook', f'patience={patience} must be at least 1')
        self.patience = patience
        self._in_a_row = 0

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Count the iterations in a row, by the loss that ``RuntimeInfoHook`` has already fetched from the device."""
        loss = runner.message_hub.get_scalar('train/loss').current()
        self._in_a_row = 0 if math.isfinite(loss) else self._in_a_row + 1
        if self._in_a_row >= self.patience:
            raise InputError(
                runner.work_dir,
                f'the loss has been {loss} for {self._in_a_row} iterations, up to iteration {runner.iter + 1}',
                'lower the learning rate, clip gradients (`clip_grad:`), or train without `amp=True`',
                exit_code=1,
            )
