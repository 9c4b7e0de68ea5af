"""Page and LabelMe queue of a label ranking: the masks that models contradict most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.converters.labelme.suggestions import write_label_list, write_suggestion
from mmseg_ext.data.dataset import DataSet
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask
from mmseg_ext.files import make_folder, write_text
from mmseg_ext.reports.drawing import DIFFERENCE_LEGEND, difference, drawn_as, overlay
from mmseg_ext.reports.gallery import Card, Panel, Table, write_gallery


def write_ranking_outputs(
    rows: Sequence[Mapping[str, Any]], root: str | Path, labels: str, split: str, out: str | Path, score: str
) -> None:
    """Write ``ranking.html``, ``queue.txt`` and ``labelme/<split>/<stem>.json`` into the folder of a ranking.

    Existing LabelMe files are kept: somebody may have edited them.

    Args:
        rows: The first rows of the ranking.
        root: The data set.
        labels: The label set that was ranked.
        split: Its split.
        out: The folder, which holds the masks of the models as ``suggestions/<split>/<stem>.png``.
        score: The score by which the rows are ordered.

    Raises:
        InputError: A file cannot be read or written.
    """
    data, out = DataSet(root), Path(out)
    write_text(out / 'queue.txt', ''.join(f'{row["stem"]}\n' for row in rows))
    write_label_list(make_folder(out / 'labelme'), data.classes)
    kinds = sorted({row['kind'] for row in rows})
    counts = [(kind, sum(row['kind'] == kind for row in rows)) for kind in kinds]
    write_gallery(
        out / 'ranking.html',
        title='Which masks are wrong?',
        intro=[
            f'The {len(rows)} masks that differ most from the predictions of models that were not trained on them, '
            f'ordered by {score}. All scores are from 0 to 1; 1 means that mask and models agree.',
            f'Disagreement – {DIFFERENCE_LEGEND}. The first mask is the given one, the second that of the models.',
        ],
        tables=[Table('Probable errors', ('kind', 'masks'), counts)],
        cards=_cards(rows, data, labels, split, out),
        tag_label='kind',
    )


def _cards(rows: Sequence[Mapping[str, Any]], data: DataSet, labels: str, split: str, out: Path) -> Iterator[Card]:
    """Make the card of each row, and its LabelMe file, which takes the same masks."""
    classes = data.classes
    images, masks = data.split(split).images(), data.split(split, labels).masks()
    for row in rows:
        stem = row['stem']
        image, mask = read_image(images[stem]), read_mask(masks[stem])
        model = read_mask(out / 'suggestions' / split / f'{stem}.png')
        write_suggestion(out / 'labelme' / split, images[stem], mask, model, classes)
        yield Card(
            title=stem,
            panels=[
                Panel('image', image),
                Panel('mask', overlay(image, mask, classes.palette, **drawn_as(classes))),
                Panel('models', overlay(image, model, classes.palette, **drawn_as(classes))),
                Panel('disagreement', difference(mask, model, classes.palette, classes.background)),
            ],
            facts={key: value for key, value in row.items() if key not in ('stem', 'kind')},
            tags=[row['kind']],
        )
