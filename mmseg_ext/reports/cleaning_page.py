"""A cleaning as a page: each changed mask before and after, and what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, MASK_SUFFIX
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.eda.cleaning import CleaningReport, MaskChange
from mmseg_ext.errors import InputError
from mmseg_ext.reports.drawing import DIFFERENCE_LEGEND, colourize, difference, overlay
from mmseg_ext.reports.gallery import Card, Fact, Panel, Table, write_gallery

File = tuple[str, str]  # split and stem


def write_cleaning_page(
    path: str | Path,
    report: CleaningReport,
    root: str | Path,
    cleaned: str | Path,
    classes: Classes,
    limit: int = 1000,
) -> None:
    """Write the changed masks as a gallery, the largest changes first.

    Args:
        path: The HTML file.
        report: What was changed.
        root: The data set, with the photographs and the source masks.
        cleaned: Folder of the cleaned label set.
        classes: Colours of the masks.
        limit: The largest number of masks that get a card.

    Raises:
        InputError: A mask cannot be read, or the page cannot be written.
    """
    files: defaultdict[File, list[MaskChange]] = defaultdict(list)
    for entry in report.changes:
        files[entry.split, entry.stem].append(entry)
    largest_first = sorted(files, key=lambda file: (-_pixels(files[file]), file))
    shown = {file: files[file] for file in largest_first[:limit]}
    write_gallery(
        path,
        title=f'Cleaning of {report.labels}',
        intro=_intro(report, len(files), len(shown)),
        tables=[Table('Changes by rule', ['rule', 'masks', 'pixels'], report.totals())],
        cards=_cards(report, Path(root), Path(cleaned), classes, shown),
        tag_label='rule',
    )


def _pixels(entries: Sequence[MaskChange]) -> int:
    return sum(entry.change.pixels for entry in entries)


def _intro(report: CleaningReport, changed: int, shown: int) -> list[str]:
    sentences = [f'Masks: {report.masks}. Changed: {changed}. The largest changes come first.']
    if shown < changed:
        sentences.append(f'This page shows {shown} masks; {changed - shown} with smaller changes are left out.')
    sentences.append(f'In the difference, {DIFFERENCE_LEGEND}; the first mask is the one before.')
    return sentences


def _cards(
    report: CleaningReport, root: Path, cleaned: Path, classes: Classes, files: Mapping[File, Sequence[MaskChange]]
) -> Iterator[Card]:
    for (split, stem), entries in files.items():
        before = read_mask(root / report.labels / split / (stem + MASK_SUFFIX))
        after = read_mask(cleaned / split / (stem + MASK_SUFFIX))
        facts: dict[str, Fact] = {
            'changed pixels': int(np.count_nonzero(before != after)),
            'regions before': entries[0].change.regions_before,
            'regions after': entries[-1].change.regions_after,
        }
        yield Card(
            title=f'{split} / {stem}',
            panels=[
                Panel('before', _picture(root / 'img' / split, stem, before, classes)),
                Panel('after', _picture(root / 'img' / split, stem, after, classes)),
                Panel('difference', difference(before, after, classes.palette)),
            ],
            facts=facts,
            tags=sorted({entry.change.rule for entry in entries}),
            note='\n'.join(f'{entry.change.rule}: {entry.change.pixels} px' for entry in entries),
        )


def _picture(folder: Path, stem: str, mask: Mask, classes: Classes) -> np.ndarray:
    """The mask over its photograph, or alone where there is no photograph of its size."""
    paths = (folder / (stem + suffix) for suffix in IMAGE_SUFFIXES)
    path = next((path for path in paths if path.is_file()), None)
    try:
        image = None if path is None else read_image(path)
    except InputError:
        image = None
    if image is None or image.shape[:2] != mask.shape:
        return colourize(mask, classes.palette, classes.ignore_index)
    return overlay(image, mask, classes.palette, ignore_index=classes.ignore_index)
