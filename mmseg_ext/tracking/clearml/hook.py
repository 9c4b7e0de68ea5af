"""Hook that passes curves, tables, images and checkpoints to the ClearML backend."""

from __future__ import annotations

import logging
import re
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner
from numpy.typing import NDArray

from mmseg_ext.data.images import read_image
from mmseg_ext.engine.guard import without_worker
from mmseg_ext.engine.mmengine_internals import is_resumed
from mmseg_ext.errors import InputError, one_line
from mmseg_ext.evaluation.records import read_records
from mmseg_ext.evaluation.scores import row_percent
from mmseg_ext.registry import HOOKS
from mmseg_ext.reports.drawing import overlay
from mmseg_ext.runs.config_names import experiment_name
from mmseg_ext.runs.layout import ENVIRONMENT, RECORDS_FOLDER, RUN_RECORD
from mmseg_ext.runs.record import read_run_json
from mmseg_ext.runs.scalars import sample_training
from mmseg_ext.runs.schema import EnvironmentFile, read_checked
from mmseg_ext.tracking.clearml.backend import ClearMLBackend, find_backend
from mmseg_ext.tracking.clearml.messages import Checkpoint, ConfusionMatrix, ConsoleLine, Image, SingleValues, Table
from mmseg_ext.tracking.clearml.titles import finite

MAX_PANEL_SIDE = 320  # pixels of an image in a panel; larger ones are shown smaller
SCORES = ('Dice', 'IoU', 'Acc', 'Precision', 'Recall')


@HOOKS.register_module()
class ClearMLHook(Hook):
    """Log curves, tables, images, single values and the best checkpoint; inert without a `ClearMLBackend`.

    Args:
        interval: Iterations between two points of a training curve.

    Raises:
        InputError: An interval below 1.
    """

    priority = 'LOWEST'  # after the hooks that save, count and stop

    def __init__(self, interval: int = 10) -> None:
        if interval < 1:
            raise InputError('ClearMLHook', f'interval={interval} must be at least 1')
        self.interval = interval
        self.backend: ClearMLBackend | None = None
        self._handler: logging.Handler | None = None

    def before_train(self, runner: Runner) -> None:
        """Start the task."""
        backend = find_backend(runner.visualizer)
        if backend is None or not is_main_process():
            return
        backend.has_hook = True
        backend.start(resume=is_resumed(runner), extra=_provenance(runner))
        if backend.experiment is None:
            return
        self.backend = backend
        self._since = time.monotonic()
        self._handler = _ConsoleHandler(backend)
        runner.logger.addHandler(self._handler)

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Log the means over the interval."""
        finished = runner.iter + 1
        if self.backend is None:
            return
        scalars = sample_training(runner.message_hub.log_scalars, finished, self.interval, runner.max_iters)
        if scalars is not None:
            self.backend.add_scalars({**scalars, 'train/memory': _memory()}, finished)

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Show some images: the same ones at every evaluation."""
        if self.backend is None:
            return
        loader = runner.val_dataloader
        size = loader.batch_size or 1
        count = min(len(loader) * size, len(loader.dataset))  # fewer than the data set's on one of several processes
        for index, sample in enumerate(outputs or (), batch_idx * size):
            if not _is_chosen(index, count, self.backend.images):
                continue
            panel = prediction_panel(sample, loader.dataset.metainfo)
            if panel is not None:
                self.backend.send(Image('val/overlays', panel[0], panel[1], runner.iter))

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Log the scores: as curves, as a table of classes, as a confusion matrix."""
        if self.backend is None or not metrics:
            return
        step = runner.iter
        self.backend.add_scalars({f'val/{name}': value for name, value in metrics.items()}, step)
        meta = runner.val_dataloader.dataset.metainfo
        classes = [str(label) for label in meta.get('classes') or []]
        rows = [[label, *(_rounded(metrics.get(f'{score}/{label}')) for score in SCORES)] for label in classes]
        self.backend.send(Table('val/classes', 'percent', [['class', *SCORES], *rows], step))
        path = Path(runner.work_dir) / RECORDS_FOLDER / f'{meta.get("split") or "val"}.parquet'
        if path.is_file():
            matrix = row_percent(read_records(path).confusion.sum(axis=0))
            self.backend.send(ConfusionMatrix('val/confusion', 'percent of the true class', matrix, classes, step))
        names = ('mDice', *(f'Dice/{label}' for label in classes))
        finals = {f'final {name}': finite(metrics.get(name)) for name in names}
        known = {name: value for name, value in finals.items() if value is not None}
        self.backend.send(SingleValues({**known, **_best(runner)[0]}))

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
        interrupted = isinstance(error, KeyboardInterrupt | SystemExit)
        backend.close('stopped' if interrupted else 'failed', one_line(without_worker(error)) or type(error).__name__)

    def _upload(self, runner: Runner) -> None:
        if self.backend is None:
            return
        path = _best(runner)[1]
        minutes = round((time.monotonic() - self._since) / 60, 2)
        self.backend.send(SingleValues({'minutes': minutes, **_measured(Path(runner.work_dir))}))
        if path is not None and path.is_file():
            meta = runner.train_dataloader.dataset.metainfo
            classes, palette = list(meta.get('classes') or []), list(meta.get('palette') or [])
            self.backend.send(Checkpoint(str(path.absolute()), path.stem, classes, palette))


class _ConsoleHandler(logging.Handler):
    """Handler that sends the lines of the log to the backend."""

    def __init__(self, backend: ClearMLBackend) -> None:
        super().__init__(logging.INFO)
        self.backend = backend

    def emit(self, record: logging.LogRecord) -> None:
        """Send one line."""
        self.backend.send(ConsoleLine(record.getMessage()))


def prediction_panel(sample: Any, metainfo: Mapping[str, Any]) -> tuple[str, NDArray[np.uint8]] | None:
    """Draw image, ground truth and prediction of one validation sample side by side.

    Args:
        sample: An mmseg ``SegDataSample`` with ``pred_sem_seg`` and, where known, ``gt_sem_seg``.
        metainfo: Of the data set, with ``palette`` and ``ignore_index``.

    Returns:
        The stem and the panel, RGB, shape (H, 3W, 3), uint8: the image, the ground truth on it (without one, the image
        again) and the prediction on it. None where the sample names no image that can be read.
    """
    if 'pred_sem_seg' not in sample or not getattr(sample, 'img_path', None):
        return None
    path = Path(sample.img_path)
    try:
        image = read_image(path)
    except InputError:
        return None
    masks = [_mask(sample.gt_sem_seg) if 'gt_sem_seg' in sample else None, _mask(sample.pred_sem_seg)]
    height, width = image.shape[:2]
    scale = min(1.0, MAX_PANEL_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    palette = metainfo['palette']
    drawn = {'ignore_index': metainfo.get('ignore_index', 255), 'background': metainfo.get('background', 0)}
    parts = [small]
    for mask in masks:
        if mask is not None:
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        parts.append(small if mask is None else overlay(small, mask, palette, **drawn))
    return path.stem, np.concatenate(parts, axis=1)


def _mask(data: Any) -> NDArray[np.uint8]:
    mask: NDArray[np.uint8] = data.data.reshape(data.data.shape[-2:]).cpu().numpy().astype(np.uint8)
    return mask


def _best(runner: Runner) -> tuple[dict[str, float], Path | None]:
    """Return the best scores that checkpoints are kept for, and the checkpoint of the first of them."""
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
    """Return the config's file, and the commit from the description that `mmseg-ext train` has written."""
    known = read_checked(Path(runner.work_dir) / ENVIRONMENT, EnvironmentFile, [])
    return {'config': experiment_name(runner.cfg.filename or 'none'), 'commit': known.get('commit', 'none')}


def _measured(work_dir: Path) -> dict[str, float]:
    """Return what `RunRecordHook` has measured, if it is among the hooks; its minutes count a resumed run too."""
    record = read_run_json(work_dir / RUN_RECORD)
    names = {'parameters': 'parameters', 'GFLOPs': 'gflops', 'minutes': 'minutes'}
    known = {name: finite(record.get(key)) for name, key in names.items()}
    return {name: value for name, value in known.items() if value is not None}


def _is_chosen(image: int, images: int, count: int) -> bool:
    """Check whether an image is one of ``count`` that lie evenly over all."""
    count = min(count, images)
    return count > 0 and any(image == index * images // count for index in range(count))


def _memory() -> float:
    """Return the most memory used so far, in MiB: of the GPU, or else of this process."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 2**20
    unit = 2**20 if sys.platform == 'darwin' else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _rounded(value: Any) -> float | str:
    number = finite(value)
    return '-' if number is None else round(number, 2)
