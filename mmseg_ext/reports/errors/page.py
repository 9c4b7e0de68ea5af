"""The page of an error analysis: photograph, truth, prediction and the causes of the wrong pixels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.eda.table import Table as NumberTable
from mmseg_ext.evaluation.errors.analysis import Analysis, ImageErrors
from mmseg_ext.evaluation.errors.causes import CAUSES, cause_map
from mmseg_ext.evaluation.errors.features import FEATURES, ObjectSample
from mmseg_ext.evaluation.errors.result_dir import Case
from mmseg_ext.evaluation.errors.tables import error_tables
from mmseg_ext.reports.drawing import overlay
from mmseg_ext.reports.errors.figures import CAUSE_COLOURS
from mmseg_ext.reports.gallery import Card, Fact, Ordered, Panel, Table, write_gallery

SUSPECTED = 'mask suspected'
LINKS = {'causes': 'cause', 'slices': 'slice', 'worst': 'slice'}  # columns whose cells name galleries
GALLERY = 12
ESTIMATE = re.compile(r'([+-]?\d+(?:\.\d+)?)(?: \(.*\))?')


def write_errors_page(path: str | Path, analysis: Analysis, summary: Mapping[str, Any], top: int = GALLERY) -> None:
    """Write the page.

    Args:
        path: The HTML file.
        analysis: What it shows.
        summary: The same as numbers, of `summarize_errors`.
        top: Images in each of the galleries: best, worst, random, and those with most pixels of each cause.

    Raises:
        InputError: An image or mask cannot be read, or the page not be written.
    """
    tags = choose_galleries(analysis, top)
    write_gallery(
        path,
        title='Why does it fail?',
        intro=_intro(summary, len(tags)),
        legend=CAUSE_COLOURS,
        tables=[_page_table(name, table) for name, table in error_tables(summary).items()],
        cards=_cards(analysis, tags),
        tag_label='gallery',
    )


def choose_galleries(analysis: Analysis, top: int) -> dict[int, list[str]]:
    """Position of each image that the page shows → the galleries that it belongs to; the lowest object Dice first."""
    quality = np.array([image.dice for image in analysis.images])
    order = np.argsort(quality, kind='stable')
    galleries: dict[str, Sequence[int]] = {'worst': order[:top].tolist(), 'best': order[::-1][:top].tolist()}
    for number, cause in enumerate(CAUSES):
        pixels = np.array([int(image.causes[number].sum()) for image in analysis.images])
        galleries[cause] = [int(index) for index in np.argsort(-pixels, kind='stable')[:top] if pixels[index]]
    galleries[SUSPECTED] = [
        index
        for index, image in enumerate(analysis.images)
        if image.suspicion is not None and image.suspicion.is_suspect
    ]
    rng = np.random.default_rng(analysis.settings.seed)
    galleries['random'] = rng.choice(len(quality), min(top, len(quality)), replace=False).tolist()
    tags: defaultdict[int, list[str]] = defaultdict(list)
    for name, indices in galleries.items():
        for index in indices:
            tags[index].append(name)
    return {int(index): tags[index] for index in order if index in tags}


def _intro(summary: Mapping[str, Any], shown: int) -> list[str]:
    result, scores = summary['result'], summary['scores']
    settings = summary['settings']
    sentences = [
        f'{result["config"]}, split {result["split"]}, label set {result["labels"]}'
        f'{", test-time augmentation" if result["tta"] else ""}: mDice {scores["mDice"]["value"]:.2f}, object Dice '
        f'{scores["object_dice"]:.2f}, {scores["wrong_pixels"]:,} of {scores["pixels"]:,} pixels are wrong in '
        f'{result["images"]} images. The page shows {shown} of them.',
        'Every wrong pixel has one cause, told by a rule from the two masks (docs/error-analysis.md); the boundary '
        f'band is {settings["band"]:g} px wide, and thin is what an opening of radius {settings["radius"]} px removes. '
        'In the error map the true objects are grey on black, and the colours are:',
    ]
    if not result['probabilities']:
        sentences.insert(1, NO_PROBABILITIES)
    return sentences


NO_PROBABILITIES = (
    'The result holds no probabilities, so calibration, confidence and suspected masks are left out: '
    'write it with tools/test.py --probabilities to have them.'
)


def _page_table(name: str, table: NumberTable) -> Table:
    return Table(table.title, list(table.columns), _cells(table), LINKS.get(name), table.note)


def _cells(table: NumberTable) -> list[list[Any]]:
    """Numbers rounded as the table shows them, and those with an interval, in a form that the page can sort."""

    def cell(value: Any, places: int | None) -> Any:
        if isinstance(value, float) and places is not None:
            return round(value, places)
        number = ESTIMATE.fullmatch(value) if isinstance(value, str) else None
        return value if number is None else Ordered(number[0], float(number[1]))

    return [
        [cell(value, places) for value, places in zip(row, table.columns.values(), strict=True)] for row in table.rows
    ]


def _cards(analysis: Analysis, tags: Mapping[int, list[str]]) -> Iterator[Card]:
    samples: defaultdict[int, list[tuple[int, ObjectSample]]] = defaultdict(list)
    for place, sample in enumerate(analysis.samples):
        samples[sample.image].append((place, sample))
    names = {one.name: one.members for one, _ in analysis.slices}
    names |= {one.slice.name: one.slice.members for one in analysis.search.worst}
    for index, galleries in tags.items():
        places = [place for place, _ in samples[index]]
        yield Card(
            title=analysis.images[index].stem,
            panels=_panels(analysis, analysis.result.read(index)),
            facts=_facts(analysis.images[index], [sample for _, sample in samples[index]]),
            tags=galleries,
            groups=[name for name, members in names.items() if members[places].any()],
        )


def _panels(analysis: Analysis, case: Case) -> list[Panel]:
    classes, settings = analysis.result.classes, analysis.settings
    causes = cause_map(
        case.prediction,
        case.truth,
        background=settings.background,
        ignore_index=classes.ignore_index,
        settings=settings.causes,
    )
    is_object = case.truth != classes.ignore_index
    if settings.background is not None:
        is_object &= case.truth != settings.background
    covered = [
        overlay(case.image, mask, classes.palette, opacity=0.35, ignore_index=classes.ignore_index)
        for mask in (case.truth, case.prediction)
    ]
    return [
        Panel('photograph', case.image),
        Panel('truth', covered[0]),
        Panel('prediction', covered[1]),
        Panel('errors', error_picture(causes, is_object)),
    ]


def error_picture(causes: NDArray[np.uint8], is_object: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The causes in their colours, on the true objects in dark grey on black; RGB, shape (H, W, 3), uint8."""
    table = np.array([(0, 0, 0), *(CAUSE_COLOURS[name] for name in CAUSES)], np.uint8)
    picture = table[causes]
    picture[(causes == 0) & is_object] = 70
    return picture


def _facts(image: ImageErrors, samples: Sequence[ObjectSample]) -> dict[str, Fact]:
    pixels = dict(zip(CAUSES, image.causes.sum(axis=(1, 2)).tolist(), strict=True))
    largest = max(samples, key=lambda sample: sample.row.area, default=None)
    facts: dict[str, Fact] = {
        'object Dice %': round(100 * image.dice, 1),
        'confidence %': round(100 * image.confidence, 1),
        'wrong px': image.wrong,
        **{f'{cause} px': count for cause, count in pixels.items() if count},
        'objects': len(samples),
    }
    if largest is not None:
        facts |= {
            f'{feature.name} {feature.unit}'.rstrip(): float(f'{largest.values[feature.name]:.3g}')
            for feature in FEATURES
        }
    return facts
