"""The benchmark ``val``: a validation by our loop and metric against mmsegmentation's, image for image."""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from mmseg_ext.workflows.benchmark import BenchmarkResult
from mmseg_ext.workflows.benchmark.contestant import contestants, in_turn, ratio_of, table_of
from mmseg_ext.workflows.benchmark.train import DEFAULT_CONFIG
from mmseg_ext.workflows.benchmark.workload import CHEAP_MODEL, open_workload, our_config, stock_config

GOAL = 1 / 3
OURS, STOCK = 'ValLoop and SegMetric', 'mmsegmentation, IoUMetric'
CHEAP, REAL = 'the cheap model alone', 'the model of the config alone'


def benchmark_val(
    config: str | Path | None = None,
    data: str | Path | None = None,
    *,
    images: int = 50,
    size: int = 256,
    workers: int = 1,
    threads: int | None = None,
    rounds: int = 5,
) -> BenchmarkResult:
    """Time validations of a model of hardly any cost, so that loader, loop and metric are what is compared.

    Ours, mmengine's plain runner with mmsegmentation's ``IoUMetric``, and the models alone take turns in processes of
    their own. The table also gives the share of the model: of a config, the share of everything else is what a better
    loop can save.

    Args:
        config: The experiment whose model is put beside; its loops are used.
        data: The data set; synthetic pets by default.
        images: Number of synthetic images.
        size: Side of the images in pixels.
        workers: Processes of each loader.
        threads: Threads of torch; the cores of this machine by default.
        rounds: Validations of each side; a ratio is the median over them.

    Raises:
        InputError: The config or the data cannot be used.
    """
    threads = threads or torch.get_num_threads()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        real = open_workload(
            config or DEFAULT_CONFIG, data, folder, images=images, size=size, batch=None, workers=workers
        )
        content = real.config.copy()
        content.model = CHEAP_MODEL
        cheap = replace(real, config=content)
        files = {'ours': our_config(cheap), 'stock': stock_config(cheap), 'real': our_config(real)}
        for stem, written in files.items():
            written.dump(str(folder / f'{stem}.py'))
        ours, stock, model = (folder / f'{stem}.py' for stem in files)
        roles = {
            OURS: ('validate', ours),
            STOCK: ('validate', stock),
            CHEAP: ('predict', ours),
            REAL: ('predict', model),
        }
        with contestants(roles, folder, threads) as started:
            taken = in_turn(started, rounds, 1)
        count = _count(real.data)
    seconds = {name: [value / count for value in values] for name, values in taken.items()}
    title = f'{count} images of {size}×{size}, {threads} threads, {workers} workers, {rounds} rounds'
    median = {name: statistics.median(values) for name, values in seconds.items()}
    shares = ', '.join(f'{median[CHEAP] / median[name]:.0%} of {name}' for name in (OURS, STOCK))
    loop = median[OURS] - median[CHEAP]
    share = f'of a validation with the model of the config, all but the model is {loop / (loop + median[REAL]):.0%}'
    table = f'{title}\n{table_of(seconds, "milliseconds per image")}\nthe cheap model is {shares}; {share}'
    return BenchmarkResult(table, ratio_of(seconds[OURS], seconds[STOCK]), round(GOAL, 3))


def _count(data: Path) -> int:
    from mmseg_ext.data.dataset import Split

    return len(Split(data, 'val', 'labels').images())
