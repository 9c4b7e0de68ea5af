"""The benchmark ``metric``: `SegMetric` against mmseg's ``IoUMetric``, time an image."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmseg.evaluation import IoUMetric

from mmseg_ext.evaluation.seg_metric import SegMetric
from mmseg_ext.workflows.arguments import check_least
from mmseg_ext.workflows.benchmark import BenchmarkResult

GOAL = 0.1
IGNORED = 255


def benchmark_metric(images: int = 50, size: int = 256, classes: int = 3, rounds: int = 11) -> BenchmarkResult:
    """Time both metrics on the same predictions, in turn, on one thread of the CPU.

    A time is the median over the rounds of the time for all images. Masks with and without ignored pixels are timed
    separately; the ratio is the worse of the two.

    Args:
        images: Number of masks per round.
        size: Side of a mask in pixels, at least 3.
        classes: K, at least 2.
        rounds: How often each metric runs.

    Raises:
        InputError: A number is too small.
    """
    check_least(3, size=size)
    check_least(2, classes=classes)
    meta = {'classes': tuple(f'class {number}' for number in range(classes))}
    peers: dict[str, BaseMetric] = {
        'SegMetric': SegMetric(),
        'IoUMetric': IoUMetric(iou_metrics=['mDice', 'mIoU'], prefix='peer'),  # without a prefix it warns
    }
    lines = [f'{images} masks of {size}×{size}, {classes} classes, median of {rounds} rounds, µs per image']
    lines.append(f'{"":18}{"".join(f"{name:>12}" for name in peers)}{"ratio":>8}')
    ratios = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for label, ignored in (('no ignored pixels', False), ('ignored pixels', True)):
            samples = make_samples(images, size, classes, ignored)
            ours, theirs = _interleaved(list(peers.values()), samples, meta, rounds)
            ratios.append(ours / theirs)
            lines.append(f'{label:18}{ours * 1e6:12.1f}{theirs * 1e6:12.1f}{ours / theirs:8.3f}')
    finally:
        torch.set_num_threads(threads)
    return BenchmarkResult('\n'.join(lines), max(ratios), GOAL)


def _interleaved(metrics: list[BaseMetric], samples: list[dict], meta: dict, rounds: int) -> list[float]:
    """Measure the median seconds per image of each metric, run in turn; the first round only warms up."""
    seconds: list[list[float]] = [[] for _ in metrics]
    for metric in metrics:
        metric.dataset_meta = meta
    for _ in range(rounds + 1):
        for metric, taken in zip(metrics, seconds, strict=True):
            start = time.perf_counter()
            metric.process(None, samples)
            taken.append((time.perf_counter() - start) / len(samples))
            metric.results.clear()
    return [float(np.median(taken[1:])) for taken in seconds]


def make_samples(images: int, size: int, classes: int, ignored: bool) -> list[dict[str, Any]]:
    """Make masks with one square object each, and predictions a few pixels off; int64 (1, H, W) as mmseg has them.

    With ``ignored``, a frame of a sixteenth of the side (at least one pixel) is ignored.
    """
    rng = np.random.default_rng(0)
    samples = []
    for number in range(images):
        truth = np.zeros((1, size, size), np.int64)
        top, left = rng.integers(0, size // 2, 2)
        truth[:, top : top + size // 3, left : left + size // 3] = number % (classes - 1) + 1
        prediction = np.roll(truth, size // 32, axis=(1, 2))
        if ignored:
            frame = np.ones((size, size), bool)
            width = max(1, size // 16)
            frame[width:-width, width:-width] = False
            truth[:, frame] = IGNORED
        samples.append(
            {
                'img_path': f'{number}.png',
                'gt_sem_seg': {'data': torch.from_numpy(truth)},
                'pred_sem_seg': {'data': torch.from_numpy(prediction)},
            }
        )
    return samples
