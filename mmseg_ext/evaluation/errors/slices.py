"""Slices: objects that have something in common, and how well they are segmented.

The unit is the object with its zone (`ObjectSample.confusion`). The score of a slice is its *object Dice*: counts of
its zones are summed, as the metric sums images, and 2 Σ TP / Σ (true + predicted) is taken over all object classes
together. A mean over the classes would not do: a slice of cats holds no true dog, so that one stray pixel called dog
would halve it. The Dice of each class is that of the metric, over the zones of the slice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.evaluation.errors.estimate import Estimate, Values, bootstrap_sums, divide
from mmseg_ext.evaluation.errors.features import FEATURES, ObjectSample
from mmseg_ext.evaluation.scores import scores_from_confusion

DARK = 85.0  # luma below which object and ground count as dark: the darkest third of the scale
DARK_ON_DARK = 'dark on dark'
LEAST_IMAGES = 5  # fewer tell nothing of how scores vary: no interval


@dataclass(frozen=True)
class Slice:
    """A group of objects.

    Attributes:
        feature: What it is a slice of.
        name: What its objects have in common.
        limits: In numbers, or empty.
        members: Shape (O,), which objects belong to it.
        known: Shape (O,), which objects could: the others of these are its *rest*.
    """

    feature: str
    name: str
    limits: str
    members: NDArray[np.bool_]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class SliceScore:
    """How well a slice is segmented.

    Attributes:
        objects: Objects in it.
        images: Images that they come from.
        dice: Object Dice in percent.
        gap: Object Dice of the slice minus that of the rest, in points.
        relative: The same as percent of the rest's Dice.
        class_dice: Dice of each class over the zones in percent, shape (K,); NaN where the slice shows no such object.
    """

    objects: int
    images: int
    dice: Estimate
    gap: Estimate
    relative: Estimate
    class_dice: NDArray[np.float64]


def make_slices(samples: Sequence[ObjectSample], class_names: Sequence[str]) -> list[Slice]:
    """Slices by each feature: thirds of the objects for quantities, groups for the rest, and dark on dark."""
    slices: list[Slice] = []
    everything = np.ones(len(samples), bool)
    for feature in FEATURES:
        slices += _thirds(feature.name, feature.thirds, feature.unit, _column(samples, feature.name))
    at_border = np.array([sample.row.at_border for sample in samples], bool)
    for name, members in (('touches the edge', at_border), ('inside the image', ~at_border)):
        slices.append(Slice('edge of the image', name, '', members, everything))
    count = np.array([sample.objects for sample in samples], int)
    for name, members in (('one object', count == 1), ('two objects', count == 2), ('more objects', count > 2)):
        slices.append(Slice('objects in the image', name, '', members, everything))
    classes = np.array([sample.row.class_index for sample in samples], int)
    for index in np.unique(classes):
        slices.append(Slice('class', class_names[index], '', classes == index, everything))
    slices.append(_dark_on_dark(samples))
    return [one for one in slices if one.members.any()]


def _column(samples: Sequence[ObjectSample], name: str) -> Values:
    return np.array([sample.values[name] for sample in samples], np.float64)


def _thirds(feature: str, names: Sequence[str], unit: str, values: Values) -> list[Slice]:
    known = ~np.isnan(values)
    if len(np.unique(values[known])) < 3:
        return []
    low, high = np.quantile(values[known], [1 / 3, 2 / 3])
    parts = (values <= low, (values > low) & (values <= high), values > high)
    unit = f' {unit}' if unit else ''
    limits = (f'≤ {low:.3g}{unit}', f'{low:.3g} to {high:.3g}{unit}', f'> {high:.3g}{unit}')
    return [
        Slice(feature, name, limit, part & known, known) for name, limit, part in zip(names, limits, parts, strict=True)
    ]


def _dark_on_dark(samples: Sequence[ObjectSample]) -> Slice:
    light = np.array([(sample.row.brightness, sample.row.ground) for sample in samples], np.float64).reshape(-1, 2)
    known = np.asarray(~np.isnan(light).any(axis=1), bool)
    dark = np.asarray((light < DARK).all(axis=1), bool)
    return Slice('light', DARK_ON_DARK, f'object and ground below {DARK:.0f}', dark, known)


def dice_parts(samples: Sequence[ObjectSample], background: int | None) -> Values:
    """2 Σ TP and Σ (true + predicted) over the object classes, for each object, shape (O, 2)."""
    confusion = np.array([sample.confusion for sample in samples], np.float64)
    kept = np.arange(confusion.shape[-1]) != (-1 if background is None else background)
    hit = np.diagonal(confusion, axis1=1, axis2=2)[:, kept].sum(1)
    return np.stack([2 * hit, (confusion.sum(2) + confusion.sum(1))[:, kept].sum(1)], axis=1)


def score_slice(
    one: Slice,
    samples: Sequence[ObjectSample],
    images: int,
    *,
    background: int | None = 0,
    resamples: int = 2000,
    seed: int = 0,
) -> SliceScore:
    """Score a slice, with 95 % bootstrap intervals over images (not objects: those of one image are alike).

    A slice of fewer than five images has no intervals, nor have its differences where the rest has fewer.

    Args:
        one: The slice.
        samples: All objects.
        images: How many images there are.
        background: The class that has no objects, or None.
        resamples: How often the images are drawn.
        seed: Of the draws.
    """
    parts = dice_parts(samples, background)
    number = np.array([sample.image for sample in samples])
    table = np.zeros((images, 2, 2))
    for place, members in enumerate((one.members, one.known & ~one.members)):
        np.add.at(table[:, place], number[members], parts[members])

    def relative(sums: Values) -> Values:
        inside, rest = divide(sums[:, 0]), divide(sums[:, 1])
        return 100 * divide(np.stack([inside - rest, rest], axis=-1))

    confusion = np.sum([sample.confusion for sample, inside in zip(samples, one.members, strict=True) if inside], 0)
    class_dice = 100 * scores_from_confusion(confusion)['Dice']
    class_dice[confusion.sum(axis=1) == 0] = np.nan
    inside, outside = (len(np.unique(number[chosen])) for chosen in (one.members, one.known & ~one.members))

    def estimate(statistic: Callable[[Values], Values], fewest: int) -> Estimate:
        found = bootstrap_sums(table, statistic, resamples=resamples, seed=seed)
        return found if fewest >= LEAST_IMAGES else Estimate(found.value, math.nan, math.nan)

    return SliceScore(
        objects=int(one.members.sum()),
        images=inside,
        dice=estimate(lambda sums: 100 * divide(sums[:, 0]), inside),
        gap=estimate(lambda sums: 100 * (divide(sums[:, 0]) - divide(sums[:, 1])), min(inside, outside)),
        relative=estimate(relative, min(inside, outside)),
        class_dice=class_dice,
    )
