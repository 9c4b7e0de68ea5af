"""Hook that describes a run in ``run.json``, so that runs can be compared from their folders alone."""

from __future__ import annotations

import math
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import Runner

from mmseg_ext.data.dataset import Split, choose_files
from mmseg_ext.data.fingerprint import data_fingerprint
from mmseg_ext.engine.guard import without_worker
from mmseg_ext.engine.unwrap import unwrap_model
from mmseg_ext.errors import InputError, one_line
from mmseg_ext.files import atomic_path, write_json
from mmseg_ext.models.complexity import count_gflops, count_parameters
from mmseg_ext.registry import HOOKS
from mmseg_ext.runs.environment import describe_environment
from mmseg_ext.runs.hyperparameters import dataset_configs, hyperparameters
from mmseg_ext.runs.layout import BEST_VAL_RECORDS, RECORDS_FOLDER, RUN_RECORD, SCALARS, VAL_RECORDS
from mmseg_ext.runs.record import FAILED, FINISHED, INTERRUPTED, RUNNING, read_run_json
from mmseg_ext.runs.scalars import DEFAULT_METRIC, best_point, points_of, read_scalars

FORMAT = 1  # of run.json
Json = dict[str, Any]


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Write ``<work dir>/run.json`` at the start, after each validation and at the end.

    It holds: ``status`` (``running``, ``finished``, ``failed`` or ``interrupted``; a killed process leaves
    ``running``, with its ``process``), ``reason``, config, seed, ``fold`` (``fold`` of ``of``, the ``seed`` of the
    division, and the stems ``held_out``), ``hyperparameters``, ``data`` with fingerprints (null until they are known,
    seconds after the first step), ``parameters``, ``gflops`` (see `count_gflops`) for ``input_size``, ``minutes`` since
    the first step, including validations (summed over resumes), ``images_per_second`` (images of a step over the median
    seconds of a step), ``iterations``, batch size, device, commit and ``best`` (metric, value, iteration). An unknown
    value is null and never stops a training. The records of the best validation are kept as
    ``records/val_best.parquet``.
    """

    priority = 'LOWEST'  # after the hooks that write checkpoints, scalars and records
    _fingerprints: Future[Json] | None = None  # until they are in the record

    def before_train(self, runner: Runner) -> None:
        """Describe what does not change, and restore the minutes and scores of a resumed run."""
        self._measured = self._is_read = False
        self._folder = Path(runner.work_dir)
        self._metric, self._greater_is_better = _monitored(runner)
        faults: list[str] = []
        earlier = read_run_json(self._folder / RUN_RECORD, faults) if runner.iter > 0 else {}
        for fault in faults:
            runner.logger.warning(fault)
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
        if best is None or earlier.get('best') != best:  # from a later state than the resumed one
            (self._folder / RECORDS_FOLDER / BEST_VAL_RECORDS).unlink(missing_ok=True)
        self._write(runner, RUNNING)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Count the operations for the size of the first images."""
        if self._measured or not is_main_process():
            return
        self._measured = True
        try:
            shape = tuple(data_batch['inputs'][0].shape)
            self._content['input_size'] = list(shape[-2:])
            self._content['gflops'] = round(count_gflops(unwrap_model(runner.model), shape), 4)
        except Exception as error:  # only a number for a table: the model may train whatever it raises here
            runner.logger.info(f'{RUN_RECORD}: operations not counted ({type(error).__name__}: {one_line(error)})')
        self._started = time.monotonic()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Read the data for its fingerprints in parallel with the steps after the first, and write them once known.

        Not earlier: a thread delays the first step, and the loader's worker processes must not be forked beside it.
        """
        if not self._is_read and is_main_process():
            self._is_read = True
            pool = ThreadPoolExecutor(1)
            self._fingerprints = pool.submit(_describe_loaders, runner.cfg)
            pool.shutdown(wait=False)
        if self._fingerprints is not None and self._fingerprints.done():
            self._write(runner, RUNNING)

    def after_train_epoch(self, runner: Runner) -> None:
        """Wait for the fingerprints: workers may be forked next."""
        self._add_fingerprints()

    def before_val(self, runner: Runner) -> None:
        """Wait for the fingerprints, for the same reason."""
        self._add_fingerprints()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, Any] | None = None) -> None:
        """Record the score, and keep the records of the best one."""
        if not hasattr(self, '_content'):  # a validation without training
            return
        value = (metrics or {}).get(self._metric)
        if isinstance(value, int | float | np.number) and math.isfinite(value):
            self._history.append((runner.iter, float(value)))
            best = self._best()
            if best is not None and best['iter'] == runner.iter:
                self._keep_records(runner)
        self._write(runner, RUNNING)

    def after_train(self, runner: Runner) -> None:
        """Record that the run has finished."""
        self._write(runner, FINISHED)

    def close(self, runner: Runner) -> None:
        """Record why it has not finished; `mmseg_ext.engine.Runner` calls this even after an error."""
        error = sys.exc_info()[1]
        if error is None or not hasattr(self, '_content'):
            return
        stopped = isinstance(error, KeyboardInterrupt | SystemExit)
        is_input = isinstance(error, InputError)
        reason = one_line(without_worker(error)) if is_input else f'{type(error).__name__}: {one_line(error)}'
        self._write(runner, INTERRUPTED if stopped else FAILED, reason.removesuffix(': '))

    def _best(self) -> Json | None:
        best = best_point(self._history, self._greater_is_better)
        return None if best is None else {'metric': self._metric, 'value': best[1], 'iter': best[0]}

    def _keep_records(self, runner: Runner) -> None:
        source = self._folder / RECORDS_FOLDER / VAL_RECORDS
        if not is_main_process() or not source.is_file():
            return
        try:
            with atomic_path(source.with_name(BEST_VAL_RECORDS)) as temporary:
                shutil.copyfile(source, temporary)
        except InputError as error:
            runner.logger.warning(str(error))

    def _add_fingerprints(self) -> None:
        if self._fingerprints is not None:
            self._content['data'] = self._fingerprints.result()
            self._fingerprints = None

    def _write(self, runner: Runner, status: str, reason: str = '') -> None:
        if not is_main_process():
            return
        self._add_fingerprints()
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
            write_json(self._folder / RUN_RECORD, self._content)
        except (InputError, ValueError, TypeError) as error:  # the run itself matters more than its description
            runner.logger.warning(f'{RUN_RECORD} not written: {one_line(error)}')


def _describe(runner: Runner) -> Json:
    environment = describe_environment(sys.argv)
    model = unwrap_model(runner.model)
    device = next(model.parameters()).device
    loader = runner.train_dataloader
    return {
        'config': runner.cfg.filename and Path(runner.cfg.filename).name,
        'seed': runner.seed,
        'fold': dict(runner.cfg.get('fold') or {}) or None,
        'hyperparameters': hyperparameters(runner.cfg),
        'data': _describe_loaders(runner.cfg, with_fingerprints=False),
        'batch_size': getattr(loader, 'batch_size', None),
        'processes': get_world_size(),
        'parameters': count_parameters(model),
        'device': torch.cuda.get_device_name(device) if device.type == 'cuda' else device.type,
        'processor': environment['processor'],
        'threads': environment['threads'],
        'commit': environment['commit'],
        'process': {'id': os.getpid(), 'host': platform.node()},
    }


def _describe_loaders(config: Any, with_fingerprints: bool = True) -> Json:
    """Return root, label set, split and fingerprint of each dataset of the loaders, including those inside wrappers."""
    return {
        name: [
            _describe_data(source, with_fingerprints)
            for source, _ in dataset_configs((config.get(f'{name}_dataloader') or {}).get('dataset'))
            if source.get('data_root')
        ]
        for name in ('train', 'val')
    }


def _describe_data(source: Mapping[str, Any], with_fingerprint: bool) -> Json:
    root, labels, split = Path(source['data_root']).expanduser(), source.get('labels', 'labels'), source.get('split')
    try:
        known = split and with_fingerprint
        fingerprint = data_fingerprint(root, labels, [str(split)], _listed(root, source)) if known else None
    except InputError:  # another layout than ours
        fingerprint = None
    return {'root': root.name, 'labels': labels, 'split': split, 'fingerprint': fingerprint}


def _listed(root: Path, source: Mapping[str, Any]) -> list[str] | None:
    """Return the stems that a data set's ``ann_file`` lists; None if it has none."""
    if not source.get('ann_file'):
        return None
    images = Split(root, source['split']).images()
    return [stem for _, stem in choose_files([(source['split'], stem) for stem in images], root / source['ann_file'])]


def _monitored(runner: Runner) -> tuple[str, bool]:
    """Return the metric that selects the best checkpoint, and whether greater is better."""
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.save_best and hook.key_indicators[0] != 'auto':
            return hook.key_indicators[0], hook.rules[0] != 'less'
    return DEFAULT_METRIC, True


def _validations(path: Path, key: str, iteration: int) -> list[tuple[int, float]]:
    """Return the earlier scores of a resumed run: iteration, value."""
    if iteration == 0 or not path.is_file():
        return []
    try:
        rows = read_scalars(path, [])  # `ScalarsHook` has warned
    except InputError:
        return []
    return points_of((row for row in rows if row['iter'] <= iteration), key)


def _images_per_second(runner: Runner) -> float | None:
    history = runner.message_hub.log_scalars.get('train/time')
    batch = getattr(runner.train_dataloader, 'batch_size', None)
    if history is None or not batch or not len(history.data[0]):
        return None
    seconds = float(np.median(history.data[0]))
    return round(batch * get_world_size() / seconds, 4) if seconds > 0 else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec='seconds')
