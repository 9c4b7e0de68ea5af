"""The quantities that splits are compared by."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mmseg_ext.eda.statistics.collect import Statistics
from mmseg_ext.eda.statistics.drift import ALPHA, PERMUTATIONS, Sample, holm, ks_distance, permutation_p
from mmseg_ext.errors import InputError

DEFAULT_REFERENCE = 'train'
OF_IMAGES: dict[str, Literal['mean', 'median']] = {'image brightness': 'median'}
OF_CLASSES: dict[str, Literal['mean', 'median']] = {
    'images %': 'mean',
    'pixels %': 'mean',
    'objects per image': 'mean',
    'area %': 'median',
    'brightness': 'median',
    'contrast': 'median',
    'centre x': 'median',
    'centre y': 'median',
}


@dataclass(frozen=True)
class Drift:
    """How far a quantity of one split lies from that of the reference split.

    Attributes:
        split: The split.
        class_index: The class, or None for a quantity of whole images.
        quantity: A name of `OF_IMAGES` or `OF_CLASSES`.
        reference: Mean or median in the reference split.
        value: The same in ``split``.
        distance: Kolmogorov–Smirnov distance of the two distributions, 0–1.
        p: Of a permutation test over images; None where there are too few.
        stands: Whether it is drift with a chance of 5 % for one false alarm among all comparisons (Holm).
    """

    split: str
    class_index: int | None
    quantity: str
    reference: float
    value: float
    distance: float
    p: float | None
    stands: bool

    @property
    def difference(self) -> float:
        """``value`` − ``reference``."""
        return self.value - self.reference


def sample(statistics: Statistics, quantity: str, split: str, class_index: int | None = None) -> Sample:
    """The values of a quantity in a split: one an image or one an object, those that do not exist left out."""
    images = statistics.images_of(split, masked=class_index is not None)
    number = {row.stem: index for index, row in enumerate(images)}
    if class_index is None:
        return _sample((index, row.brightness) for index, row in enumerate(images))
    objects = [row for row in statistics.objects if (row.split, row.class_index) == (split, class_index)]
    if quantity in ('images %', 'pixels %'):
        shares = [(index, row.pixels[class_index], sum(row.pixels)) for index, row in enumerate(images) if row.pixels]
        if quantity == 'images %':
            return _sample((index, 100.0 * (count > 0)) for index, count, _ in shares)
        return _sample((index, 100 * count / whole if whole else math.nan) for index, count, whole in shares)
    if quantity == 'objects per image':
        return _sample((number[stem], count) for stem, count in Counter(row.stem for row in objects).items())
    field = quantity.removesuffix(' %').removeprefix('centre ')
    return _sample((number[row.stem], getattr(row, field)) for row in objects)


def _sample(pairs: Iterable[tuple[int, float]]) -> Sample:
    known = [(index, value) for index, value in pairs if not math.isnan(value)]
    return Sample(np.array([value for _, value in known], float), np.array([index for index, _ in known], np.int64))


def reference_split(statistics: Statistics, name: str = DEFAULT_REFERENCE) -> str:
    """The split that the others are compared with: ``name``, or the first with masks if there is no train split.

    Raises:
        InputError: Another split is asked for, and it has no masks.
    """
    masked = statistics.masked_splits()
    if name in masked:
        return name
    if name != DEFAULT_REFERENCE:
        raise InputError(f'--reference {name}: no such split with masks; there are {", ".join(masked)}')
    return masked[0]


def measure_drift(statistics: Statistics, reference: str = DEFAULT_REFERENCE) -> list[Drift]:
    """Compare each split with the reference split, quantity by quantity.

    Args:
        statistics: From `collect_statistics`.
        reference: The split to compare with, as in `reference_split`.
    """
    reference = reference_split(statistics, reference)
    pairs = [
        (split, index, quantity, centre)
        for split in statistics.splits
        if split != reference
        for index, names in [(None, OF_IMAGES), *((c, OF_CLASSES) for c in statistics.object_classes)]
        for quantity, centre in names.items()
    ]
    permutations = max(PERMUTATIONS, 40 * len(pairs))  # so that p can fall well below the bound of Holm's first step
    found: list[Drift] = []
    for split, index, quantity, centre in pairs:
        first = sample(statistics, quantity, reference, index)
        second = sample(statistics, quantity, split, index)
        if not len(first.values) or not len(second.values):
            continue
        here, there = (float(getattr(np, centre)(one.values)) for one in (second, first))
        p = permutation_p(first, second, permutations=permutations)
        distance = ks_distance(first.values, second.values)
        found.append(Drift(split, index, quantity, there, here, distance, p, stands=False))
    stands = holm([drift.p for drift in found], ALPHA)
    return [replace(drift, stands=flag) for drift, flag in zip(found, stands, strict=True)]
