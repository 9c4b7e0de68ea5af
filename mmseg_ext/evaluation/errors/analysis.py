"""Error analysis of a result: counts for each image, and the conclusions from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.evaluation.errors.boundary import BoundaryScores, measure_boundaries
from mmseg_ext.evaluation.errors.calibration import confidence_histogram, mask_confidence
from mmseg_ext.evaluation.errors.causes import DEFAULTS, CauseSettings, Repair, cause_counts, cause_map, measure_repairs
from mmseg_ext.evaluation.errors.features import ObjectSample, measure_image
from mmseg_ext.evaluation.errors.label_suspects import Suspicion, suspect_label
from mmseg_ext.evaluation.errors.objects import ObjectMatches, match_objects
from mmseg_ext.evaluation.errors.result_dir import Case, ResultDir
from mmseg_ext.evaluation.errors.slices import (
    Slice,
    SliceScore,
    SliceSearch,
    dice_parts,
    make_slices,
    score_slice,
    search_worst,
)
from mmseg_ext.progress import track


@dataclass(frozen=True)
class Settings:
    """Settings of an error analysis.

    Attributes:
        background: Index of the background class; None where every class has objects.
        causes: Thresholds in the rules of the causes.
        resamples: Resamples of the bootstrap.
        permutations: Permutations of the search for the worst slices.
        min_objects: Objects that a slice needs in that search; None for the default.
        seed: Seed of all draws.
    """

    background: int | None = 0
    causes: CauseSettings = DEFAULTS
    resamples: int = 2000
    permutations: int = 1999
    min_objects: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class ImageErrors:
    """Errors of one image.

    Attributes:
        stem: File name without suffix.
        dice: Object Dice (`object_dice`), 0–1.
        wrong: Number of wrong pixels.
        causes: Confusion counts by cause, shape (C, K, K).
        objects: Matches of its objects.
        boundaries: Scores of its boundaries.
        histogram: Result of `confidence_histogram`; None without probabilities.
        confidence: Result of `mask_confidence`; NaN without probabilities.
        suspicion: Result of `suspect_label`; None without probabilities or background.
    """

    stem: str
    dice: float
    wrong: int
    causes: NDArray[np.int64]
    objects: ObjectMatches
    boundaries: BoundaryScores
    histogram: NDArray[np.float64] | None
    confidence: float
    suspicion: Suspicion | None


@dataclass(frozen=True)
class Analysis:
    """Error analysis of a result.

    Attributes:
        result: The result.
        settings: The settings.
        band: Width of the boundary band in pixels, for the most frequent image size.
        radius: Radius of the opening in pixels, for the same size.
        images: One entry per image, in the order of the records.
        samples: All objects.
        repairs: One per cause.
        slices: Slices of one feature and their scores.
        search: The worst slices.
        worst: Scores of the slices of the search.
    """

    result: ResultDir
    settings: Settings
    band: float
    radius: int
    images: list[ImageErrors]
    samples: list[ObjectSample]
    repairs: list[Repair]
    slices: list[tuple[Slice, SliceScore]]
    search: SliceSearch
    worst: list[SliceScore] = field(default_factory=list)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Counts of each image, shape (N, K, K)."""
        return self.result.records.confusion

    @property
    def causes(self) -> NDArray[np.int64]:
        """Wrong pixels of each image by cause, shape (N, C, K, K)."""
        return np.stack([image.causes for image in self.images])

    @property
    def object_classes(self) -> list[int]:
        """Classes that have objects."""
        names = self.result.records.classes
        return [index for index in range(len(names)) if index != self.settings.background]


def analyze(result: ResultDir, settings: Settings) -> Analysis:
    """Analyse the errors of a result.

    Raises:
        InputError: A file of the result or of its data cannot be used.
    """
    images: list[ImageErrors] = []
    samples: list[ObjectSample] = []
    sizes: Counter[tuple[int, ...]] = Counter()
    for index, case in enumerate(track(result, 'images', len(result))):
        images.append(_image_errors(case, result.records.confusion[index], result, settings))
        samples += _samples(case, index, result, settings)
        sizes[case.truth.shape] += 1
    options = {'resamples': settings.resamples, 'seed': settings.seed}
    causes = np.stack([image.causes for image in images])
    slices = make_slices(samples, result.classes.names) if samples else []
    search = _search(slices, samples, settings)

    def scored(chosen: Iterable[Slice]) -> list[SliceScore]:
        background = settings.background
        return [score_slice(piece, samples, len(images), background=background, **options) for piece in chosen]

    band, radius = settings.causes.for_size(sizes.most_common(1)[0][0])
    return Analysis(
        result=result,
        settings=settings,
        band=band,
        radius=radius,
        images=images,
        samples=samples,
        repairs=measure_repairs(result.records.confusion, causes, **options),
        slices=list(zip(slices, scored(slices), strict=True)),
        search=search,
        worst=scored(worst.slice for worst in search.worst),
    )


def _image_errors(case: Case, confusion: NDArray[np.int64], result: ResultDir, settings: Settings) -> ImageErrors:
    K, ignored = len(result.classes.names), result.classes.ignore_index
    background, truth, prediction, probabilities = settings.background, case.truth, case.prediction, case.probabilities
    causes = cause_map(prediction, truth, background=background, ignore_index=ignored, settings=settings.causes)
    band, _ = settings.causes.for_size(truth.shape)
    histogram, confidence, suspicion = None, float('nan'), None
    if probabilities is not None:
        histogram = confidence_histogram(probabilities, prediction, truth, ignored)
        confidence = mask_confidence(probabilities, prediction, background, truth != ignored)
        suspicion = None if background is None else suspect_label(truth, probabilities, background, ignored)
    return ImageErrors(
        stem=case.stem,
        dice=object_dice(confusion, background),
        wrong=int((causes > 0).sum()),
        causes=cause_counts(causes, prediction, truth, K),
        objects=match_objects(prediction, truth, K, background=background, ignore_index=ignored),
        boundaries=measure_boundaries(prediction, truth, K, tolerance=band, ignore_index=ignored),
        histogram=histogram,
        confidence=confidence,
        suspicion=suspicion,
    )


def object_dice(confusion: NDArray[np.int64], background: int | None) -> float:
    """Compute the Dice of all object classes together: 2 Σ TP / Σ (true + predicted).

    Args:
        confusion: Counts, shape (K, K).
        background: The class that has no objects, or None.

    Returns:
        0–1; 1 where neither mask has an object.

    >>> object_dice(np.array([[90, 0, 0], [5, 10, 0], [0, 0, 5]]), background=0)
    0.8571428571428571
    """
    kept = [index for index in range(len(confusion)) if index != background]
    whole = int((confusion.sum(0) + confusion.sum(1))[kept].sum())
    return 2 * int(np.diagonal(confusion)[kept].sum()) / whole if whole else 1.0


def _samples(case: Case, index: int, result: ResultDir, settings: Settings) -> list[ObjectSample]:
    return measure_image(
        case.prediction,
        case.truth,
        case.luma,
        len(result.classes.names),
        image=index,
        background=settings.background,
        ignore_index=result.classes.ignore_index,
        settings=settings.causes,
    )


def _search(slices: list[Slice], samples: list[ObjectSample], settings: Settings) -> SliceSearch:
    if not samples:
        return SliceSearch([], 0, settings.min_objects or 0)
    return search_worst(
        slices,
        dice_parts(samples, settings.background),
        np.array([sample.image for sample in samples]),
        min_objects=settings.min_objects,
        permutations=settings.permutations,
        seed=settings.seed,
    )
