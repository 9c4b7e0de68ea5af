"""Hook that shows the progress of a training as one line on a terminal, and nothing in a pipe."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mmseg_ext.progress import open_console
from mmseg_ext.registry import HOOKS
from mmseg_ext.runs.scalars import DEFAULT_METRIC, best_point


@HOOKS.register_module()
class ProgressHook(Hook):
    """Show iterations, remaining time, loss, learning rate and the best value of a metric so far.

    Args:
        metric: The validation metric to show.
        greater_is_better: Whether greater values are better.
    """

    priority = 'LOW'

    def __init__(self, metric: str = DEFAULT_METRIC, greater_is_better: bool = True) -> None:
        self.metric = metric
        self.greater_is_better = greater_is_better
        self._best: float | None = None
        self._progress: Progress | None = None

    def before_train(self, runner: Runner) -> None:
        """Start the line, if there is a terminal, and recall the best value of a resumed run."""
        history = runner.message_hub.log_scalars.get(f'val/{self.metric}')
        self._best = None
        for value in [] if history is None else history.data[0].tolist():
            self._note(value)
        if not (is_main_process() and sys.stderr.isatty()):
            return
        self._progress = Progress(
            TextColumn('train'),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn('eta'),
            TimeRemainingColumn(),
            TextColumn('{task.fields[state]}'),
            console=open_console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task('train', total=runner.max_iters, completed=runner.iter, state='')
        self._progress.start()
        # rich has replaced sys.stderr with a stream that prints above the line: send the terminal's log there.
        self._streams = []
        for handler in runner.logger.handlers:
            if type(handler) is logging.StreamHandler and handler.stream.isatty():
                self._streams.append((handler, handler.setStream(sys.stderr)))

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Advance the line."""
        if self._progress is not None:
            lr = runner.message_hub.get_scalar('train/lr').current()
            loss = runner.message_hub.get_scalar('train/loss').current()
            state = f'loss {loss:.4f}  lr {lr:.2e}{self._best_text()}'
            self._progress.update(self._task, completed=runner.iter + 1, state=state)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Update the best value with the metric."""
        value = (metrics or {}).get(self.metric)
        if value is not None:
            self._note(value)

    def close(self, runner: Runner) -> None:
        """Remove the line; `mmseg_ext.engine.Runner` calls this even after an error."""
        if self._progress is not None:
            with suppress(OSError):  # the terminal may be gone
                self._progress.stop()
            self._progress = None
            for handler, stream in self._streams:
                handler.setStream(stream)

    def _note(self, value: float) -> None:
        points = [(index, number) for index, number in enumerate((self._best, value)) if number is not None]
        best = best_point(points, self.greater_is_better)
        self._best = None if best is None else best[1]

    def _best_text(self) -> str:
        return '' if self._best is None else f'  best {self.metric} {self._best:.2f}'
