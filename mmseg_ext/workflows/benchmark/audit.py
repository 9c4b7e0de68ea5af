"""The benchmark ``audit``: all checks of an image with its mask, decoding included, against decoding alone."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mmseg_ext.data.dataset import DataSet, Item
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask
from mmseg_ext.demo.generate import DemoSettings, make_demo_data
from mmseg_ext.eda.audit.item_checks import Task, check_item
from mmseg_ext.eda.audit.rules import DUPLICATE_CHECKS, RULES
from mmseg_ext.workflows.benchmark import BenchmarkResult

GOAL = 1.5


def benchmark_audit(
    root: str | Path | None = None, labels: str = 'labels', *, images: int = 50, size: int = 256, rounds: int = 11
) -> BenchmarkResult:
    """Time the audit of every pair of a label set, one file at a time on one thread, in turn with bare decoding.

    In a round each file is decoded, audited, and audited with the hash that the comparison of images needs, right after
    one another, so that all see the same machine. Times are CPU times, medians over the rounds. The ratio is that of
    the checks of one mask, without the hash, to decoding.

    Args:
        root: The data set; by default synthetic pets.
        labels: Name of the label set.
        images: Number of synthetic images.
        size: Their side in pixels.
        rounds: How often each file is read.

    Raises:
        InputError: The data set cannot be used.
    """
    if root is None:
        with tempfile.TemporaryDirectory() as folder:
            make_demo_data(f'{folder}/pets', DemoSettings(train=images, val=0, test=0, size=size))
            return benchmark_audit(f'{folder}/pets', labels, rounds=rounds)
    data = DataSet(Path(root).resolve())
    without_hash = {
        name: replace(rule, severity='off') if name in DUPLICATE_CHECKS else rule for name, rule in RULES.items()
    }
    tasks = [Task(data.root, labels, data.classes, rules) for rules in (without_hash, RULES)]
    items = [item for item in data.items(labels) if item.image_name is not None and item.mask_name is not None]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        decode, audit, with_hash = _in_turn([_decode, *(partial(check_item, task) for task in tasks)], items, rounds)
    finally:
        cv2.setNumThreads(threads)
    lines = [f'{len(items)} images with masks of {labels}, median of {rounds} rounds, µs of CPU per pair']
    for name, seconds in (
        ('decode image and mask', decode),
        ('decode and check the mask', audit),
        ('the same with the hash of the image', with_hash),
    ):
        lines.append(f'{name:42}{seconds * 1e6:10.1f}{seconds / decode:8.3f}')
    return BenchmarkResult('\n'.join(lines), audit / decode, GOAL)


def _decode(item: Item) -> None:
    assert item.image is not None
    assert item.mask is not None
    read_image(item.image)
    read_mask(item.mask)


def _in_turn(functions: Sequence[Callable[[Item], object]], items: Sequence[Item], rounds: int) -> list[float]:
    """Measure the median over the rounds of each function's mean seconds per item; a first round warms up."""
    seconds = np.zeros((rounds + 1, len(functions)))
    for number, taken in enumerate(seconds):
        for index, item in enumerate(items):
            for turn in range(len(functions)):
                place = (number + index + turn) % len(functions)  # the second to run finds the file in the cache
                start = time.thread_time()
                functions[place](item)
                taken[place] += time.thread_time() - start
    medians = np.median(seconds[1:], axis=0) / len(items)
    return [float(value) for value in medians]
