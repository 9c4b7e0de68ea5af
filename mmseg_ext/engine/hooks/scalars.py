"""Hook that writes the curves of a run to ``scalars.json``, and continues them when the run is resumed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_ext.engine.hooks.missing_validation import is_validation_missing
from mmseg_ext.errors import InputError
from mmseg_ext.files import write_text
from mmseg_ext.registry import HOOKS
from mmseg_ext.runs.layout import SCALARS
from mmseg_ext.runs.scalars import read_scalars, sample_training


@HOOKS.register_module()
class ScalarsHook(Hook):
    """Append losses, learning rate and metrics to ``<work dir>/scalars.json``.

    A line is ``{"iter": 20, "epoch": 2, "train/loss": 0.5, …}`` or ``{"iter": 20, "epoch": 2, "val/mDice": 81.2, …}``.
    ``iter`` counts finished iterations and ``epoch`` started passes over the training set. Losses are means over the
    last ``interval`` iterations. NaN and infinity become ``null``, since JSON has neither. When a run is resumed, lines
    beyond the iteration of its checkpoint are dropped first, so no iteration appears twice.

    Args:
        interval: Iterations between two training lines.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 10) -> None:
        if interval < 1:
            raise InputError('ScalarsHook', f'interval={interval} must be at least 1')
        self.interval = interval

    def before_train(self, runner: Runner) -> None:
        """Drop the lines that the resumed (or fresh) run will write again."""
        self.path = Path(runner.work_dir) / SCALARS
        if is_main_process() and self.path.exists():
            faults: list[str] = []
            rows = read_scalars(self.path, faults)
            for fault in faults:
                runner.logger.warning(fault)
            kept = [row for row in rows if row['iter'] <= runner.iter and runner.iter > 0]
            if is_validation_missing(runner):
                kept = [row for row in kept if row['iter'] < runner.iter or not any(key[:4] == 'val/' for key in row)]
            write_text(self.path, ''.join(json.dumps(row) + '\n' for row in kept))

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Write a line every ``interval`` iterations, and at the last one."""
        finished = runner.iter + 1
        scalars = sample_training(runner.message_hub.log_scalars, finished, self.interval, runner.max_iters)
        if scalars is not None:
            self._append(runner, finished, scalars)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Write the metrics, without those that are not numbers (tables), which are stored elsewhere."""
        if not hasattr(self, 'path'):  # a validation without training belongs to no curve
            return
        numbers = {f'val/{key}': value for key, value in (metrics or {}).items() if _is_number(value)}
        self._append(runner, runner.iter, numbers)

    def _append(self, runner: Runner, iteration: int, scalars: dict[str, Any]) -> None:
        if not is_main_process():
            return
        steps = max(1, len(runner.train_dataloader))  # 0 if an endless sampler fills batches from fewer images
        row: dict[str, Any] = {'iter': iteration, 'epoch': math.ceil(iteration / steps)}
        row |= {key: float(value) if math.isfinite(value) else None for key, value in scalars.items()}
        try:
            with self.path.open('a', encoding='utf-8') as stream:
                stream.write(json.dumps(row, allow_nan=False) + '\n')
        except OSError as error:
            raise InputError(self.path, f'cannot be written ({error.strerror or error})', 'free up space') from error


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError, RuntimeError):
        return False
    return not isinstance(value, str)
