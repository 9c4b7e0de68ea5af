"""Page and LabelMe queue of a label ranking: the masks that models contradict most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.converters.labelme.suggestions import write_label_list, write_suggestion
from mmseg_ext.data.dataset import DataSet
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask
from mmseg_ext.eda.audit.findings import counted
from mmseg_ext.files import make_folder, write_text
from mmseg_ext.reports.bar_chart import Bar, BarChart
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
    counts = _kinds(rows)
    write_gallery(
        out / 'ranking.html',
        title='Which masks are wrong?',
        conclusions=conclude_ranking(rows, score),
        intro=[
            f'These masks differ most, by {score}, from the predictions of models that were not trained on them. '
            'Scores run from 0 to 1; 1 means that mask and models agree.',
            f"Disagreement – {DIFFERENCE_LEGEND}. The first mask is the ranked one; the second is the models' mask.",
        ],
        chart=BarChart('Probable errors by kind', [Bar(kind, count, str(count)) for kind, count in counts]),
        cards_title='Masks, most suspicious first',
        tables=[Table('Probable errors', ('kind', 'masks'), counts)],
        cards=_cards(rows, data, labels, split, out),
        tag_label='kind',
    )


def conclude_ranking(rows: Sequence[Mapping[str, Any]], score: str) -> list[str]:
    """Return in two or three sentences which masks are suspicious, why, and what to do with them.

    Args:
        rows: The rows on the page, the most suspicious first: ``stem``, ``kind``, and the score.
        score: Its name.
    """
    if not rows:
        return ['No masks were ranked.']
    first, last = rows[0], rows[-1]
    scores = f'"{first["stem"]}" is the most suspicious: {score} {first[score]:.2f}'
    if len(rows) > 1:
        scores += f'; the last of the {len(rows)} on this page has {last[score]:.2f}'
    kinds = [(kind, count) for kind, count in _kinds(rows) if kind != 'none']
    if not kinds:
        why = 'Confident models contradict none of them.'
    else:
        most = [f'"{kind}"' for kind, count in kinds if count == kinds[0][1]]
        error, each = ('errors are', ' each') if len(most) > 1 else ('error is', '')
        share = f'{kinds[0][1]} of {counted(len(rows), "mask")}{each}'
        why = f'The most frequent probable {error} {" and ".join(most)}: {share}.'
    return [
        f'{scores}.',
        why,
        'Correct them from the top until masks look right: queue.txt lists them in this order, labelme/ has the files.',
    ]


def _kinds(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Count the masks by kind of error, the most frequent first."""
    counts = Counter(row['kind'] for row in rows)
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


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
