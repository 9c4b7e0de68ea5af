"""Reading a run from its folder: what it recorded of itself, and for older runs what can be told from its files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ext.errors import InputError
from mmseg_ext.runs.config_dump import read_config_dump
from mmseg_ext.runs.find_runs import find_runs, is_work_dir, metrics_files, short_names, subfolders
from mmseg_ext.runs.hyperparameters import hyperparameters
from mmseg_ext.runs.read_evaluations import read_json, read_result, read_validation
from mmseg_ext.runs.run_record import (
    FINISHED,
    UNFINISHED,
    UNREADABLE,
    Curve,
    Evaluation,
    RunRecord,
)
from mmseg_ext.runs.run_status import inner, run_status
from mmseg_ext.runs.scalars import read_scalars

BUFFERS = ('running_mean', 'running_var', 'num_batches_tracked')  # numbers of a model that are no parameters
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
        reason = _one_line([f'{type(error).__name__}: {error}'], folder)
        return RunRecord(name, str(folder), status=UNREADABLE, reason=reason)
    reason = 'holds no run: no run.json, scalars.json, environment.json or metrics.json'
    return RunRecord(name, str(folder), status=UNREADABLE, reason=reason)


class _Problems(list[str]):
    """Collects what cannot be read, so that the rest still is."""

    def attempt(self, function: Any, *args: Any, default: Any = None) -> Any:
        try:
            return function(*args)
        except InputError as error:
            self.append(str(error))
            return default


def _read_work_dir(folder: Path, name: str) -> RunRecord:
    problems = _Problems()
    record: Json = problems.attempt(_read_if_there, folder / 'run.json', default={})
    environment: Json = problems.attempt(_read_if_there, folder / 'environment.json', default={})
    clearml: Json = problems.attempt(_read_if_there, folder / 'clearml.json', default={})
    config_file = _config_file(folder, record.get('config'))
    config: Json = problems.attempt(read_config_dump, config_file, default={}) if config_file else {}
    rows: Rows = problems.attempt(_read_rows, folder / 'scalars.json', default=[])
    settings = record.get('hyperparameters') or (hyperparameters(config) if config else {})
    status, reason = run_status(record, config, rows)
    batch = record.get('batch_size') or inner(config, 'train_dataloader', 'batch_size')
    labels = inner(config, 'val_dataloader', 'dataset', 'labels')
    evaluations = _evaluations(folder, rows, record.get('best') or {}, labels, problems)
    if status == UNFINISHED and problems and not evaluations:
        status, reason = UNREADABLE, ''
    return RunRecord(
        name=name,
        place=str(folder),
        experiment=Path(str(record.get('config') or config_file or name)).name.removesuffix('.py'),
        status=status,
        reason=_one_line([reason, *problems], folder),
        seed=record.get('seed', inner(config, 'randomness', 'seed')),
        evaluations=evaluations,
        curves=_curves(rows),
        hyperparameters=settings,
        parameters=record.get('parameters') or problems.attempt(_count_parameters, folder),
        gflops=record.get('gflops'),
        input_size=record.get('input_size') and tuple(record['input_size']),
        minutes=record.get('minutes') or _minutes(rows),
        images_per_second=record.get('images_per_second') or _images_per_second(rows, batch),
        batch_size=batch,
        device=_device(record, environment),
        commit=record.get('commit') or environment.get('commit'),
        task_id=clearml.get('task_id') if clearml.get('mode') == 'online' else None,
    )


def _read_result_alone(folder: Path, name: str) -> RunRecord:
    problems = _Problems()
    evaluations: list[Evaluation] = []
    content: Json = {}
    for file in metrics_files(folder):
        evaluation, content = problems.attempt(read_result, file, default=(None, content))
        if evaluation is not None:
            evaluations.append(evaluation)
    environment = content.get('environment') or {}
    return RunRecord(
        name=name,
        place=str(folder),
        experiment=Path(str(content.get('config', name))).stem,
        status=UNREADABLE if problems and not evaluations else FINISHED,
        reason=_one_line(problems, folder),
        evaluations=tuple(evaluations),
        device=_device({}, environment),
        commit=environment.get('commit'),
    )


def _evaluations(
    folder: Path, rows: Rows, best: Json, labels: str | None, problems: _Problems
) -> tuple[Evaluation, ...]:
    """Results of tests, and the best validation unless the val split was tested. One of each kind."""
    found: dict[tuple[Any, ...], Evaluation] = {}
    for result_dir in subfolders(folder):
        for file in metrics_files(result_dir):
            evaluation = problems.attempt(read_result, file, default=(None, {}))[0]
            if evaluation is None:
                continue
            kind = (evaluation.split, evaluation.tta, evaluation.labels)
            if kind in found:
                problems.append(
                    f'{result_dir.name}: a second result of this kind, left out beside {found[kind].source}'
                )
            else:
                found[kind] = evaluation
    if not any(kind[:2] == ('val', False) and kind[2] in (labels, None) for kind in found):
        validation = problems.attempt(read_validation, folder, rows, best, labels)
        if validation is not None:
            found[('val', False, labels)] = validation
    return tuple(found.values())


def _one_line(reasons: Sequence[str], folder: Path) -> str:
    """Joined; files by their names in the run's folder, which is named beside it."""
    return ' '.join('; '.join(part for part in reasons if part).replace(f'{folder}{os.sep}', '').split())


def _read_if_there(path: Path) -> Json:
    return read_json(path) if path.is_file() else {}


def _read_rows(path: Path) -> Rows:
    return read_scalars(path) if path.is_file() else []


def _config_file(folder: Path, named: Any) -> Path | None:
    """The config that the training left: the one it names, or the newest."""
    files = [path for path in folder.glob('*.py') if path.is_file()]
    return next((path for path in files if path.name == named), None) or max(
        files, key=lambda path: path.stat().st_mtime, default=None
    )


def _curves(rows: Rows) -> dict[str, Curve]:
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for key, value in row.items():
            if key.startswith(('train/', 'val/')) and (value is None or isinstance(value, int | float)):
                points.setdefault(key, []).append((row['iter'], np.nan if value is None else value))
    curves = {key: np.array(pairs, dtype=np.float64).T for key, pairs in points.items()}
    return {key: Curve(iterations, values) for key, (iterations, values) in curves.items()}


def _minutes(rows: Rows) -> float | None:
    """Steps times their seconds; what validations took is not known of older runs."""
    seconds, earlier = 0.0, 0
    for row in rows:
        if isinstance(row.get('train/time'), int | float):
            seconds += row['train/time'] * (row['iter'] - earlier)
            earlier = row['iter']
    return seconds / 60 or None


def _images_per_second(rows: Rows, batch: Any) -> float | None:
    times = [row['train/time'] for row in rows if isinstance(row.get('train/time'), int | float)]
    return batch / float(np.median(times)) if times and isinstance(batch, int) and np.median(times) > 0 else None


def _count_parameters(folder: Path) -> int | None:
    """The parameters in the best or the last checkpoint."""
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
