"""``run.json``: what a run says of itself, so that runs can be compared from their folders alone."""

from __future__ import annotations

import math
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmseg_ext.data.fingerprint import data_fingerprint
from mmseg_ext.engine.hooks.records import FOLDER as RECORDS
from mmseg_ext.errors import InputError, one_line
from mmseg_ext.files import atomic_path, write_json
from mmseg_ext.models.complexity import count_gflops, count_parameters
from mmseg_ext.registry import HOOKS
from mmseg_ext.runs.environment import describe_environment
from mmseg_ext.runs.hyperparameters import hyperparameters
from mmseg_ext.runs.scalars import FILE_NAME as SCALARS
from mmseg_ext.runs.scalars import read_scalars

FILE_NAME = 'run.json'
BEST_RECORDS = 'val_best.parquet'
FORMAT = 1
Json = dict[str, Any]


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Write ``<work dir>/run.json`` at the start, after each validation and at the end.

    It holds: ``status`` (``running``, ``finished``, ``failed`` or ``interrupted``; a killed process cannot say so and
    stays ``running``, with its ``process``), ``reason``, config, seed, ``hyperparameters``, ``data`` with fingerprints,
    ``parameters``, ``gflops`` (see `count_gflops`) for ``input_size``, ``minutes`` from the first step on with
    validations (summed over resumes), ``images_per_second`` (images of a step over the median seconds of a step),
    ``iterations``, batch size, device, commit and ``best`` (metric, value, iteration). What cannot be found out is
    null; none of it stops a training. The records of the best validation are kept as ``records/val_best.parquet``.
    """

    priority = 'LOWEST'  # after the hooks that write checkpoints, scalars and records

    def before_train(self, runner: Runner) -> None:
        """Describe what does not change, and take up the minutes and scores of a resumed run."""
        self._measured = False
        self._folder = Path(runner.work_dir)
        self._metric, self._sign = _monitored(runner)
        earlier = read_run_json(self._folder / FILE_NAME) if runner.iter > 0 else {}
        self._minutes_before = float(earlier.get('minutes') or 0)
        self._started = time.monotonic()
        self._history = _validations(self._folder / SCALARS, f'val/{self._metric}', runner.iter)
        self._content: Json = {
            'format': FORMAT,
            'started': earlier.get('started') or _now(),
            **(_describe(runner) if is_main_process() else {}),
            **{key: earlier.get(key) for key in ('gflops', 'input_size')},
        }
        best = self._best()
        if best is None or earlier.get('best') != best:  # of a later state than the one that is resumed
            (self._folder / RECORDS / BEST_RECORDS).unlink(missing_ok=True)
        self._write(runner, 'running')

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Count the operations for the size of the first images."""
        if self._measured or not is_main_process():
            return
        self._measured = True
        try:
            shape = tuple(data_batch['inputs'][0].shape)
            self._content['input_size'] = list(shape[-2:])
            self._content['gflops'] = round(count_gflops(_bare_model(runner), shape), 4)
        except Exception as error:  # a figure for a table: whatever a model does with such an image, it may train
            runner.logger.info(f'{FILE_NAME}: operations not counted ({type(error).__name__}: {one_line(error)})')
        self._started = time.monotonic()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Note the score, keep the records of the best one."""
        if not hasattr(self, '_content'):  # a validation without training
            return
        value = (metrics or {}).get(self._metric)
        if isinstance(value, int | float | np.number) and math.isfinite(value):
            self._history.append((runner.iter, float(value)))
            best = self._best()
            if best is not None and best['iter'] == runner.iter:
                self._keep_records(runner)
        self._write(runner, 'running')

    def after_train(self, runner: Runner) -> None:
        """Say that the run has come to its end."""
        self._write(runner, 'finished')

    def close(self, runner: Runner) -> None:
        """Say why it has not; `mmseg_ext.engine.Runner` calls this also after an error."""
        error = sys.exc_info()[1]
        if error is None or not hasattr(self, '_content'):
            return
        stopped = isinstance(error, KeyboardInterrupt | SystemExit)
        reason = f'{type(error).__name__}: {one_line(error)}' if not isinstance(error, InputError) else one_line(error)
        self._write(runner, 'interrupted' if stopped else 'failed', reason.removesuffix(': '))

    def _best(self) -> Json | None:
        if not self._history:
            return None
        iteration, value = max(self._history, key=lambda entry: self._sign * entry[1])  # the first of equal ones
        return {'metric': self._metric, 'value': value, 'iter': iteration}

    def _keep_records(self, runner: Runner) -> None:
        source = self._folder / RECORDS / 'val.parquet'
        if not is_main_process() or not source.is_file():
            return
        try:
            with atomic_path(source.with_name(BEST_RECORDS)) as temporary:
                shutil.copyfile(source, temporary)
        except InputError as error:
            runner.logger.warning(str(error))

    def _write(self, runner: Runner, status: str, reason: str = '') -> None:
        if not is_main_process():
            return
        self._content |= {
            'status': status,
            'reason': reason,
            'updated': _now(),
            'minutes': round(self._minutes_before + (time.monotonic() - self._started) / 60, 4),
            'images_per_second': _images_per_second(runner),
            'iterations': {'done': runner.iter, 'planned': runner.max_iters},
            'best': self._best(),
        }
        try:
            write_json(self._folder / FILE_NAME, self._content)
        except (InputError, ValueError, TypeError) as error:  # the run itself matters more than its description
            runner.logger.warning(f'{FILE_NAME} not written: {one_line(error)}')


def read_run_json(path: Path) -> Json:
    """Read an earlier ``run.json``; empty where there is none that can be read."""
    import json

    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _describe(runner: Runner) -> Json:
    environment = describe_environment(sys.argv)
    model = _bare_model(runner)
    device = next(model.parameters()).device
    loader = runner.train_dataloader
    return {
        'config': runner.cfg.filename and Path(runner.cfg.filename).name,
        'seed': runner.seed,
        'hyperparameters': hyperparameters(runner.cfg),
        'data': {name: _describe_data(runner.cfg.get(f'{name}_dataloader')) for name in ('train', 'val')},
        'batch_size': getattr(loader, 'batch_size', None),
        'processes': get_world_size(),
        'parameters': count_parameters(model),
        'device': torch.cuda.get_device_name(device) if device.type == 'cuda' else device.type,
        'processor': environment['processor'],
        'threads': environment['threads'],
        'commit': environment['commit'],
        'process': {'id': os.getpid(), 'host': platform.node()},
    }


def _describe_data(loader: Any) -> list[Json]:
    """Root, label set, split and fingerprint of each data set of a loader, also of those inside wrappers."""
    found = []
    for source in _sources((loader or {}).get('dataset')):
        root, labels, split = source['data_root'], source.get('labels'), source.get('split')
        try:
            fingerprint = data_fingerprint(root, labels, [split]) if split else None
        except InputError:  # another layout than ours
            fingerprint = None
        found.append({'root': Path(root).name, 'labels': labels, 'split': split, 'fingerprint': fingerprint})
    return found


def _sources(dataset: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(dataset, list | tuple):
        for one in dataset:
            yield from _sources(one)
    elif isinstance(dataset, Mapping):
        if dataset.get('data_root'):
            yield dataset
        for key in ('dataset', 'datasets'):
            yield from _sources(dataset.get(key))


def _monitored(runner: Runner) -> tuple[str, int]:
    """The metric that chooses the best checkpoint, and 1 where it grows, −1 where it falls as models get better."""
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.save_best and hook.key_indicators[0] != 'auto':
            return hook.key_indicators[0], -1 if hook.rules[0] == 'less' else 1
    return 'mDice', 1


def _validations(path: Path, key: str, iteration: int) -> list[tuple[int, float]]:
    """The earlier scores of a resumed run: iteration, value."""
    if iteration == 0 or not path.is_file():
        return []
    try:
        rows = read_scalars(path)
    except InputError:
        return []
    return [(row['iter'], row[key]) for row in rows if row['iter'] <= iteration and row.get(key) is not None]


def _images_per_second(runner: Runner) -> float | None:
    history = runner.message_hub.log_scalars.get('train/time')
    batch = getattr(runner.train_dataloader, 'batch_size', None)
    if history is None or not batch or not len(history.data[0]):
        return None
    seconds = float(np.median(history.data[0]))
    return round(batch * get_world_size() / seconds, 4) if seconds > 0 else None


def _bare_model(runner: Runner) -> torch.nn.Module:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec='seconds')
