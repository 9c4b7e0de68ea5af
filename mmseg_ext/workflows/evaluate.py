"""Test of a trained model on a split."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import barrier, is_main_process

from mmseg_ext.engine.checkpoints.files import find_best
from mmseg_ext.engine.guard import guarded
from mmseg_ext.engine.runner.build import build_runner, is_first_process
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.records import read_records
from mmseg_ext.evaluation.summary import summarize
from mmseg_ext.files import check_result_folder, staged_folder, write_json
from mmseg_ext.runs.config import check_parts, load_config
from mmseg_ext.runs.environment import describe_environment
from mmseg_ext.runs.layout import MASKS, METRICS, PROBABILITIES, RECORDS

RESULT_NAMES = frozenset({RECORDS, MASKS, METRICS, PROBABILITIES, 'log'})


@dataclass(frozen=True)
class SplitResult:
    """Result of a test.

    Attributes:
        out: The result folder.
        images: Number of predicted images.
        metrics: The content of ``metrics.json``; without ``scores`` where the split has no masks.
    """

    out: Path
    images: int
    metrics: dict[str, Any]


def evaluate_split(
    config_path: str | Path,
    checkpoint: str | Path,
    split: str = 'test',
    labels: str | None = None,
    out: str | Path | None = None,
    tta: bool = False,
    probabilities: bool = False,
    overwrite: bool = False,
    options: Mapping[str, Any] | None = None,
    launcher: str = 'none',
) -> SplitResult:
    """Predict a split, and score it where it has masks.

    Args:
        config_path: The experiment that the checkpoint was trained with.
        checkpoint: Its weights, or the work dir whose best checkpoint is meant.
        split: The split.
        labels: The label set to score against; by default that of the config's loader of this split.
        out: The result folder; ``<folder of the checkpoint>/<split>[-tta]`` by default.
        tta: Average the predictions of the config's ``tta_pipeline``.
        probabilities: Also keep the class probabilities of each image, ``probabilities/<stem>.npz``.
        overwrite: Replace an earlier result in ``out``.
        options: Overrides of the config, dotted key → value.
        launcher: ``none``, ``pytorch`` (torchrun) or ``slurm``.

    Returns:
        The result, which is written to ``out``: ``metrics.json``, ``records.parquet`` and ``masks/<stem>.png``.

    Raises:
        InputError: The config, checkpoint, data or result folder cannot be used.
    """
    config = load_config(config_path, options)
    check_parts(config, config_path, 'model', 'test_dataloader', 'test_cfg')
    run_dir = Path(checkpoint) if Path(checkpoint).is_dir() else Path(checkpoint).parent
    out = Path(out) if out is not None else run_dir / (f'{split}-tta' if tta else split)
    if is_first_process(launcher):
        check_result_folder(out, RESULT_NAMES, overwrite)
    _choose_split(config, split, labels)
    if tta:
        _use_tta(config, config_path, probabilities)
    checkpoint = find_best(checkpoint)
    config.load_from = str(checkpoint)
    config.launcher = launcher
    # All processes leave the block after the barrier at its end, and enter it before they wait for each other.
    with staged_folder(out, shared=launcher != 'none', is_owner=is_first_process(launcher)) as staging:
        config.work_dir = str(staging / 'log')
        config.test_evaluator = dict(
            type='mmseg_ext.SegMetric',
            split=config.test_dataloader.dataset.split,
            records=str(staging / RECORDS),
            masks=str(staging / MASKS),
            probabilities=str(staging / PROBABILITIES) if probabilities else None,
        )
        runner = build_runner(config)
        guarded(runner.test, staging)
        metrics: dict[str, Any] = {
            'config': str(config_path),
            'checkpoint': str(checkpoint),
            'data_root': config.test_dataloader.dataset.data_root,
            'split': split,
            'labels': config.test_dataloader.dataset.get('labels'),
            'tta': tta,
            'images': len(runner.test_dataloader.dataset),
            'environment': describe_environment(sys.argv),
        }
        if (staging / RECORDS).is_file():
            metrics['scores'] = summarize(read_records(staging / RECORDS))
        if is_main_process():
            write_json(staging / METRICS, metrics)
        barrier()
        if is_first_process(launcher):
            check_result_folder(out, RESULT_NAMES, overwrite)  # another test may have written there in the meantime
    return SplitResult(out, metrics['images'], metrics)


def _choose_split(config: Config, split: str, labels: str | None) -> None:
    """Point the test at a split: at the files and masks that the config's loader of this name has, or else a folder."""
    dataset = config.test_dataloader.dataset
    own = (config.get(f'{split}_dataloader') or {}).get('dataset', {})
    while 'dataset' in own:
        own = own['dataset']
    dataset.split = own.get('split', split) if own.get('ann_file') else split
    if own.get('ann_file') or dataset.get('ann_file'):
        dataset.ann_file = own.get('ann_file', '')
    dataset.data_root = own.get('data_root', dataset.get('data_root'))
    if own.get('indices') is not None or dataset.get('indices') is not None:  # those of a fold are of another split
        dataset.indices = own.get('indices') if own.get('split') == dataset.split else None
    dataset.masks_optional = labels is None  # a label set that was asked for must be there
    if labels is not None or own.get('labels'):
        dataset.labels = labels or own['labels']


def _use_tta(config: Config, config_path: str | Path, probabilities: bool) -> None:
    if config.get('tta_pipeline') is None or config.get('tta_model') is None:
        raise InputError(config_path, 'has no tta_pipeline or tta_model', 'test without `tta`')
    config.test_dataloader.dataset.pipeline = config.tta_pipeline
    tta_model = dict(config.tta_model)
    if tta_model.get('type') in ('SegTTAModel', 'mmseg.SegTTAModel'):  # wrong masks where a model has one output
        tta_model['type'] = 'mmseg_ext.ProbabilityTTAModel'
    if probabilities and tta_model.get('type') != 'mmseg_ext.ProbabilityTTAModel':
        raise InputError(
            config_path,
            f'tta_model is a {tta_model.get("type")}, which may not keep probabilities',
            'test without `probabilities` or without `tta`',
        )
    config.model = dict(**tta_model, module=config.model)
