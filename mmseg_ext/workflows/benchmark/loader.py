"""The benchmark ``loader``: a training sample by our pipeline against mmsegmentation's, on one core."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS

from mmseg_ext.datasets.seeding import SeededDataset, SeededIndex
from mmseg_ext.demo.generate import DemoSettings, make_demo_data
from mmseg_ext.workflows.benchmark import BenchmarkResult
from mmseg_ext.workflows.benchmark.contestant import ratio_of, table_of
from mmseg_ext.workflows.benchmark.workload import our_dataset, our_pipeline, stock_dataset, stock_pipeline

GOAL = 0.25
STOCK, OURS, WARP = 'mmsegmentation', 'ours, the same augmentation', 'ours, one warp and colour'


def benchmark_loader(
    data: str | Path | None = None, *, images: int = 50, size: int = 256, rounds: int = 11
) -> BenchmarkResult:
    """Time samples of the train split: loading, resize 0.5–2, crop, flip, colour, packing.

    A sample is made by mmsegmentation's data set and transforms, which read the files each time, by ours with the same
    distribution, and by the one warp of our own recipes, right after one another, on one thread. Times are CPU times, a
    round's mean over all images.

    Args:
        data: The data set; synthetic pets by default.
        images: Number of synthetic images.
        size: Side of the crops in pixels.
        rounds: How often each image is sampled.

    Raises:
        InputError: The data set cannot be used.
    """
    if data is None:
        with tempfile.TemporaryDirectory() as folder:
            make_demo_data(f'{folder}/pets', DemoSettings(train=images, val=0, test=0, size=size))
            return benchmark_loader(f'{folder}/pets', size=size, rounds=rounds)
    init_default_scope('mmseg')
    root = Path(data).resolve()
    makers: dict[str, Callable[[int, int], Any]] = {}
    peer = DATASETS.build(stock_dataset(root, 'train', stock_pipeline(size)))
    makers[STOCK] = lambda number, index: peer[index]
    for name, pipeline in ((OURS, our_pipeline(size)), (WARP, _warp_pipeline(size))):
        dataset = SeededDataset(our_dataset(root, 'train', pipeline), 0)
        makers[name] = partial(_sample, dataset)
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    try:
        seconds = _alternate(makers, len(peer), rounds)
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])
    title = f'{len(peer)} images to {size}×{size}, one core, {rounds} rounds'
    table = f'{title}\n{table_of(seconds, "milliseconds of CPU an image")}'
    return BenchmarkResult(table, ratio_of(seconds[OURS], seconds[STOCK]), GOAL)


def _sample(dataset: SeededDataset, number: int, index: int) -> Any:
    return dataset[SeededIndex(index, (number, index))]


def _warp_pipeline(size: int) -> list[dict[str, Any]]:
    """Return the pipeline of our recipes, without their blur and grey."""
    warp = {'type': 'mmseg_ext.RandomScaleRotateShift', 'size': (size, size), 'stretch': 1.15}
    flip, colour = {'type': 'RandomFlip', 'prob': 0.5}, {'type': 'mmseg_ext.PhotoMetricDistortion'}
    load = [{'type': 'mmseg_ext.LoadImage'}, {'type': 'mmseg_ext.LoadMask'}]
    return [*load, warp, flip, colour, {'type': 'PackSegInputs'}]


def _alternate(makers: Mapping[str, Callable[[int, int], Any]], images: int, rounds: int) -> dict[str, list[float]]:
    """Measure the mean seconds of a sample in each round, in turn image by image; a first round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in makers}
    for number in range(rounds + 1):
        taken: dict[str, list[float]] = {name: [] for name in makers}
        for index in range(images):
            for name, make in makers.items():
                start = time.thread_time()
                make(number, index)
                taken[name].append(time.thread_time() - start)
        if number:
            for name, times in taken.items():
                seconds[name].append(statistics.fmean(times))
    return seconds
