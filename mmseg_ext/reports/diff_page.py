"""The difference of two label sets as a page: the most changed masks, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.dataset import IMAGE_SUFFIXES, MASK_SUFFIX, Key, list_stems
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask
from mmseg_ext.eda.diff import FileDiff, LabelDiff
from mmseg_ext.reports.drawing import DIFFERENCE_LEGEND, colourize, difference, overlay
from mmseg_ext.reports.gallery import Card, Panel, Table, write_gallery


def write_diff_page(path: str | Path, diff: LabelDiff, root: str | Path, limit: int = 300) -> None:
    """Write one card for each file that is not the same in both sets, sorted by changed pixels.

    Args:
        path: The HTML file.
        diff: What changed.
        root: The data set.
        limit: The largest number of cards.

    Raises:
        InputError: A photograph or mask cannot be read, or the page cannot be written.
    """
    differing = [file for file in diff.files if file.status != 'same']
    shown = sorted(differing, key=lambda file: -file.changed)[:limit]
    write_gallery(
        path,
        title=f'{diff.a} → {diff.b}',
        intro=_intro(diff, len(differing), len(shown)),
        tables=_tables(diff),
        cards=_cards(diff, shown, Path(root)),
        tag_label='change',
        sort_by='changed pixels' if shown else None,
    )


def _intro(diff: LabelDiff, differing: int, shown: int) -> list[str]:
    changed, pixels = sum(file.changed for file in diff.files), sum(file.pixels for file in diff.files)
    sentences = [
        f'{differing} of {len(diff.files)} masks differ; {changed:,} of {pixels:,} compared pixels have another class.',
        f'In the difference, {DIFFERENCE_LEGEND}.',
    ]
    if shown < differing:
        sentences.append(f'This page shows the {shown} most changed masks.')
    return sentences


def _tables(diff: LabelDiff) -> list[Table]:
    """Class flips over all files, and files by split and status."""
    flips = [[flip, count] for flip, count in diff.flips().items()]
    statuses = [status for status in ('same', 'changed', 'resized', 'added', 'removed') if _any(diff, status)]
    splits = sorted({file.split for file in diff.files})
    rows = [
        [split, *(sum((file.split, file.status) == (split, status) for file in diff.files) for status in statuses)]
        for split in splits
    ]
    return [
        Table('Files', ['split', *statuses], rows),
        *([Table('Pixels', ['change', 'pixels'], flips)] if flips else []),
    ]


def _any(diff: LabelDiff, status: str) -> bool:
    return any(file.status == status for file in diff.files)


def _cards(diff: LabelDiff, files: Sequence[FileDiff], root: Path) -> Iterator[Card]:
    folders = {split: root / 'img' / split for split in {file.split for file in files}}
    images = {split: list_stems(folder, IMAGE_SUFFIXES) if folder.is_dir() else {} for split, folder in folders.items()}
    for file in files:
        flips = diff.flips([file])
        values = sorted({value for flip in file.flips for value in flip})
        yield Card(
            title=f'{file.split} / {file.stem}',
            panels=_panels(diff, (file.split, file.stem), images[file.split].get(file.stem), root),
            facts={
                'changed pixels': file.changed if file.pixels else None,
                'share %': 100 * file.share if file.pixels else None,
                **{f'Δ {diff.name(value)}': file.gained(value) - file.lost(value) for value in values},
            },
            tags=[file.status] if file.status != 'changed' else list(flips),
            note='\n'.join(f'{flip}: {count}' for flip, count in flips.items()),
        )


def _panels(diff: LabelDiff, file: Key, image_path: Path | None, root: Path) -> list[Panel]:
    """The two masks over the photograph (or alone), and their difference."""
    classes = diff.classes
    image = None if image_path is None else read_image(image_path)
    masks = {}
    for name in (diff.a, diff.b):
        path = root / name / file[0] / (file[1] + MASK_SUFFIX)
        if path.is_file():
            masks[name] = read_mask(path)

    def covered(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if image is None or image.shape[:2] != mask.shape:
            return colourize(mask, classes.palette, classes.ignore_index)
        return overlay(image, mask, classes.palette, opacity=0.35, ignore_index=classes.ignore_index)

    panels = [Panel(name, covered(mask)) for name, mask in masks.items()]
    if len(masks) == 2 and masks[diff.a].shape == masks[diff.b].shape:
        panels.append(Panel('difference', difference(masks[diff.a], masks[diff.b], classes.palette)))
    return panels
