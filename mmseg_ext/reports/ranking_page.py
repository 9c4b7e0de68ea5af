"""The page of a label ranking: photograph with mask, the models' mask, and where they disagree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask
from mmseg_ext.reports.drawing import DIFFERENCE_LEGEND, difference, overlay
from mmseg_ext.reports.gallery import Card, Panel, Table, write_gallery


def write_ranking_page(
    path: str | Path,
    rows: Sequence[Mapping[str, Any]],
    files: Mapping[str, tuple[Path, Path, Path]],
    classes: Classes,
    score: str,
) -> None:
    """Write the page.

    Args:
        path: The HTML file.
        rows: Of `mmseg_ext.workflows.rank.rank_labels`, those that the page shall show.
        files: Stem → photograph, doubted mask, the models' mask.
        classes: Names and palette.
        score: The score by which the rows are ordered.

    Raises:
        InputError: A file cannot be read, or the page not be written.
    """
    kinds = sorted({row['kind'] for row in rows})
    counts = [(kind, sum(row['kind'] == kind for row in rows)) for kind in kinds]
    write_gallery(
        path,
        title='Which masks are wrong?',
        intro=[
            f'The {len(rows)} masks that models which have not seen them contradict most, the most suspicious first. '
            f'Every score lies in 0–1, and 1 means that mask and models agree; they are ordered by {score}.',
            f'Disagreement – {DIFFERENCE_LEGEND}. The first mask is the given one, the second that of the models.',
        ],
        tables=[Table('What is probably wrong', ('kind', 'masks'), counts)],
        cards=_cards(rows, files, classes),
        tag_label='kind',
    )


def _cards(
    rows: Iterable[Mapping[str, Any]], files: Mapping[str, tuple[Path, Path, Path]], classes: Classes
) -> Iterator[Card]:
    for row in rows:
        image_path, mask_path, model_path = files[row['stem']]
        image = read_image(image_path)
        mask, model = read_mask(mask_path), read_mask(model_path)
        yield Card(
            title=row['stem'],
            panels=[
                Panel('photograph', image),
                Panel('mask', overlay(image, mask, classes.palette, ignore_index=classes.ignore_index)),
                Panel('models', overlay(image, model, classes.palette, ignore_index=classes.ignore_index)),
                Panel('disagreement', difference(mask, model, classes.palette)),
            ],
            facts={key: value for key, value in row.items() if key not in ('stem', 'kind')},
            tags=[row['kind']],
        )
