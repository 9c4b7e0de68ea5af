"""Page of a cleaning: each changed mask before and after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import DataSet, Item, Key
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.eda.cleaning import CleaningReport, MaskChange
from mmseg_ext.reports.drawing import DIFFERENCE_LEGEND, difference, drawn_as, overlay_or_mask, read_or_none
from mmseg_ext.reports.gallery import Card, Fact, Panel, Table, write_gallery


def write_cleaning_page(
    path: str | Path,
    report: CleaningReport,
    root: str | Path,
    cleaned: str | Path,
    classes: Classes,
    max_masks: int = 1000,
) -> None:
    """Write the changed masks as a gallery, the largest changes first.

    Args:
        path: The HTML file.
        report: The changes.
        root: The data set, with the images and the source masks.
        cleaned: Folder of the cleaned label set.
        classes: Colours of the masks.
        max_masks: The number of masks that get a card.

    Raises:
        InputError: A mask cannot be read, or the page cannot be written.
    """
    files: defaultdict[Key, list[MaskChange]] = defaultdict(list)
    for entry in report.changes:
        files[entry.split, entry.stem].append(entry)
    largest_first = sorted(files, key=lambda key: (-sum(entry.change.pixels for entry in files[key]), key))
    shown = {key: files[key] for key in largest_first[:max_masks]}
    splits = [DataSet(root).split(split, report.labels) for split in {split for split, _ in shown}]
    items = {item.key: item for split in splits for item in split.scan()[0]}
    write_gallery(
        path,
        title=f'Cleaning of {report.labels}',
        intro=_intro(report, len(files), len(shown)),
        tables=[Table('Changes by rule', ['rule', 'masks', 'pixels'], report.totals())],
        cards=_cards(shown, items, Path(cleaned), classes),
        tag_label='rule',
    )


def _intro(report: CleaningReport, changed: int, shown: int) -> list[str]:
    sentences = [f'{changed} of {report.masks} masks were changed, the largest changes first.']
    if shown < changed:
        sentences.append(f'This page shows {shown} masks; {changed - shown} with smaller changes are left out.')
    sentences.append(f'Difference – {DIFFERENCE_LEGEND}. The first mask is the one before the cleaning.')
    return sentences


def _cards(
    files: Mapping[Key, Sequence[MaskChange]], items: Mapping[Key, Item], cleaned: Path, classes: Classes
) -> Iterator[Card]:
    for key, entries in files.items():
        source, image = items[key].mask, read_or_none(read_image, items[key].image)
        assert source is not None
        before, after = read_mask(source), read_mask(cleaned / key[0] / source.name)
        facts: dict[str, Fact] = {
            'changed pixels': int(np.count_nonzero(before != after)),
            'regions before': entries[0].change.regions_before,
            'regions after': entries[-1].change.regions_after,
        }
        yield Card(
            title=' / '.join(key),
            panels=[
                Panel('before', _covered(image, before, classes)),
                Panel('after', _covered(image, after, classes)),
                Panel('difference', difference(before, after, classes.palette, classes.background)),
            ],
            facts=facts,
            tags=sorted({entry.change.rule for entry in entries}),
            note='\n'.join(f'{entry.change.rule}: {entry.change.pixels} px' for entry in entries),
        )


def _covered(image: NDArray[np.uint8] | None, mask: Mask, classes: Classes) -> NDArray[np.uint8]:
    return overlay_or_mask(image, mask, classes.palette, **drawn_as(classes))
