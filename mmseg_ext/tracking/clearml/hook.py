"""Gives the ClearML backend what it cannot see by itself."""

from __future__ import annotations

import json
import logging
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from numpy.typing import NDArray

from mmseg_ext.engine.hooks.records import FOLDER as RECORDS
from mmseg_ext.engine.hooks.run_record import FILE_NAME as RUN_RECORD
from mmseg_ext.engine.hooks.run_record import read_run_json
from mmseg_ext.errors import InputError, one_line
from mmseg_ext.evaluation.records import read_records
from mmseg_ext.registry import HOOKS
from mmseg_ext.tracking.clearml.backend import ClearMLBackend, find_backend
from mmseg_ext.tracking.clearml.overlays import prediction_panel
from mmseg_ext.tracking.clearml.titles import finite

SCORES = ('Dice', 'IoU', 'Acc', 'Precision', 'Recall')


@HOOKS.register_module()
class ClearMLHook(Hook):
    """Log curves, tables, pictures, single values and the best checkpoint; inert without a ``ClearMLBackend``.

    Args:
        interval: Iterations between two points of a training curve.

    Raises:
        InputError: An interval below 1.
    """

    priority = 'LOWEST'  # after the hooks that save, count and stop

    def __init__(self, interval: int = 10) -> None:
        if interval < 1:
            raise InputError(f'ClearMLHook: interval={interval} must be at least 1')
        self.interval = interval
        self.backend: ClearMLBackend | None = None
        self._handler: logging.Handler | None = None

    def before_train(self, runner: Runner) -> None:
        """Start the task."""
        backend = find_backend(runner.visualizer)
        if backend is None or not is_main_process():
            return
        backend.has_hook = True
        backend.start(resume=bool(runner._resume), extra=_provenance(runner))
        if backend.experiment is None:
            return
        self.backend = backend
        self._since = time.monotonic()
        self._handler = _ConsoleHandler(backend)
        runner.logger.addHandler(self._handler)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Log the means over the interval."""
        finished = runner.iter + 1
        if self.backend is None or (finished % self.interval and finished != runner.max_iters):
            return
        scalars = {
            name: buffer.current() if name.endswith('lr') else buffer.mean(self.interval)
            for name, buffer in runner.message_hub.log_scalars.items()
            if name.startswith('train/')
        }
        self.backend.add_scalars({**scalars, 'train/memory': _memory()}, finished)

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Show the first image of some batches: the same ones at every evaluation."""
        if self.backend is None or not outputs:
            return
        if not _is_chosen(batch_idx, len(runner.val_dataloader), self.backend.images):
            return
        panel = prediction_panel(outputs[0], runner.val_dataloader.dataset.metainfo)
        if panel is not None:
            self.backend.send('image', title='val/overlays', series=panel[0], image=panel[1], step=runner.iter)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Log the scores: as curves, as a table of classes, as a confusion matrix."""
        if self.backend is None or not metrics:
            return
        step = runner.iter
        self.backend.add_scalars({f'val/{name}': value for name, value in metrics.items()}, step)
        meta = runner.val_dataloader.dataset.metainfo
        classes = [str(label) for label in meta.get('classes') or []]
        rows = [[label, *(_rounded(metrics.get(f'{score}/{label}')) for score in SCORES)] for label in classes]
        table = [['class', *SCORES], *rows]
        self.backend.send('table', title='val/classes', series='percent', rows=table, step=step)
        path = Path(runner.work_dir) / RECORDS / f'{meta.get("split") or "val"}.parquet'
        if path.is_file():
            matrix = row_percent(read_records(path).confusion.sum(axis=0))
            names = {'title': 'val/confusion', 'series': 'percent of the true class'}
            self.backend.send('confusion', **names, matrix=matrix, classes=classes, step=step)
        finals = {f'final {name}': finite(metrics.get(name)) for name in ('mDice', *(f'Dice/{one}' for one in classes))}
        known = {name: value for name, value in finals.items() if value is not None}
        self.backend.send('values', values={**known, **_best(runner)[0]})

    def after_train(self, runner: Runner) -> None:
        """Upload the best checkpoint."""
        self._upload(runner)

    def close(self, runner: Runner) -> None:
        """Close the task; `mmseg_ext.engine.Runner` calls this also after an error."""
        if self.backend is None:
            return
        backend, self.backend = self.backend, None
        runner.logger.removeHandler(self._handler)
        error = sys.exc_info()[1]
        if error is None:
            backend.close()
            return
        self.backend = backend
        self._upload(runner)
        self.backend = None
        interrupted = isinstance(error, KeyboardInterrupt)
        backend.close('stopped' if interrupted else 'failed', one_line(error) or type(error).__name__)

    def _upload(self, runner: Runner) -> None:
        if self.backend is None:
            return
        path = _best(runner)[1]
        minutes = round((time.monotonic() - self._since) / 60, 2)
        self.backend.send('values', values={'minutes': minutes, **_measured(Path(runner.work_dir))})
        if path is not None and path.is_file():
            meta = runner.train_dataloader.dataset.metainfo
            description = {'classes': list(meta.get('classes') or []), 'palette': list(meta.get('palette') or [])}
            self.backend.send('model', path=str(path.absolute()), name=path.stem, **description)


class _ConsoleHandler(logging.Handler):
    """Passes the lines of the log on."""

    def __init__(self, backend: ClearMLBackend) -> None:
        super().__init__(logging.INFO)
        self.backend = backend

    def emit(self, record: logging.LogRecord) -> None:
        """Send one line."""
        self.backend.send('text', line=record.getMessage())


def row_percent(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """A confusion matrix (K, K) in percent of each true class, to a hundredth; a class without pixels has zeros."""
    totals = confusion.sum(axis=1, keepdims=True)
    shares: NDArray[np.float64] = np.round(100 * confusion / np.maximum(totals, 1), 2)
    return shares


def _best(runner: Runner) -> tuple[dict[str, float], Path | None]:
    """The best scores that checkpoints are kept for, and the checkpoint of the first of them."""
    values: dict[str, float] = {}
    paths = []
    for hook in runner.hooks:
        metrics = hook.key_indicators if isinstance(hook, CheckpointHook) and hook.save_best else []
        for metric in metrics:
            suffix = '' if len(metrics) == 1 else f'_{metric}'
            score = finite(runner.message_hub.get_info(f'best_score{suffix}'))
            path = runner.message_hub.get_info(f'best_ckpt{suffix}')
            if score is not None and path:
                values[f'best {metric}'] = score
                paths.append(Path(path))
                steps = re.findall(r'\d+', Path(path).stem)
                values |= {f'best {metric} at': float(steps[-1])} if steps else {}
    return values, paths[0] if paths else None


def _provenance(runner: Runner) -> dict[str, str]:
    """The config's file, and the commit from the description that ``tools/train.py`` has written."""
    try:
        commit = json.loads((Path(runner.work_dir) / 'environment.json').read_text(encoding='utf-8'))['commit']
    except (OSError, ValueError, KeyError):
        commit = None
    return {'config': Path(runner.cfg.filename or 'none').stem, 'commit': commit or 'none'}


def _measured(work_dir: Path) -> dict[str, float]:
    """What `RunRecordHook` has found out, where it is among the hooks; its minutes hold those of a resumed run too."""
    record = read_run_json(work_dir / RUN_RECORD)
    names = {'parameters': 'parameters', 'GFLOPs': 'gflops', 'minutes': 'minutes'}
    known = {name: finite(record.get(key)) for name, key in names.items()}
    return {name: value for name, value in known.items() if value is not None}


def _is_chosen(batch: int, batches: int, count: int) -> bool:
    """Whether a batch is one of ``count`` that lie evenly over all."""
    count = min(count, batches)
    return count > 0 and any(batch == index * batches // count for index in range(count))


def _memory() -> float:
    """The most memory used so far, in MiB: of the GPU, or else of this process."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 2**20
    unit = 2**20 if sys.platform == 'darwin' else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _rounded(value: Any) -> float | str:
    number = finite(value)
    return '-' if number is None else round(number, 2)
