"""Validation and test loops in half precision, on any device, that leave the training's random numbers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import EMAHook
from mmengine.runner import TestLoop as BaseTestLoop
from mmengine.runner import ValLoop as BaseValLoop
from mmengine.structures import BaseDataElement

from mmseg_ext.engine.checkpoints.training_state import get_rng_state, set_rng_state
from mmseg_ext.engine.hooks.missing_validation import forget_validation
from mmseg_ext.engine.mmengine_internals import mean_losses, take_losses
from mmseg_ext.engine.runner.autocast import autocast_dtype, autocast_for
from mmseg_ext.engine.runner.batches import divide_batch
from mmseg_ext.errors import InputError
from mmseg_ext.registry import LOOPS


def _predict(
    loop: Any, data_batch: dict[str, Any], step: Callable[[dict[str, Any]], list[Any]], losses: dict[str, Any]
) -> list[Any]:
    """Predict a batch in its parts and pass them to the evaluator; return the outputs without their logits.

    The logits of eight large images take gigabytes, and only the evaluator needs them.
    """
    outputs: list[Any] = []
    for part in divide_batch(data_batch):
        with autocast_for(loop.runner.model, loop.dtype):
            found = step(part)
        found = take_losses(found, losses)
        loop.evaluator.process(data_samples=found, data_batch=part)
        for sample in found:
            if isinstance(sample, BaseDataElement):
                sample.pop('seg_logits', None)
        outputs += found
    return outputs


def _checked_dtype(subject: str, dtype: str | None, fp16: bool) -> torch.dtype | None:
    if fp16:
        raise InputError(f'{subject}: `fp16=True`', 'is not used here', "use `dtype='float16'`")
    return None if dtype is None else autocast_dtype(dtype)


@LOOPS.register_module()
class ValLoop(BaseValLoop):
    """mmengine's ``ValLoop`` with a choice of dtype, for batches of images of any size (`divide_batch`).

    ``dtype`` replaces mmengine's ``fp16``, which means bfloat16 on the CPU and float16 on a GPU. The random
    state is restored after each validation, so training does not depend on the number of validations. A signal
    during a training's validation cuts it short; the resumed training validates first.

    Args:
        dtype: ``'bfloat16'``, ``'float16'`` (GPU only) or ``None`` for float32.
        **kwargs: As for mmengine's loop.

    Raises:
        InputError: An unknown dtype, float16 on the CPU, or ``fp16=True``.
    """

    def __init__(self, dtype: str | None = None, fp16: bool = False, **kwargs: Any) -> None:
        self.dtype = _checked_dtype('val_cfg', dtype, fp16)
        super().__init__(**kwargs)

    def run(self) -> dict[str, float]:
        """Validate and return the metrics."""
        state = get_rng_state()
        self.runner.call_hook('before_val')
        self.runner.call_hook('before_val_epoch')
        self.runner.model.eval()
        self.val_loss.clear()
        common = self._common_batches() if getattr(self.runner, 'is_training', False) else 0
        for index, data_batch in enumerate(self.dataloader):
            self.run_iter(index, data_batch)
            number = self.runner.stop_requested() if index < common else 0
            if number:
                set_rng_state(state)
                self._break_off(number)
        metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
        if self.val_loss:
            metrics.update(mean_losses(self.val_loss, 'val'))
        set_rng_state(state)  # before the hooks: one of them saves it
        self.runner.call_hook('after_val_epoch', metrics=metrics)
        self.runner.call_hook('after_val')
        return metrics

    def _common_batches(self) -> int:
        """Return the smallest number of batches that any process of the training has.

        After each of these batches the processes exchange signals; one that did so once more would wait forever.
        """
        count = torch.tensor(len(self.dataloader))
        all_reduce(count, 'min')
        return int(count)

    def _break_off(self, number: int) -> None:
        """End the training in the state before this validation."""
        for hook in self.runner.hooks:
            if isinstance(hook, EMAHook):
                hook.after_val_epoch(self.runner)  # takes the averaged weights out of the model
        forget_validation(self.runner)
        self.runner.stop(number, {'epoch': self.runner.epoch, 'iter': self.runner.iter, 'batches': 0})

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict[str, Any]) -> None:
        """Predict one batch and pass it to the evaluator."""
        self.runner.call_hook('before_val_iter', batch_idx=idx, data_batch=data_batch)
        outputs = _predict(self, data_batch, self.runner.model.val_step, self.val_loss)
        self.runner.call_hook('after_val_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)


@LOOPS.register_module()
class TestLoop(BaseTestLoop):
    """mmengine's ``TestLoop`` with a choice of dtype, for batches of images of any size (`divide_batch`).

    ``dtype`` replaces mmengine's ``fp16``, as in `ValLoop`.

    Args:
        dtype: ``'bfloat16'``, ``'float16'`` (GPU only) or ``None`` for float32.
        **kwargs: As for mmengine's loop.

    Raises:
        InputError: An unknown dtype, float16 on the CPU, or ``fp16=True``.
    """

    __test__ = False  # not a test class for pytest, despite its name

    def __init__(self, dtype: str | None = None, fp16: bool = False, **kwargs: Any) -> None:
        self.dtype = _checked_dtype('test_cfg', dtype, fp16)
        super().__init__(**kwargs)

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: dict[str, Any]) -> None:
        """Predict one batch and pass it to the evaluator."""
        self.runner.call_hook('before_test_iter', batch_idx=idx, data_batch=data_batch)
        outputs = _predict(self, data_batch, self.runner.model.test_step, self.test_loss)
        self.runner.call_hook('after_test_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs)
