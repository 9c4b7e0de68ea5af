"""What a person takes up after a label ranking: the page and the LabelMe queue of the most suspicious masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.converters.labelme.suggestions import write_label_list, write_suggestion
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, list_stems
from mmseg_ext.data.masks import read_mask
from mmseg_ext.files import make_folder, write_text
from mmseg_ext.reports.ranking_page import write_ranking_page


def write_ranking_outputs(
    rows: Sequence[Mapping[str, Any]],
    root: str | Path,
    labels: str,
    split: str,
    out: str | Path,
    score: str,
) -> None:
    """Write ``ranking.html``, ``queue.txt`` and ``labelme/<split>/<stem>.json`` into the folder of a ranking.

    LabelMe files that are there stay as they are: somebody may have worked on them.

    Args:
        rows: The first rows of the ranking.
        root: The data set.
        labels: The label set that was ranked.
        split: Its split.
        out: The folder, which holds ``suggestions/<split>/<stem>.png``.
        score: By which score the rows are ordered.

    Raises:
        InputError: A file cannot be read or written.
    """
    root, out = Path(root), Path(out)
    classes = Classes.read(root)
    images = list_stems(root / 'img' / split, IMAGE_SUFFIXES)
    files = {
        stem: (images[stem], root / labels / split / f'{stem}.png', out / 'suggestions' / split / f'{stem}.png')
        for stem in (row['stem'] for row in rows)
    }
    write_text(out / 'queue.txt', ''.join(f'{stem}\n' for stem in files))
    write_label_list(make_folder(out / 'labelme'), classes)
    for image, mask, model in files.values():
        write_suggestion(out / 'labelme' / split, image, read_mask(mask), read_mask(model), classes)
    write_ranking_page(out / 'ranking.html', rows, files, classes, score)
