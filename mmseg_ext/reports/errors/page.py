"""Page of an error analysis: images with ground truth, prediction, and the causes of the wrong pixels."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.eda.audit.findings import counted
from mmseg_ext.eda.table import Table as NumberTable
from mmseg_ext.evaluation.errors.analysis import Analysis, ImageErrors
from mmseg_ext.evaluation.errors.causes import CAUSES, cause_map
from mmseg_ext.evaluation.errors.features import FEATURES, ObjectSample
from mmseg_ext.evaluation.errors.result_dir import Case
from mmseg_ext.evaluation.errors.tables import error_tables, text
from mmseg_ext.reports.bar_chart import Bar, BarChart
from mmseg_ext.reports.drawing import overlay
from mmseg_ext.reports.errors.charts import CAUSE_COLOURS
from mmseg_ext.reports.errors.conclusions import conclude, firm_interval, rank_causes
from mmseg_ext.reports.gallery import Card, Fact, Ordered, Panel, Table, write_gallery

SUSPECTED = 'mask suspected'
LINK_COLUMNS = {'causes': 'cause', 'slices': 'slice', 'worst': 'slice'}  # their cells name galleries
GALLERY_IMAGES = 12
ESTIMATE = re.compile(r'([+-]?\d+(?:\.\d+)?)(?: \(.*\))?')
NO_PROBABILITIES = (
    'The test saved no probabilities, so calibration, confidence and suspected masks are missing; '
    'mmseg-ext test --probabilities saves them.'
)


def write_errors_page(
    path: str | Path, analysis: Analysis, summary: Mapping[str, Any], top: int = GALLERY_IMAGES
) -> None:
    """Write the page.

    Args:
        path: The HTML file.
        analysis: The analysis.
        summary: Its numbers, of `summarize_errors`.
        top: Images in each gallery: best, worst, random, and those with most pixels of each cause.

    Raises:
        InputError: An image or mask cannot be read, or the page not be written.
    """
    tags = choose_galleries(analysis, top)
    write_gallery(
        path,
        title='Why does it fail?',
        conclusions=conclude(summary),
        intro=_intro(summary, len(tags)),
        chart=_chart(summary),
        legend=CAUSE_COLOURS,
        tables=[_page_table(name, table) for name, table in error_tables(summary).items()],
        cards=_cards(analysis, tags),
        cards_title='Images, lowest object Dice first',
        tag_label='gallery',
    )


def choose_galleries(analysis: Analysis, top: int) -> dict[int, list[str]]:
    """Return position of each image that the page shows → its galleries; the lowest object Dice first."""
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
    sentences = [
        f'{result["config"]}, split {result["split"]}, label set {result["labels"]}'
        f'{", test-time augmentation" if result["tta"] else ""}: mDice {text(scores["mDice"], 2)}, object Dice '
        f'{scores["object_dice"]:.2f}; {scores["wrong_pixels"]:,} of {scores["pixels"]:,} pixels are wrong. '
        f'This page shows {shown} of {counted(result["images"], "image")}.',
    ]
    return sentences if result['probabilities'] else [*sentences, NO_PROBABILITIES]


def _chart(summary: Mapping[str, Any]) -> BarChart:
    settings, images = summary['settings'], summary['result']['images']
    bars = []
    for cause in rank_causes(summary):
        gain, share = cause['gain'], cause['share']['value']
        interval = firm_interval(gain, images, 2)
        known = '–' if gain['value'] is None else f'+{gain["value"]:.2f}{interval}'
        low, high = (gain['low'], gain['high']) if interval else (None, None)
        words = f'{known} · {share:.1f} % of the wrong pixels'
        bars.append(Bar(cause['cause'], gain['value'], words, low, high, CAUSE_COLOURS[cause['cause']]))
    return BarChart(
        'What correcting each cause would gain, in points of mDice',
        bars,
        'Rules assign each wrong pixel one cause, from the two masks (docs/error-analysis.md). The boundary band is '
        f'{settings["band"]:g} px wide; thin parts are those that an opening of radius {settings["radius"]} px '
        'removes. In the error maps below, true objects are grey and causes have these colours.',
    )


def _page_table(name: str, table: NumberTable) -> Table:
    return Table(table.title, list(table.columns), _cells(table), LINK_COLUMNS.get(name), table.note)


def _cells(table: NumberTable) -> list[list[Any]]:
    """Format numbers with the decimals of their column, and make estimates with an interval sortable."""

    def cell(value: Any, places: int | None) -> Any:
        if isinstance(value, float) and places is not None:
            return Ordered(f'{value:.{places}f}', round(value, places))
        number = ESTIMATE.fullmatch(value) if isinstance(value, str) else None
        return value if number is None else Ordered(number[0], float(number[1]))

    return [
        [cell(value, places) for value, places in zip(row, table.columns.values(), strict=True)] for row in table.rows
    ]


def _cards(analysis: Analysis, tags: Mapping[int, list[str]]) -> Iterator[Card]:
    samples: defaultdict[int, list[tuple[int, ObjectSample]]] = defaultdict(list)
    for place, sample in enumerate(analysis.samples):
        samples[sample.image].append((place, sample))
    members = {piece.name: piece.members for piece, _ in analysis.slices}
    members |= {worst.slice.name: worst.slice.members for worst in analysis.search.worst}
    for index, galleries in tags.items():
        places = [place for place, _ in samples[index]]
        yield Card(
            title=analysis.images[index].stem,
            panels=_panels(analysis, analysis.result.read(index)),
            facts=_facts(analysis.images[index], [sample for _, sample in samples[index]]),
            tags=galleries,
            groups=[name for name, is_member in members.items() if is_member[places].any()],
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
        overlay(
            case.image,
            mask,
            classes.palette,
            opacity=0.35,
            ignore_index=classes.ignore_index,
            background=settings.background,
        )
        for mask in (case.truth, case.prediction)
    ]
    return [
        Panel('image', case.image),
        Panel('ground truth', covered[0]),
        Panel('prediction', covered[1]),
        Panel('errors', draw_causes(causes, is_object)),
    ]


def draw_causes(causes: NDArray[np.uint8], is_object: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw causes in their colours over the true objects in dark grey on black.

    Args:
        causes: Of `cause_map`: 0, or 1 + position in `CAUSES`; shape (H, W), uint8.
        is_object: Where the true objects are, shape (H, W).

    Returns:
        RGB, shape (H, W, 3), uint8.
    """
    table = np.array([(0, 0, 0), *(CAUSE_COLOURS[name] for name in CAUSES)], np.uint8)
    drawn = table[causes]
    drawn[(causes == 0) & is_object] = 70
    return drawn


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
