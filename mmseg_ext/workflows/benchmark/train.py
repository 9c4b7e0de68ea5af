"""The benchmark ``train``: a whole training step of ours, of mmsegmentation's, and of the bare model."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path

import torch

from mmseg_ext.engine.runner.autocast import cpu_gains_from_bfloat16
from mmseg_ext.files import refuse_existing
from mmseg_ext.models.complexity import count_parameters
from mmseg_ext.workflows.benchmark import BenchmarkResult
from mmseg_ext.workflows.benchmark.contestant import contestants, in_turn, ratio_of, table_of
from mmseg_ext.workflows.benchmark.profile import TABLE, TRACE, profile_training
from mmseg_ext.workflows.benchmark.workload import Workload, open_workload, our_config, stock_config

DEFAULT_CONFIG = 'pets/deeplabv3plus_mobilenet-v2_ce-dice-adamw-400it_pets-256x256'
HEAVY_PARAMETERS = 20e6
HEAVY_GOAL, LIGHT_GOAL = 1 / 3, 1 / 2  # of our time over mmsegmentation's
OVERHEAD_GOAL = 1.03
OURS, STOCK, BARE = 'mmseg-ext train', 'mmsegmentation, float32', 'the model alone'


def benchmark_train(
    config: str | Path | None = None,
    data: str | Path | None = None,
    *,
    images: int = 50,
    size: int = 256,
    batch: int | None = None,
    workers: int = 1,
    threads: int | None = None,
    rounds: int = 5,
    steps: int = 10,
    profile_to: str | Path | None = None,
    overwrite: bool = False,
) -> BenchmarkResult:
    """Time training steps end to end: loader, model, optimizer, hooks, logging.

    Three processes take turns: ``mmseg-ext train`` on a config; mmengine's plain runner on an equal one with
    mmsegmentation's own data set class, loader, augmentation and losses, in float32; and a loop of ours with nothing
    but the model and its optimizer, which shows what the runner costs. A time is wall time, the mean over a block of
    steps; a ratio is the median over the rounds.

    Args:
        config: The experiment; its weights are random, its augmentation is mmsegmentation's usual one.
        data: The data set; synthetic pets by default.
        images: Number of synthetic images.
        size: Side of the crops in pixels.
        batch: Images a step; that of the config by default.
        workers: Processes of each loader.
        threads: Threads of torch; the cores of this machine by default.
        rounds: Blocks of each side.
        steps: Timed steps in a block.
        profile_to: Folder to which a profile of ours is written, as a table and a trace; it is made after the timing.
        overwrite: Replace an earlier profile.

    Raises:
        InputError: The config or the data cannot be used, or a file of the profile exists.
    """
    if profile_to is not None:
        refuse_existing([Path(profile_to) / name for name in (TABLE, TRACE)], overwrite, 'profile_to')
    threads = threads or torch.get_num_threads()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workload = open_workload(
            config or DEFAULT_CONFIG, data, folder, images=images, size=size, batch=batch, workers=workers
        )
        ours, stock = folder / 'ours.py', folder / 'stock.py'
        our_config(workload).dump(str(ours))
        stock_config(workload).dump(str(stock))
        roles = {OURS: ('train-ours', ours), STOCK: ('train-stock', stock), BARE: ('train-bare', ours)}
        with contestants(roles, folder, threads) as started:
            seconds = in_turn(started, rounds, steps)
        profiled = ''
        if profile_to is not None:
            profiled = f'\n\n{profile_training(workload, Path(profile_to), folder / "profiled", min(steps, 5))}'
    precision = 'bfloat16' if workload.config.optim_wrapper.get('dtype') and cpu_gains_from_bfloat16() else 'float32'
    title = (
        f'{Path(workload.config.filename).stem}, batch {workload.batch}, {size}×{size}, {threads} threads, '
        f'{workers} workers, ours in {precision}, {rounds} rounds of {steps} steps'
    )
    table = f'{title}\n{table_of(seconds, "milliseconds a step")}\n{_left_out()}{profiled}'
    goal = HEAVY_GOAL if _parameters(workload) > HEAVY_PARAMETERS else LIGHT_GOAL
    overhead = ratio_of(seconds[OURS], seconds[BARE])
    ratio = ratio_of(seconds[OURS], seconds[STOCK])
    return BenchmarkResult(table, ratio, round(goal, 3), {'overhead': (overhead, OVERHEAD_GOAL)})


def _left_out() -> str:
    """Say why there is no further peer; its loop would be the bare model's with another implementation of it."""
    if importlib.util.find_spec('segmentation_models_pytorch') is None:
        return 'segmentation_models.pytorch: not compared (not installed; it needs torchvision and timm)'
    return 'segmentation_models.pytorch: not compared (it has no training loop of its own)'


def _parameters(workload: Workload) -> int:
    from mmengine.registry import init_default_scope
    from mmseg.registry import MODELS

    init_default_scope('mmseg')
    return count_parameters(MODELS.build(our_config(workload).model))
