"""Ensembles of trained models: which files are meant, whether they fit together, and the file that lists them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mmseg_ext.errors import InputError
from mmseg_ext.files import refuse_existing
from mmseg_ext.inference.ensemble import ENSEMBLE_SUFFIXES, ONNX_SUFFIX, Entry, is_ensemble, write_ensemble
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.runs.config_names import find_config
from mmseg_ext.runs.layout import RUN_RECORD
from mmseg_ext.runs.reading import find_run_config
from mmseg_ext.runs.record import read_run_json

CHECKPOINT_SUFFIX = '.pth'


def make_ensemble(
    models: Sequence[str | Path],
    out: str | Path,
    *,
    weights: Sequence[float] | None = None,
    tta: bool = False,
    overwrite: bool = False,
) -> list[Entry]:
    """Open models, check that they have the same classes, and list them in a file.

    Args:
        models: Work dirs (their best checkpoints are meant), ``.onnx`` files, checkpoints (``.pth``) in their work
            dirs, or configs, each followed by its checkpoint or work dir.
        out: The file, which a `Predictor` opens.
        weights: The weight of each model in the average, above 0; equal by default.
        tta: Test-time augmentation by each model.
        overwrite: Replace the file.

    Returns:
        The members, as in the file.

    Raises:
        InputError: A model cannot be used, or not with ``tta``; the classes differ, or the file exists.
    """
    out = Path(out)
    if out.suffix.lower() not in ENSEMBLE_SUFFIXES:
        raise InputError(f'`out={out}`', f'must end in {ENSEMBLE_SUFFIXES[0]}')
    refuse_existing([out], overwrite)
    entries = [replace(entry, tta=tta) for entry in find_members(models)]
    if weights is not None:
        if len(weights) != len(entries):
            raise InputError('`weights`', f'are {len(weights)} for {len(entries)} models', 'give one per model')
        entries = [replace(entry, weight=weight) for entry, weight in zip(entries, weights, strict=True)]
    predictors = [Predictor(entry.model, entry.checkpoint, tta=tta) for entry in entries]
    Predictor.ensemble(predictors, [entry.weight for entry in entries])  # for its checks
    write_ensemble(out, entries)
    return entries


def find_members(models: Sequence[str | Path]) -> list[Entry]:
    """Find the files that the arguments of `make_ensemble` mean.

    Raises:
        InputError: A file is missing, a work dir holds no config or no best checkpoint, or two models are the same.
    """
    entries = list(_find(iter([Path(model) for model in models])))
    for number, entry in enumerate(entries):
        if entry in entries[:number]:
            raise InputError(entry.name, 'is given twice', 'give it more weight with `weights`')
    return entries


def _find(models: Iterator[Path]) -> Iterator[Entry]:
    from mmseg_ext.engine.checkpoints.files import find_best

    for model in models:
        suffix = model.suffix.lower()
        if is_ensemble(model):
            raise InputError(model, 'is an ensemble itself', 'give its members')
        if suffix == ONNX_SUFFIX:
            yield Entry(model)
        elif model.is_dir() or suffix == CHECKPOINT_SUFFIX:
            checkpoint = find_best(model)
            record = read_run_json(checkpoint.parent / RUN_RECORD)
            config = find_run_config(checkpoint.parent, record.get('config'))
            if config is None:
                raise InputError(checkpoint.parent, 'holds no config', 'give the config, then its checkpoint')
            yield Entry(config, checkpoint)
        else:
            find_config(model)
            following = next(models, None)
            if following is None or following.suffix.lower() == ONNX_SUFFIX:
                raise InputError(model, 'is a config without a checkpoint', 'give the checkpoint or work dir after it')
            yield Entry(model, find_best(following))
