"""Reading of a run from its folder: its own record, and for older runs what its other files tell."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ext.errors import InputError, one_line
from mmseg_ext.runs.config_dump import read_config_dump
from mmseg_ext.runs.config_names import SUFFIXES, experiment_name
from mmseg_ext.runs.evaluations import read_result, read_validation
from mmseg_ext.runs.finding import find_runs, is_work_dir, metrics_files, short_names, subfolders
from mmseg_ext.runs.hyperparameters import DATA_FINGERPRINT, hyperparameters, joined_fingerprints
from mmseg_ext.runs.layout import CLEARML, ENVIRONMENT, METRICS, RUN_RECORD, SCALARS
from mmseg_ext.runs.record import (
    FINISHED,
    INTERRUPTED,
    RUNNING,
    STATUSES,
    UNFINISHED,
    UNREADABLE,
    Curve,
    Evaluation,
    RunRecord,
    read_run_json,
)
from mmseg_ext.runs.scalars import points_of, read_scalars
from mmseg_ext.runs.schema import ClearMLFile, EnvironmentFile, as_setting, checked, read_checked

BUFFERS = ('running_mean', 'running_var', 'num_batches_tracked')  # tensors of a checkpoint that are no parameters
NO_RUN_FILES = 'no run.json, scalars.json, environment.json or metrics.json'
NO_RUN = f'holds no run: {NO_RUN_FILES}'
Json = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


def read_runs(places: Sequence[str | Path]) -> list[RunRecord]:
    """Read the runs in some folders; see `find_runs`. A run that cannot be read is among them, with the reason.

    Raises:
        InputError: A place does not exist.
    """
    folders = find_runs(places)
    return [read_run(folder, name) for folder, name in zip(folders, short_names(folders), strict=True)]


def read_run(folder: Path, name: str) -> RunRecord:
    """Read one work dir or result dir, whatever state it is in."""
    try:
        if is_work_dir(folder):
            return _read_work_dir(folder, name)
        if metrics_files(folder):
            return _read_result_alone(folder, name)
    except Exception as error:  # one foreign or half-written run must not take the page of all others with it
        reason = one_line(f'{type(error).__name__}: {error}')
        return RunRecord(name, str(folder), status=UNREADABLE, reason=reason)
    return RunRecord(name, str(folder), status=UNREADABLE, reason=NO_RUN)


class _Problems(list[str]):
    """List of what cannot be read, so that the rest still is.

    Args:
        folder: The run, from which its files are named.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def attempt(self, function: Any, *args: Any, default: Any = None) -> Any:
        try:
            return function(*args)
        except InputError as error:
            inside = f'{self._folder}{os.sep}'
            parts = (part.replace(inside, '') for part in (error.subject, error.problem, error.remedy))
            self.append(one_line(InputError(*parts)))
            return default


def _read_work_dir(folder: Path, name: str) -> RunRecord:
    problems = _Problems(folder)
    record = read_run_json(folder / RUN_RECORD, problems)
    environment = read_checked(folder / ENVIRONMENT, EnvironmentFile, problems)
    clearml = read_checked(folder / CLEARML, ClearMLFile, problems)
    config_file = find_run_config(folder, record.get('config'))
    config: Json = problems.attempt(read_config_dump, config_file, default={}) if config_file else {}
    rows: Rows = problems.attempt(_read_rows, folder / SCALARS, problems, default=[])
    settings = record.get('hyperparameters') or (hyperparameters(config) if config else {})
    if sources := [source for part in record.get('data', {}).values() for source in part]:
        settings = {**settings, DATA_FINGERPRINT: joined_fingerprints(source.get('fingerprint') for source in sources)}
    status, reason = _status(record, config, rows)
    batch = record.get('batch_size') or _of_kind(int, config, 'train_dataloader', 'batch_size')
    labels = _of_kind(str, config, 'val_dataloader', 'dataset', 'labels')
    evaluations = _evaluations(folder, rows, record.get('best') or {}, labels, problems)
    if status == UNFINISHED and problems and not evaluations:
        status, reason = UNREADABLE, ''
    return RunRecord(
        name=name,
        place=str(folder),
        experiment=experiment_name(record.get('config') or config_file or name),
        status=status,
        reason=one_line('; '.join(filter(None, [reason, *problems]))),
        seed=record.get('seed', _of_kind(int, config, 'randomness', 'seed')),
        evaluations=evaluations,
        curves=_curves(rows),
        hyperparameters={name: as_setting(value) for name, value in settings.items()},
        config=config,
        parameters=record.get('parameters') or problems.attempt(_count_parameters, folder),
        gflops=record.get('gflops'),
        input_size=record.get('input_size'),
        minutes=record.get('minutes') or _minutes(rows),
        images_per_second=record.get('images_per_second') or _images_per_second(rows, batch),
        batch_size=batch,
        device=_device(record, environment),
        commit=record.get('commit') or environment.get('commit'),
        task_id=clearml.get('task_id') if clearml.get('mode') == 'online' else None,
    )


def _read_result_alone(folder: Path, name: str) -> RunRecord:
    problems = _Problems(folder)
    evaluations: list[Evaluation] = []
    content: Json = {}
    for file in metrics_files(folder):
        evaluation, content = problems.attempt(read_result, file, problems, default=(None, content))
        if evaluation is not None:
            evaluations.append(evaluation)
    environment = checked(content.get('environment', {}), EnvironmentFile, METRICS, problems)
    return RunRecord(
        name=name,
        place=str(folder),
        experiment=experiment_name(content.get('config', name)),
        status=UNREADABLE if problems and not evaluations else FINISHED,
        reason='; '.join(problems),
        evaluations=tuple(evaluations),
        device=_device({}, environment),
        commit=environment.get('commit'),
    )


def _evaluations(
    folder: Path, rows: Rows, best: Json, labels: str | None, problems: _Problems
) -> tuple[Evaluation, ...]:
    """Collect one result of each kind of test, and the best validation unless its checkpoint was tested on val."""
    results: list[tuple[bool, Path, Evaluation]] = []
    for result_dir in subfolders(folder):
        for file in metrics_files(result_dir):
            evaluation, content = problems.attempt(read_result, file, problems, default=(None, {}))
            if evaluation is None:
                continue
            checkpoint = Path(content.get('checkpoint', '')).name
            is_outdated = _is_replaced(folder, checkpoint)
            if is_outdated:
                problems.append(f'{result_dir.name}: of {checkpoint}, which a better one has replaced; test that')
            results.append((is_outdated, result_dir, evaluation))
    found: dict[tuple[Any, ...], Evaluation] = {}
    outdated = set()
    for is_outdated, result_dir, evaluation in sorted(results, key=lambda result: result[0]):
        kind = (evaluation.split, evaluation.tta, evaluation.labels)
        if kind in found:
            problems.append(
                f'{result_dir.name}: a second result of this kind, left out in favour of {found[kind].source}'
            )
        else:
            found[kind] = evaluation
            outdated |= {kind} if is_outdated else set()
    of_val = {kind for kind in found if kind[:2] == ('val', False) and (kind[2] == labels or None in (kind[2], labels))}
    if of_val <= outdated:
        validation = problems.attempt(read_validation, folder, rows, best, labels)
        if validation is not None:
            found = {kind: evaluation for kind, evaluation in found.items() if kind not in of_val}
            found[('val', False, labels)] = validation
    return tuple(found.values())


def _is_replaced(folder: Path, checkpoint: str) -> bool:
    """Return whether a training has replaced its best checkpoint by another of the same metric."""
    match = re.fullmatch(r'(best_.+_)(iter|epoch)_\d+\.pth', checkpoint)
    return match is not None and not (folder / checkpoint).exists() and any(folder.glob(f'{escape(match[1])}*.pth'))


def _status(record: Mapping[str, Any], config: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Derive status and reason from ``run.json``, or else from config and ``scalars.json``; each may be empty."""
    status = record.get('status')
    if status in STATUSES:
        if status == RUNNING and _is_gone(record.get('process') or {}):
            done = record.get('iterations') or {}
            progress = f'iteration {done.get("done")} of {done.get("planned")} at the last validation'
            return INTERRUPTED, f'its process ended without a message; {progress}'
        reason = record.get('reason', '')
        if status == RUNNING:
            reason = f'last update {record.get("updated")}'
        return status, reason
    if not rows:
        return UNFINISHED, 'nothing was logged: no entries in scalars.json'
    last = rows[-1]
    epochs, iterations = _inner(config, 'train_cfg', 'max_epochs'), _inner(config, 'train_cfg', 'max_iters')
    for unit, planned in (('iter', iterations), ('epoch', epochs)):
        if isinstance(planned, int) and (last.get(unit) or 0) < planned:
            name = {'iter': 'iteration'}.get(unit, unit)
            return UNFINISHED, f'{name} {last.get(unit)} of {planned}; stopped, or still running'
    return FINISHED, ''


def _is_gone(process: Mapping[str, Any]) -> bool:
    """Return whether a process of this machine has ended; False for one of another machine."""
    if process.get('host') != platform.node() or 'id' not in process:
        return False
    try:
        os.kill(process['id'], 0)
    except ProcessLookupError:
        return True
    except OSError:  # it belongs to someone else
        return False
    return False


def _inner(config: Any, *keys: str) -> Any:
    """Return what nested mappings hold under some keys; None where one is missing."""
    for key in keys:
        config = config.get(key) if isinstance(config, Mapping) else None
    return config


def _of_kind(kind: type, config: Any, *keys: str) -> Any:
    """Return what `_inner` finds if it is of one kind, None otherwise."""
    found = _inner(config, *keys)
    return found if isinstance(found, kind) else None


def _read_rows(path: Path, faults: list[str]) -> Rows:
    return read_scalars(path, faults) if path.is_file() else []


def find_run_config(folder: Path, named: Any = None) -> Path | None:
    """Find the config that the training left in its work dir: the one that ``run.json`` names, or the newest Python."""
    files = [path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file()]
    newest = max((path for path in files if path.suffix == '.py'), key=lambda path: path.stat().st_mtime, default=None)
    return next((path for path in files if path.name == named), newest)


def _curves(rows: Rows) -> dict[str, Curve]:
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for key, value in row.items():
            if key.startswith(('train/', 'val/')) and (value is None or isinstance(value, int | float)):
                points.setdefault(key, []).append((row['iter'], np.nan if value is None else value))
    curves = {key: np.array(pairs, dtype=np.float64).T for key, pairs in points.items()}
    return {key: Curve(iterations, values) for key, (iterations, values) in curves.items()}


def _minutes(rows: Rows) -> float | None:
    """Sum the seconds of all steps; the time of validations is not known of older runs."""
    seconds, earlier = 0.0, 0
    for iteration, step_seconds in points_of(rows, 'train/time'):
        seconds += step_seconds * (iteration - earlier)
        earlier = iteration
    return seconds / 60 or None


def _images_per_second(rows: Rows, batch: Any) -> float | None:
    times = [step_seconds for _, step_seconds in points_of(rows, 'train/time')]
    return batch / float(np.median(times)) if times and isinstance(batch, int) and np.median(times) > 0 else None


def _count_parameters(folder: Path) -> int | None:
    """Count the parameters in the best or the last checkpoint."""
    files = sorted(folder.glob('best_*.pth')) or sorted(folder.glob('*.pth'), key=lambda path: path.stat().st_mtime)
    if not files:
        return None
    from mmseg_ext.runs.checkpoint_file import load_checkpoint_file

    checkpoint = load_checkpoint_file(files[-1])
    weights = checkpoint.get('state_dict', checkpoint)
    return sum(value.numel() for key, value in weights.items() if hasattr(value, 'numel') and not key.endswith(BUFFERS))


def _device(record: Json, environment: Json) -> str | None:
    device = record.get('device')
    if device and device != 'cpu':
        return str(device)
    gpus = environment.get('gpus') or []
    return gpus[0] if gpus and not device else record.get('processor') or environment.get('processor')
