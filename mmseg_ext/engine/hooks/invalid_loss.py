"""Hook that stops a training whose loss is no longer a number, or skips the steps that would spoil the weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.optim import Optimizer

from mmseg_ext.engine.checkpoints.soundness import last_sound, lost_in
from mmseg_ext.engine.unwrap import optim_wrappers, unwrap_model
from mmseg_ext.errors import InputError
from mmseg_ext.registry import HOOKS

SHOWN_IMAGES = 8


@HOOKS.register_module()
class InvalidLossHook(Hook):
    """Stop with exit code 1 when the weights are lost, or the loss is NaN or infinite several times in a row.

    A single such loss can happen (an overflow in float16, which the scaler skips). If it has made the weights NaN,
    no later iteration can restore them, so the training stops at once. The message names the images of the first
    such batch and the last sound checkpoint.

    Args:
        patience: Number of such losses in a row that stops the training.
        skip_nonfinite: Skip each update whose gradients are not finite, and restore the buffers (of batch
            normalization) from before the step. Each is logged with its images, and still counts for `patience`.

    Raises:
        InputError: In training, when the loss stays invalid or the weights are lost.
    """

    priority = 'ABOVE_NORMAL'  # buffers are restored before another hook averages them

    def __init__(self, patience: int = 5, skip_nonfinite: bool = False) -> None:
        if patience < 1:
            raise InputError('InvalidLossHook', f'patience={patience} must be at least 1')
        self.patience = patience
        self.skip_nonfinite = skip_nonfinite
        self._in_a_row = 0
        self._first = ''
        self._skipped = False
        self._buffers: list[tuple[torch.Tensor, torch.Tensor]] = []

    def before_train(self, runner: Runner) -> None:
        """Let the optimizer look at the gradients before each update."""
        for one in optim_wrappers(runner.optim_wrapper):
            if self.skip_nonfinite:
                one.optimizer.register_step_pre_hook(self._leave_out)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Remember the buffers."""
        self._skipped = False
        if self.skip_nonfinite:
            self._buffers = [(buffer, buffer.clone()) for buffer in unwrap_model(runner.model).buffers()]

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Judge the step by the loss that ``RuntimeInfoHook`` has already fetched from the device."""
        loss = runner.message_hub.get_scalar('train/loss').current()
        if math.isfinite(loss) and not self._skipped:
            self._in_a_row = 0
            return
        images = f'the batch of {_images(data_batch)}'
        if self.skip_nonfinite:
            with torch.no_grad():
                for buffer, before in self._buffers:
                    buffer.copy_(before)
            runner.logger.warning(f'iteration {runner.iter + 1} is skipped: the loss is {loss} for {images}')
        self._in_a_row += 1
        if self._in_a_row == 1:
            self._first = f'iteration {runner.iter + 1}, {images}'
        lost = lost_in(runner.model)
        if lost or self._in_a_row >= self.patience:
            problem = f'the loss has been {loss} for {self._in_a_row} iterations, up to iteration {runner.iter + 1}'
            if lost:
                problem = f'the loss is {loss} and {lost[0]} is not finite after iteration {runner.iter + 1}'
            remedy = 'lower the learning rate, clip gradients (`clip_grad:`), train without `amp=True`'
            if not self.skip_nonfinite:
                remedy += ', or skip such steps with `skip_nonfinite=True`'
            where = f'first at {self._first}; {last_sound(runner.work_dir)}'
            raise InputError(runner.work_dir, f'{problem}, {where}', remedy, exit_code=1)

    def _leave_out(self, optimizer: Optimizer, *_: Any) -> None:
        """Clear the gradients if one is not finite: an optimizer skips parameters without a gradient."""
        parameters = [one for group in optimizer.param_groups for one in group['params'] if one.grad is not None]
        if parameters and not torch.isfinite(torch.stack([one.grad.abs().max() for one in parameters])).all():
            self._skipped = True
            for one in parameters:
                one.grad = None


def _images(batch: Any) -> str:
    """Name the images of a batch, as far as it names them."""
    samples = batch.get('data_samples') if isinstance(batch, dict) else None
    paths = [one.metainfo.get('img_path') for one in samples or () if hasattr(one, 'metainfo')]
    names = [Path(path).name for path in paths if path]
    more = f' and {len(names) - SHOWN_IMAGES} more' if len(names) > SHOWN_IMAGES else ''
    return ', '.join(names[:SHOWN_IMAGES]) + more if names else 'unnamed images'
