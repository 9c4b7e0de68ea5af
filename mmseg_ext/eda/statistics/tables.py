"""Tables of a data set's statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.eda.statistics.collect import Statistics
from mmseg_ext.eda.statistics.drift import Drift, measure_drift, reference_split
from mmseg_ext.eda.statistics.quantities import sample
from mmseg_ext.eda.table import Cell, Table

LOW_CONTRAST = 16  # grey levels of 255, below which object and background look alike
Drifts = Mapping[tuple[str, int | None, str], Drift]


def make_tables(
    statistics: Statistics, reference: str = 'train', drifts: Sequence[Drift] | None = None
) -> dict[str, Table]:
    """Make all tables.

    Args:
        statistics: From `collect_statistics`.
        reference: The split that the others are compared with.
        drifts: From `measure_drift` with the same reference; measured by default.

    Returns:
        ``images``, ``balance``, ``area``, ``light``, ``position`` and ``drift``.
    """
    reference = reference_split(statistics, reference)
    found = measure_drift(statistics, reference) if drifts is None else drifts
    by_key = {(drift.split, drift.class_index, drift.quantity): drift for drift in found}
    return {
        'images': _images(statistics, by_key, reference),
        'balance': _balance(statistics, by_key, reference),
        'area': _area(statistics, by_key, reference),
        'light': _light(statistics, by_key, reference),
        'position': _position(statistics),
        'drift': _drift(statistics, found, reference),
    }


def _compared(drifts: Drifts, split: str, index: int | None, quantity: str) -> tuple[Cell, Cell]:
    """Return the cells "difference to the reference" and p; empty for the reference itself."""
    drift = drifts.get((split, index, quantity))
    return (None, None) if drift is None else (drift.difference, drift.p)


def _images(statistics: Statistics, drifts: Drifts, reference: str) -> Table:
    rows: list[Sequence[Cell]] = []
    for split in statistics.splits:
        images = statistics.images_of(split)
        sizes = sorted({(row.width, row.height) for row in images}, key=lambda size: size[0] * size[1])
        size = ' to '.join(f'{width}×{height}' for width, height in sizes[:1] + sizes[1:][-1:])
        values = sample(statistics, 'image brightness', split).values
        low, middle, high = _quartiles(values)
        masks = len(statistics.images_of(split, masked=True))
        compared = _compared(drifts, split, None, 'image brightness')
        files = sum(not math.isnan(row.brightness) for row in images)  # a mask without its image has a row too
        rows.append([split, files, masks, size, low, middle, high, *compared])
    columns = dict.fromkeys(('split', 'images', 'masks', 'size'))
    numbers = {'brightness q1': 1, 'median': 1, 'q3': 1, f'median vs {reference}': 1, 'p': 3}
    note = 'Brightness: mean luma of an image, 0–255. Size: width×height of the smallest and the largest image.'
    return Table('Images', columns | numbers, rows, note)


def _balance(statistics: Statistics, drifts: Drifts, reference: str) -> Table:
    rows: list[Sequence[Cell]] = []
    for split in statistics.masked_splits():
        pixels = np.array([row.pixels for row in statistics.images_of(split, masked=True)], dtype=np.int64)
        total = int(pixels.sum())
        for index, name in enumerate(statistics.classes.names):
            showing = int((pixels[:, index] > 0).sum())
            is_object = index in statistics.object_classes
            counts = sample(statistics, 'objects per image', split, index).values
            rows.append([
                split,
                name,
                showing,
                100 * showing / len(pixels),
                int(counts.sum()) if is_object else None,
                float(counts.mean()) if len(counts) else None,
                int(counts.max()) if len(counts) else None,
                int(pixels[:, index].sum()),
                100 * int(pixels[:, index].sum()) / total if total else None,
                *_compared(drifts, split, index, 'pixels %'),
            ])  # fmt: skip
    columns: dict[str, int | None] = {
        'split': None, 'class': None, 'images': None, 'images %': 1, 'objects': None, 'objects per image': 2,
        'most in one': None, 'pixels': None, 'pixels %': 2, f'pixels % vs {reference}': 2, 'p': 3,
    }  # fmt: skip
    note = (
        'Object: an 8-connected region of one class that covers at least 0.01 % of the image. Objects per image: mean '
        'over the images that have any. The comparison uses the mean share per image.'
    )
    return Table('Class balance', columns, rows, note)


def _area(statistics: Statistics, drifts: Drifts, reference: str) -> Table:
    rows: list[Sequence[Cell]] = []
    for split, index, name in _split_classes(statistics):
        values = sample(statistics, 'area %', split, index).values
        low, middle, high = _quartiles(values)
        rows.append([
            split, name, len(values), _or_none(values, np.mean), middle, low, high, _or_none(values, np.min),
            _or_none(values, np.max), *_compared(drifts, split, index, 'area %'),
        ])  # fmt: skip
    columns: dict[str, int | None] = {
        'split': None, 'class': None, 'objects': None, 'mean': 2, 'median': 2, 'q1': 2, 'q3': 2, 'min': 2, 'max': 2,
        f'median vs {reference}': 2, 'p': 3,
    }  # fmt: skip
    return Table('Object area', columns, rows, 'Area: percent of the image.')


def _light(statistics: Statistics, drifts: Drifts, reference: str) -> Table:
    rows: list[Sequence[Cell]] = []
    for split, index, name in _split_classes(statistics):
        bright = sample(statistics, 'brightness', split, index).values
        contrast = sample(statistics, 'contrast', split, index).values
        low, middle, high = _quartiles(contrast)
        rows.append([
            split, name, len(bright), _quartiles(bright)[1], *_compared(drifts, split, index, 'brightness'),
            middle, low, high, _share(contrast < 0), _share(np.abs(contrast) < LOW_CONTRAST),
            *_compared(drifts, split, index, 'contrast'),
        ])  # fmt: skip
    columns: dict[str, int | None] = {
        'split': None, 'class': None, 'objects': None, 'brightness': 1, f'brightness vs {reference}': 1,
        'p bright': 3, 'contrast': 1, 'q1': 1, 'q3': 1, 'darker %': 1, 'low contrast %': 1,
        f'contrast vs {reference}': 1, 'p contrast': 3,
    }  # fmt: skip
    note = (
        'Medians. Brightness: mean luma of the object, 0–255. Contrast: brightness minus the mean luma of a ring of '
        f'background; darker: contrast below 0; low contrast: less than {LOW_CONTRAST} grey levels either way.'
    )
    return Table('Brightness and contrast', columns, rows, note)


def _position(statistics: Statistics) -> Table:
    rows: list[Sequence[Cell]] = []
    for split, index, name in _split_classes(statistics):
        objects = [row for row in statistics.objects if (row.split, row.class_index) == (split, index)]
        x, y = (np.array([getattr(row, axis) for row in objects], float) for axis in 'xy')
        rows.append([
            split, name, len(objects), _or_none(x, np.median), _or_none(y, np.median), _or_none(x, np.std),
            _or_none(y, np.std), _share(np.array([row.at_border for row in objects])),
        ])  # fmt: skip
    columns: dict[str, int | None] = {
        'split': None, 'class': None, 'objects': None, 'x': 2, 'y': 2, 'x spread': 2, 'y spread': 2, 'at border %': 1,
    }  # fmt: skip
    note = (
        'Median centre of mass, from 0 (left, top) to 1 (right, bottom), and its standard deviation; at border: the '
        'object touches the edge of the image.'
    )
    return Table('Position', columns, rows, note)


def _drift(statistics: Statistics, drifts: Sequence[Drift], reference: str) -> Table:
    rows: list[Sequence[Cell]] = [
        [
            drift.split,
            'all' if drift.class_index is None else statistics.classes.names[drift.class_index],
            drift.quantity,
            drift.reference,
            drift.value,
            drift.difference,
            drift.distance,
            drift.p,
            'yes' if drift.significant else 'no',
        ]
        for drift in sorted(drifts, key=lambda drift: (math.inf if drift.p is None else drift.p, -drift.distance))
    ]
    columns: dict[str, int | None] = {
        'split': None, 'class': None, 'quantity': None, reference: 2, 'here': 2, 'difference': 2, 'KS': 3, 'p': 4,
        'drift': None,
    }  # fmt: skip
    note = (
        'Means for shares and counts, medians for the rest. KS: Kolmogorov–Smirnov distance; p: permutation test over '
        f'images. Drift: significant, with a 5 % risk of any false alarm in all {len(rows)} comparisons (Holm).'
    )
    return Table(f'Drift from {reference}', columns, rows, note)


def _split_classes(statistics: Statistics) -> list[tuple[str, int, str]]:
    return [
        (split, index, statistics.classes.names[index])
        for split in statistics.masked_splits()
        for index in statistics.object_classes
    ]


def _quartiles(values: NDArray[np.float64]) -> tuple[float | None, float | None, float | None]:
    if not len(values):
        return None, None, None
    low, middle, high = np.percentile(values, [25, 50, 75])
    return float(low), float(middle), float(high)


def _or_none(values: NDArray[np.float64], function: Any) -> float | None:
    return float(function(values)) if len(values) else None


def _share(flags: NDArray[np.bool_]) -> float | None:
    return 100 * float(flags.mean()) if len(flags) else None
