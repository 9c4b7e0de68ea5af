"""Slices: groups of objects with a common property, their scores, and the search for the worst of them.

The unit is the object with its zone (`ObjectSample.confusion`). The score of a slice is its *object Dice*: the counts
of its zones are summed, as the metric sums images, and 2 Σ TP / Σ (true + predicted) is taken over all object classes
together. A mean over the classes does not work: a slice of cats holds no true dog, so a single pixel predicted as
dog would halve it. The Dice of each class is computed like the metric's, over the zones of the slice.

The search covers all slices of one feature and all combinations of two features with enough objects. The statistic of
a slice is how far its object Dice lies below that of the rest, divided by the standard error of this difference. For
its p-value, the scores are permuted among the objects many times, and each permutation is searched like the true
scores: p is the share of the permutations whose *largest* statistic over all slices reaches that of the slice (Westfall
and Young, Resampling-Based Multiple Testing, 1993). So the probability that the slices with p ≤ 0.05 contain even one
false alarm is 5 %.

Objects of one image are alike, so the scores of whole images are permuted, among images with equally many objects. The
test therefore says nothing about the number of objects itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.evaluation.bootstrap import Estimate, Values, bootstrap_sums, divide
from mmseg_ext.evaluation.errors.features import FEATURES, ObjectSample
from mmseg_ext.evaluation.scores import scores_from_confusion

DARK_LUMA = 85.0  # below it, object and background count as dark: the darkest third of 0–255
DARK_ON_DARK = 'dark on dark'
MIN_IMAGES_FOR_INTERVAL = 5  # fewer say nothing about how scores vary
PERMUTATIONS = 1999
MIN_OBJECTS, MIN_OBJECTS_SHARE = 8, 0.05  # of a slice in the search: number, and share of all objects
MAX_KEPT_SHARE = 0.95  # a second feature that keeps at least this share of a slice adds nothing
MAX_JACCARD = 0.75  # slices that share at least this much of their objects are reported once


@dataclass(frozen=True)
class Slice:
    """Group of objects.

    Attributes:
        feature: Feature by which the objects are grouped.
        name: What its objects have in common.
        limits: The limits of the feature as text, or empty.
        members: Objects that belong to it, shape (O,).
        known: Objects whose feature is defined, shape (O,); those that are not members are the *rest*.
    """

    feature: str
    name: str
    limits: str
    members: NDArray[np.bool_]
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class SliceScore:
    """Score of a slice.

    Attributes:
        objects: Number of objects.
        images: Number of images that they come from.
        dice: Object Dice in percent.
        gap: Object Dice of the slice minus that of the rest, in percentage points.
        relative: The gap in percent of the Dice of the rest.
        class_dice: Dice of each class over the zones in percent, shape (K,); NaN where no object has the class.
    """

    objects: int
    images: int
    dice: Estimate
    gap: Estimate
    relative: Estimate
    class_dice: NDArray[np.float64]


@dataclass(frozen=True)
class WorstSlice:
    """Slice whose score lies below that of the rest.

    Attributes:
        slice: The slice; a slice of two features is named by both.
        statistic: How many standard errors its object Dice lies below that of the rest.
        p: p-value corrected for all slices searched, 0–1.
    """

    slice: Slice
    statistic: float
    p: float


@dataclass(frozen=True)
class SliceSearch:
    """Result of a search.

    Attributes:
        worst: The slices, worst first, without those that hold nearly the same objects as a worse one.
        tried: Number of slices searched.
        min_objects: Number of objects that a slice needed.
    """

    worst: list[WorstSlice]
    tried: int
    min_objects: int


def make_slices(samples: Sequence[ObjectSample], class_names: Sequence[str]) -> list[Slice]:
    """Group the objects by each feature: thirds for quantities, groups for the rest, and dark on dark."""
    slices: list[Slice] = []
    all_known = np.ones(len(samples), bool)
    for feature in FEATURES:
        slices += _thirds(feature.name, feature.thirds, feature.unit, _column(samples, feature.name))
    at_border = np.array([sample.row.at_border for sample in samples], bool)
    for name, members in (('touches the edge', at_border), ('inside the image', ~at_border)):
        slices.append(Slice('edge of the image', name, '', members, all_known))
    count = np.array([sample.objects for sample in samples], int)
    for name, members in (('one object', count == 1), ('two objects', count == 2), ('more objects', count > 2)):
        slices.append(Slice('objects in the image', name, '', members, all_known))
    classes = np.array([sample.row.class_index for sample in samples], int)
    for index in np.unique(classes):
        slices.append(Slice('class', class_names[index], '', classes == index, all_known))
    slices.append(_dark_on_dark(samples))
    return [piece for piece in slices if piece.members.any()]


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
    luma = np.array([(sample.row.brightness, sample.row.background) for sample in samples], np.float64).reshape(-1, 2)
    known = np.asarray(~np.isnan(luma).any(axis=1), bool)
    dark = np.asarray((luma < DARK_LUMA).all(axis=1), bool)
    return Slice('light', DARK_ON_DARK, f'object and background below {DARK_LUMA:.0f}', dark, known)


def dice_parts(samples: Sequence[ObjectSample], background: int | None) -> Values:
    """Compute 2 Σ TP and Σ (true + predicted) over the object classes for each object, shape (O, 2)."""
    confusion = np.array([sample.confusion for sample in samples], np.float64)
    kept = np.arange(confusion.shape[-1]) != (-1 if background is None else background)
    hit = np.diagonal(confusion, axis1=1, axis2=2)[:, kept].sum(1)
    return np.stack([2 * hit, (confusion.sum(2) + confusion.sum(1))[:, kept].sum(1)], axis=1)


def score_slice(
    chosen: Slice,
    samples: Sequence[ObjectSample],
    images: int,
    *,
    background: int | None = 0,
    resamples: int = 2000,
    seed: int = 0,
) -> SliceScore:
    """Score a slice, with 95 % bootstrap intervals over images (not objects: those of one image are alike).

    A slice of fewer than five images has no intervals; nor do its differences if the rest has fewer.

    Args:
        chosen: The slice.
        samples: All objects.
        images: Number of images.
        background: The class that has no objects, or None.
        resamples: How often the images are drawn.
        seed: Seed of the draws.
    """
    parts = dice_parts(samples, background)
    image = np.array([sample.image for sample in samples])
    table = np.zeros((images, 2, 2))
    for side, members in enumerate((chosen.members, chosen.known & ~chosen.members)):
        np.add.at(table[:, side], image[members], parts[members])

    def relative(sums: Values) -> Values:
        inside, rest = divide(sums[:, 0]), divide(sums[:, 1])
        return 100 * divide(np.stack([inside - rest, rest], axis=-1))

    confusion = np.sum([sample.confusion for sample, inside in zip(samples, chosen.members, strict=True) if inside], 0)
    class_dice = 100 * scores_from_confusion(confusion)['Dice']
    class_dice[confusion.sum(axis=1) == 0] = np.nan
    inside, outside = (len(np.unique(image[members])) for members in (chosen.members, chosen.known & ~chosen.members))

    def estimate(statistic: Callable[[Values], Values], fewest_images: int) -> Estimate:
        result = bootstrap_sums(table, statistic, resamples=resamples, seed=seed)
        return result if fewest_images >= MIN_IMAGES_FOR_INTERVAL else Estimate(result.value, math.nan, math.nan)

    return SliceScore(
        objects=int(chosen.members.sum()),
        images=inside,
        dice=estimate(lambda sums: 100 * divide(sums[:, 0]), inside),
        gap=estimate(lambda sums: 100 * (divide(sums[:, 0]) - divide(sums[:, 1])), min(inside, outside)),
        relative=estimate(relative, min(inside, outside)),
        class_dice=class_dice,
    )


def search_worst(
    slices: Sequence[Slice],
    parts: NDArray[np.float64],
    images: NDArray[np.int64],
    *,
    min_objects: int | None = None,
    top: int = 10,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> SliceSearch:
    """Search slices and their pairs for the worst.

    Args:
        slices: Slices of one feature each.
        parts: Result of `dice_parts`, shape (O, 2).
        images: Index of the image of each object, shape (O,).
        min_objects: Objects that a slice and its rest need; by default 8 or 5 % of all, whichever is greater.
        top: Number of slices to return.
        permutations: How often the scores are permuted.
        seed: Seed of the permutations.
    """
    count = len(parts)
    if min_objects is None:
        min_objects = max(MIN_OBJECTS, int(np.ceil(MIN_OBJECTS_SHARE * count)))
    candidates = _candidates(slices, min_objects)
    if not candidates:
        return SliceSearch([], 0, min_objects)
    inside = np.array([candidate.members for candidate in candidates], np.float64)
    outside = np.array([candidate.known & ~candidate.members for candidate in candidates], np.float64)
    statistics = _statistics(inside, outside, parts)
    rng = np.random.default_rng(seed)
    highest = np.array([
        _statistics(inside, outside, parts[_permute(images, rng)]).max() for _ in range(permutations)
    ])  # fmt: skip
    worst: list[WorstSlice] = []
    for index in np.argsort(-statistics, kind='stable'):
        if len(worst) == top or statistics[index] <= 0:
            break
        candidate = candidates[index]
        if any(_jaccard(candidate.members, other.slice.members) >= MAX_JACCARD for other in worst):
            continue
        p = (1 + int((highest >= statistics[index] - 1e-9).sum())) / (1 + permutations)
        worst.append(WorstSlice(candidate, float(statistics[index]), p))
    return SliceSearch(worst, len(candidates), min_objects)


def _candidates(slices: Sequence[Slice], min_objects: int) -> list[Slice]:
    pairs = [
        Slice(
            f'{a.feature} and {b.feature}',
            f'{a.name}, {b.name}',
            ', '.join(filter(None, (a.limits, b.limits))),
            a.members & b.members,
            a.known & b.known,
        )
        for a, b in combinations(slices, 2)
        if a.feature != b.feature and _narrows(a, b)
    ]
    return [
        candidate
        for candidate in (*slices, *pairs)
        if min_objects <= candidate.members.sum() <= candidate.known.sum() - min_objects
    ]


def _narrows(a: Slice, b: Slice) -> bool:
    """Tell whether the intersection of two slices is clearly smaller than either."""
    both = int((a.members & b.members).sum())
    return both < MAX_KEPT_SHARE * min(int(a.members.sum()), int(b.members.sum()))


def _statistics(
    inside: NDArray[np.float64], outside: NDArray[np.float64], parts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute by how many standard errors each of S slices (S, O) lies below its rest (S, O); parts (O, 2)."""
    ratios, variances = zip(*(_ratio_and_variance(members, parts) for members in (inside, outside)), strict=True)
    result: NDArray[np.float64] = (ratios[1] - ratios[0]) / np.sqrt(variances[0] + variances[1] + 1e-12)
    return result


def _ratio_and_variance(
    members: NDArray[np.float64], parts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute Σ a / Σ b of each slice, and its variance by linearisation (Cochran, Sampling Techniques, 1977, 2.11)."""
    a, b = parts.T
    sums = members @ np.stack([a, b, a * a, a * b, b * b], axis=1)
    count = members.sum(axis=1)
    whole = np.maximum(sums[:, 1], 1e-12)
    ratio = sums[:, 0] / whole
    residual = np.maximum(sums[:, 2] - 2 * ratio * sums[:, 3] + ratio**2 * sums[:, 4], 0)
    return ratio, count / np.maximum(count - 1, 1) * residual / whole**2


def _permute(images: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw for each object the one whose score it gets; whole images swap with others that have as many objects."""
    order = np.argsort(images, kind='stable')
    _, starts, sizes = np.unique(images[order], return_index=True, return_counts=True)
    source = np.empty(len(images), np.int64)
    for size in np.unique(sizes):
        blocks = order[starts[sizes == size][:, None] + np.arange(size)]
        source[blocks] = rng.permutation(blocks)
    return source


def _jaccard(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / (a | b).sum())
