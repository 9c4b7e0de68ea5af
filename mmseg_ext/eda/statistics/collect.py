"""Statistics of a data set, collected in one pass over its files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data import Classes, DataSet, Item, read_image, read_mask
from mmseg_ext.eda.statistics.measure import (
    GRID_SIDE,
    MIN_OBJECT_SHARE,
    ImageRow,
    ObjectRow,
    measure_objects,
    position_map,
)
from mmseg_ext.eda.workers import make_chunks, run_chunks
from mmseg_ext.errors import InputError
from mmseg_ext.progress import track


@dataclass
class Statistics:
    """Measurements of a data set.

    Attributes:
        classes: Names, colours and ignored value of the masks.
        labels: The label set.
        splits: The splits, in the order of the tables.
        background: The class that has no objects, or None.
        images: One row for each image.
        objects: One row for each object.
        positions: (split, class) → share of the images that show the class that do so at each cell, shape
            (GRID_SIDE, GRID_SIDE), 0–1. No entry where none of the split's images shows the class.
        left_out: One line for each item that cannot be used.
    """

    classes: Classes
    labels: str
    splits: tuple[str, ...]
    background: int | None = 0
    images: list[ImageRow] = field(default_factory=list)
    objects: list[ObjectRow] = field(default_factory=list)
    positions: dict[tuple[str, int], NDArray[np.float64]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    @property
    def object_classes(self) -> list[int]:
        """The classes that have objects: all but the background."""
        return [index for index in range(len(self.classes.names)) if index != self.background]

    def images_of(self, split: str, masked: bool = False) -> list[ImageRow]:
        """Return the images of a split; with ``masked``, those that have a mask."""
        return [row for row in self.images if row.split == split and not (masked and row.pixels is None)]

    def masked_splits(self) -> list[str]:
        """Return the splits in which an image has a mask."""
        masked = {row.split for row in self.images if row.pixels is not None}
        return [split for split in self.splits if split in masked]


def collect_statistics(
    root: str | Path,
    labels: str = 'labels',
    splits: Sequence[str] | None = None,
    *,
    background: str | None = '',
    min_area: float = MIN_OBJECT_SHARE,
    most: int | None = None,
    workers: str = '1',
) -> Statistics:
    """Measure a data set.

    Args:
        root: Its folder, with ``dataset.yaml``.
        labels: The label set.
        splits: Which splits; all that have images or masks by default. One without masks gives rows of its images.
        background: Name of the class that has no objects, ``none`` or None for none; by default what ``dataset.yaml``
            says, the first class unless it says otherwise.
        min_area: Smallest share of the image that makes a region an object.
        most: Measure at most so many images, spread evenly over the list; all by default.
        workers: Number of processes, or ``dask://host:port``.

    Raises:
        InputError: A folder cannot be used, nor any image or mask, no split has masks, there is no such class, or the
            workers cannot be used.
    """
    data = DataSet(Path(root).resolve() if workers != '1' else root)  # they may have another working directory
    classes = data.classes
    background_index = None if background is None else classes.find_background(background or None)
    chosen = data.splits(labels, splits or None)
    statistics = Statistics(classes, labels, chosen, background_index)
    shown: Counter[tuple[str, int]] = Counter()
    items = data.items(labels, chosen)
    if most is not None and len(items) > most:
        items = [items[index * len(items) // most] for index in range(most)]
    chunks = make_chunks(items)
    results = run_chunks(
        partial(_measure, Statistics(classes, labels, chosen, background_index), min_area), chunks, workers, data.root
    )
    for part, shown_there in track(results, 'measuring', total=len(chunks)):
        statistics.images += part.images
        statistics.objects += part.objects
        statistics.left_out += part.left_out
        shown += shown_there
        for key, positions in part.positions.items():
            statistics.positions[key] = statistics.positions.get(key, 0.0) + positions
    if statistics.left_out and not statistics.masked_splits():
        raise InputError(data.root / labels, f'no mask can be used; the first problem: {statistics.left_out[0]}')
    if not statistics.masked_splits():
        raise InputError(data.root / labels, f'no masks in {", ".join(chosen)}', 'choose another label set or split')
    for key, count in shown.items():
        statistics.positions[key] /= count
    return statistics


def _measure(empty: Statistics, min_area: float, items: Sequence[Item]) -> tuple[Statistics, Counter[tuple[str, int]]]:
    """Measure items; of the positions the sums are returned, with the number of images in each."""
    part = Statistics(empty.classes, empty.labels, empty.splits, empty.background)
    shown: Counter[tuple[str, int]] = Counter()
    for item in items:
        try:
            _add(part, item, min_area, shown)
        except InputError as error:
            part.left_out.append(str(error))
    return part, shown


def _add(statistics: Statistics, item: Item, min_area: float, shown: Counter[tuple[str, int]]) -> None:
    luma = None if item.image is None else cv2.cvtColor(read_image(item.image), cv2.COLOR_RGB2GRAY)
    brightness = math.nan if luma is None else float(luma.mean())
    if item.mask is None:
        assert luma is not None  # an item has an image or a mask
        row = ImageRow(*item.key, luma.shape[1], luma.shape[0], brightness, None)
        statistics.images.append(row)
        return
    mask = read_mask(item.mask)
    statistics.classes.check(mask, item.mask)
    pixels = statistics.classes.count_pixels(mask)
    if luma is not None and luma.shape != mask.shape:
        raise InputError(
            item.mask,
            f'mask is {mask.shape[1]}×{mask.shape[0]} pixels, its image {luma.shape[1]}×{luma.shape[0]} (width×height)',
            'correct the pair',
        )
    row = ImageRow(*item.key, mask.shape[1], mask.shape[0], brightness, tuple(map(int, pixels)))
    statistics.images.append(row)
    for index in statistics.object_classes:
        if not pixels[index]:
            continue
        key = item.split.name, index
        shown[key] += 1
        statistics.positions.setdefault(key, np.zeros((GRID_SIDE, GRID_SIDE)))
        statistics.positions[key] += position_map(mask, index)
        statistics.objects += measure_objects(
            mask,
            luma,
            index,
            split=item.split.name,
            stem=item.stem,
            background=statistics.background,
            ignore_index=statistics.classes.ignore_index,
            min_area=min_area,
        )
