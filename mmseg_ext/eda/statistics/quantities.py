"""Quantities by which splits are compared, and their values in a split."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.eda.statistics.collect import Statistics

# Name → the average that is compared.
IMAGE_QUANTITIES: dict[str, Literal['mean', 'median']] = {'image brightness': 'median'}
CLASS_QUANTITIES: dict[str, Literal['mean', 'median']] = {
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
class Sample:
    """Values of one quantity in one split.

    Attributes:
        values: Shape (N,), without NaN.
        images: Shape (N,), the number of the image that each value comes from.
    """

    values: NDArray[np.float64]
    images: NDArray[np.int64]


def sample(statistics: Statistics, quantity: str, split: str, class_index: int | None = None) -> Sample:
    """Collect the values of a quantity in a split: one for each image or object, without those that do not exist."""
    images = statistics.images_of(split, masked=class_index is not None)
    index_of = {row.stem: index for index, row in enumerate(images)}
    if class_index is None:
        return _sample((index, row.brightness) for index, row in enumerate(images))
    objects = [row for row in statistics.objects if (row.split, row.class_index) == (split, class_index)]
    if quantity in ('images %', 'pixels %'):
        shares = [(index, row.pixels[class_index], sum(row.pixels)) for index, row in enumerate(images) if row.pixels]
        if quantity == 'images %':
            return _sample((index, 100.0 * (count > 0)) for index, count, _ in shares)
        return _sample((index, 100 * count / whole if whole else math.nan) for index, count, whole in shares)
    if quantity == 'objects per image':
        return _sample((index_of[stem], count) for stem, count in Counter(row.stem for row in objects).items())
    field = quantity.removesuffix(' %').removeprefix('centre ')
    return _sample((index_of[row.stem], getattr(row, field)) for row in objects)


def _sample(pairs: Iterable[tuple[int, float]]) -> Sample:
    known = [(index, value) for index, value in pairs if not math.isnan(value)]
    return Sample(np.array([value for _, value in known], float), np.array([index for index, _ in known], np.int64))
