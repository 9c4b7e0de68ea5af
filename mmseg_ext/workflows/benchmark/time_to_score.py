"""The benchmark ``time-to-score``: how long our recipe and mmsegmentation's usual one train until a val mDice."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmseg_ext.errors import InputError
from mmseg_ext.workflows.benchmark import BenchmarkResult
from mmseg_ext.workflows.benchmark.contestant import Contestant, contestants
from mmseg_ext.workflows.benchmark.workload import Workload, open_workload, stock_config

DEFAULT_CONFIG = 'pets/deeplabv3plus_efficientnet-lite0_ce-dice-adamw-400it_pets-256x256'
GOAL = 1 / 3
OURS, STOCK = 'the config', "mmsegmentation's recipe"
# mmsegmentation's schedules and losses, as most of its configs have them (configs/_base_/schedules/schedule_20k.py).
STOCK_OPTIMIZER = {'type': 'SGD', 'lr': 0.01, 'momentum': 0.9, 'weight_decay': 0.0005}
STOCK_LOSS = {'type': 'CrossEntropyLoss', 'use_sigmoid': False, 'loss_weight': 1.0}
STOCK_DECAY = {'type': 'PolyLR', 'power': 0.9, 'eta_min': 1e-4, 'by_epoch': False, 'begin': 0}


@dataclass
class Progress:
    """How far a side has come.

    Attributes:
        seconds: Of training and validation so far, without the start.
        validations: Their number.
        best: The best val mDice so far, in percent.
        ended: Whether it will not train on.
    """

    seconds: float = 0.0
    validations: int = 0
    best: float = 0.0
    ended: bool = False


def benchmark_time_to_score(
    config: str | Path | None = None,
    data: str | Path | None = None,
    *,
    labels: str = 'labels',
    score: float = 88.0,
    interval: int = 50,
    minutes: float = 60.0,
    images: int = 50,
    threads: int | None = None,
) -> BenchmarkResult:
    """Time trainings until they reach a score, from the same pretrained weights.

    Ours is ``mmseg-ext train`` on a config as it is. The other side is mmengine's plain runner on the same model with
    mmsegmentation's usual recipe: SGD, cross entropy, resize and crop, float32, as many iterations. They take turns
    from one validation to the next, in processes of their own; the time counts from the first step, validations
    included. Each side ends with the score, its last iteration or its time.

    Args:
        config: The experiment, counted in iterations.
        data: The data set; synthetic pets by default, which say little.
        labels: Label set to train on; both validate on ``labels``.
        score: The val mDice to reach, in percent.
        interval: Iterations between two validations.
        minutes: Longest training and validation of a side.
        images: Number of synthetic images.
        threads: Threads of torch; the cores of this machine by default.

    Returns:
        The ratio of the two times; infinite where ours does not reach the score, and a bound from above where only ours
        does.

    Raises:
        InputError: The config or the data cannot be used, or the score or the time is none.
    """
    if not 0 < score <= 100:
        raise InputError(f'`score={score:g}`', 'is not a percentage', 'choose one up to 100')
    if not minutes > 0:
        raise InputError(f'`minutes={minutes:g}`', 'leaves no time', 'raise it')
    threads = threads or torch.get_num_threads()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workload = open_workload(config or DEFAULT_CONFIG, data, folder, images=images, size=256, batch=None, workers=1)
        height, width = workload.config.get('crop_size', (256, 256))
        workload = replace(workload, size=max(height, width))
        files = {OURS: folder / 'ours.py', STOCK: folder / 'stock.py'}
        our_recipe(workload, labels, interval).dump(str(files[OURS]))
        stock_recipe(workload, labels, interval).dump(str(files[STOCK]))
        roles = {OURS: ('train-ours', files[OURS]), STOCK: ('train-stock', files[STOCK])}
        intervals = workload.config.train_cfg.max_iters // interval
        with contestants(roles, folder, threads, warm_up=0) as started:
            sides = {name: Progress() for name in started}
            while not all(side.ended for side in sides.values()):
                for name, side in sides.items():
                    if not side.ended:
                        _train_on(started[name], side, score, intervals, minutes * 60)
    title = f'{Path(workload.config.filename).stem}, val mDice {score:g}, validated every {interval} iterations'
    lines = [f'{title}, {threads} threads', f'{"":34}{"minutes":>10}{"iterations":>12}{"best mDice":>12}']
    for name, side in sides.items():
        reached = '' if side.best >= score else '  not reached'
        lines.append(f'{name:34}{side.seconds / 60:10.2f}{side.validations * interval:12}{side.best:12.2f}{reached}')
    ratio = sides[OURS].seconds / sides[STOCK].seconds if sides[OURS].best >= score else math.inf
    return BenchmarkResult('\n'.join(lines), ratio, round(GOAL, 3))


def _train_on(contestant: Contestant, side: Progress, score: float, intervals: int, limit_s: float) -> None:
    """Let a side train until its next validation."""
    seconds, found = contestant.train_until_validation()
    side.seconds += seconds
    side.validations += 1
    side.best = max(side.best, found)
    side.ended = side.best >= score or side.validations == intervals or side.seconds >= limit_s


def our_recipe(workload: Workload, labels: str, interval: int) -> Config:
    """Return the experiment as it is, on the data set.

    Raises:
        InputError: It counts in epochs, is shorter than ``interval``, or mixes data sets.
    """
    config = workload.config
    if not config.train_cfg.get('max_iters'):
        raise InputError(config.filename, 'counts in epochs', 'choose a config that counts in iterations')
    if config.train_cfg.max_iters < interval:
        raise InputError(config.filename, f'ends after {config.train_cfg.max_iters} iterations', 'lower the interval')
    if 'data_root' not in config.train_dataloader.dataset:
        raise InputError(config.filename, 'trains on several data sets', 'choose a config that trains on one')
    content = config.to_dict()
    content['train_dataloader']['dataset'] |= {'data_root': str(workload.data), 'labels': labels}
    content['val_dataloader']['dataset'] |= {'data_root': str(workload.data), 'labels': 'labels'}
    content['train_cfg']['val_interval'] = interval
    content['custom_hooks'] = [*content['custom_hooks'], {'type': 'mmseg_ext.ValidationTurnHook'}]
    return Config(content)


def stock_recipe(workload: Workload, labels: str, interval: int) -> Config:
    """Return mmsegmentation's usual recipe for the model, from the same weights, without mmseg_ext."""
    content: dict[str, Any] = stock_config(workload, keep_weights=True).to_dict()
    steps = workload.config.train_cfg.max_iters
    content['model']['decode_head']['loss_decode'] = STOCK_LOSS
    content['optim_wrapper'] = {'type': 'OptimWrapper', 'optimizer': STOCK_OPTIMIZER}
    content['param_scheduler'] = [{**STOCK_DECAY, 'end': steps}]
    content['train_cfg'] |= {'max_iters': steps, 'val_interval': interval}
    content['train_dataloader']['dataset']['data_prefix']['seg_map_path'] = f'{labels}/train'
    content['custom_hooks'] = [{'type': 'mmseg_ext.ValidationTurnHook'}]
    return Config(content)
