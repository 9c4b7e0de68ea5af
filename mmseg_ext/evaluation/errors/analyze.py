"""The error analysis of a result: everything that is counted image by image, and everything that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.errors.boundary import BorderFit, fit_borders
from mmseg_ext.evaluation.errors.calibration import confidence_histogram, mask_confidence
from mmseg_ext.evaluation.errors.causes import DEFAULTS, CauseSettings, cause_counts, cause_map
from mmseg_ext.evaluation.errors.features import ObjectSample, measure_image
from mmseg_ext.evaluation.errors.label_suspects import Suspicion, suspect_label
from mmseg_ext.evaluation.errors.objects import ObjectView, view_objects
from mmseg_ext.evaluation.errors.oracle import Repair, measure_repairs
from mmseg_ext.evaluation.errors.result_dir import Case, ResultDir
from mmseg_ext.evaluation.errors.slices import Slice, SliceScore, dice_parts, make_slices, score_slice
from mmseg_ext.evaluation.errors.worst_slices import Search, search_worst
from mmseg_ext.progress import track


@dataclass(frozen=True)
class Settings:
    """How a result is analysed.

    Attributes:
        background: The class that is ground; None where every class is an object.
        causes: The numbers in the rules of the causes.
        resamples: Of the bootstrap.
        permutations: Of the search for the worst slices.
        least: Objects that a slice needs in that search; None for the default.
        seed: Of all draws.
    """

    background: int | None = 0
    causes: CauseSettings = DEFAULTS
    resamples: int = 2000
    permutations: int = 1999
    least: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class ImageErrors:
    """What was counted in one image.

    Attributes:
        stem: File name without suffix.
        dice: Object Dice (`mmseg_ext.evaluation.errors.slices`), 0–1; 1 where neither mask has an object.
        wrong: Wrong pixels.
        causes: Confusion counts by cause, shape (C, K, K).
        view: What became of its objects.
        borders: How well its borders fit.
        histogram: Of `confidence_histogram`, or None without probabilities.
        confidence: Of `mask_confidence`, NaN without probabilities.
        suspicion: Of its mask, or None without probabilities.
    """

    stem: str
    dice: float
    wrong: int
    causes: NDArray[np.int64]
    view: ObjectView
    borders: BorderFit
    histogram: NDArray[np.float64] | None
    confidence: float
    suspicion: Suspicion | None


@dataclass(frozen=True)
class Analysis:
    """The errors of a result.

    Attributes:
        result: What was analysed.
        settings: How.
        band: Width of the boundary band in pixels, of the most frequent image size.
        radius: Of the opening, likewise.
        images: One entry an image, in the order of the records.
        samples: All objects.
        repairs: One a cause.
        slices: With their scores.
        search: The worst slices.
        worst: The scores of its slices.
    """

    result: ResultDir
    settings: Settings
    band: float
    radius: int
    images: list[ImageErrors]
    samples: list[ObjectSample]
    repairs: list[Repair]
    slices: list[tuple[Slice, SliceScore]]
    search: Search
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
        """The classes that have objects."""
        names = self.result.records.classes
        return [index for index in range(len(names)) if index != self.settings.background]


def find_background(names: tuple[str, ...], name: str | None) -> int | None:
    """The class that is ground: by name, the first one for None, and none at all for ``none``.

    Raises:
        InputError: There is no such class.
    """
    if name is None:
        return 0
    if name in names:
        return names.index(name)
    if name == 'none':
        return None
    raise InputError(f'--background {name}: must be none or one of the classes {", ".join(names)}')


def analyze(result: ResultDir, settings: Settings) -> Analysis:
    """Analyse a result.

    Raises:
        InputError: A file of the result or of its data cannot be used.
    """
    images: list[ImageErrors] = []
    samples: list[ObjectSample] = []
    sizes: Counter[tuple[int, ...]] = Counter()
    for number, case in enumerate(track(result, 'images', len(result))):
        images.append(
            _examine(case, result, settings, object_dice(result.records.confusion[number], settings.background))
        )
        samples += _samples(case, number, result, settings)
        sizes[case.truth.shape] += 1
    options = {'resamples': settings.resamples, 'seed': settings.seed}
    causes = np.stack([image.causes for image in images])
    slices = make_slices(samples, result.classes.names) if samples else []
    search = _search(slices, samples, settings)

    def scored(chosen: Iterable[Slice]) -> list[SliceScore]:
        background = settings.background
        return [score_slice(one, samples, len(images), background=background, **options) for one in chosen]

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
        worst=scored(one.slice for one in search.worst),
    )


def _examine(case: Case, result: ResultDir, settings: Settings, dice: float) -> ImageErrors:
    K, ignored = len(result.classes.names), result.classes.ignore_index
    ground, truth, prediction = settings.background, case.truth, case.prediction
    causes = cause_map(prediction, truth, background=ground, ignore_index=ignored, settings=settings.causes)
    band, _ = settings.causes.for_size(truth.shape)
    chances, histogram, confidence, suspicion = case.probabilities, None, float('nan'), None
    if chances is not None:
        histogram = confidence_histogram(chances, truth, ignored)
        confidence = mask_confidence(chances, prediction, ground)
        suspicion = None if ground is None else suspect_label(truth, chances, ground, ignored)
    return ImageErrors(
        stem=case.stem,
        dice=dice,
        wrong=int((causes > 0).sum()),
        causes=cause_counts(causes, prediction, truth, K),
        view=view_objects(prediction, truth, K, background=ground, ignore_index=ignored),
        borders=fit_borders(prediction, truth, K, tolerance=band, ignore_index=ignored),
        histogram=histogram,
        confidence=confidence,
        suspicion=suspicion,
    )


def object_dice(confusion: NDArray[np.int64], background: int | None) -> float:
    """2 Σ TP / Σ (true + predicted) over the object classes, 0–1; 1 where there is none in either mask."""
    kept = [index for index in range(len(confusion)) if index != background]
    whole = int((confusion.sum(0) + confusion.sum(1))[kept].sum())
    return 2 * int(np.diagonal(confusion)[kept].sum()) / whole if whole else 1.0


def _samples(case: Case, number: int, result: ResultDir, settings: Settings) -> list[ObjectSample]:
    return measure_image(
        case.prediction,
        case.truth,
        case.luma,
        len(result.classes.names),
        image=number,
        background=settings.background,
        ignore_index=result.classes.ignore_index,
        settings=settings.causes,
    )


def _search(slices: list[Slice], samples: list[ObjectSample], settings: Settings) -> Search:
    if not samples:
        return Search([], 0, settings.least or 0)
    return search_worst(
        slices,
        dice_parts(samples, settings.background),
        np.array([sample.image for sample in samples]),
        least=settings.least,
        permutations=settings.permutations,
        seed=settings.seed,
    )
