"""Page of the difference of two label sets: the most changed masks side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mmseg_ext.data.dataset import DataSet, Key
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask
from mmseg_ext.eda.audit.findings import counted
from mmseg_ext.eda.diff import STATUSES, FileDiff, LabelDiff
from mmseg_ext.reports.bar_chart import Bar, BarChart
from mmseg_ext.reports.drawing import DIFFERENCE_LEGEND, difference, drawn_as, overlay_or_mask, read_or_none
from mmseg_ext.reports.gallery import Card, Panel, Table, write_gallery

MAX_BARS = 10


def write_diff_page(path: str | Path, diff: LabelDiff, root: str | Path, max_masks: int = 300) -> None:
    """Write one card for each mask that differs between the sets, sorted by changed pixels.

    Args:
        path: The HTML file.
        diff: The difference.
        root: The data set.
        max_masks: The number of masks that get a card.

    Raises:
        InputError: The page cannot be written.
    """
    differing = [file for file in diff.files if file.status != 'same']
    shown = sorted(differing, key=lambda file: -file.changed)[:max_masks]
    write_gallery(
        path,
        title=f'{diff.a} → {diff.b}',
        conclusions=conclude_diff(diff),
        intro=_intro(len(differing), len(shown)),
        chart=_chart(diff),
        cards_title='Masks that differ, most changed first',
        tables=_tables(diff),
        cards=_cards(diff, shown, DataSet(root)),
        tag_label='change',
        sort_by='changed pixels' if shown else None,
    )


def conclude_diff(diff: LabelDiff) -> list[str]:
    """Return in a few sentences how much two label sets differ, in which classes, and in how few masks."""
    changed = sorted((file.changed for file in diff.files), reverse=True)
    total, pixels = sum(changed), sum(file.pixels for file in diff.files)
    unreadable = diff.count('unreadable')
    differing = len(diff.files) - diff.count('same') - unreadable
    lost = f'{counted(unreadable, "mask")} cannot be read.'
    if not differing:
        equal = f'{diff.a} and {diff.b} are identical in every pixel of {counted(diff.count("same"), "mask")}.'
        return [*([equal] if diff.count('same') else []), *([lost] if unreadable else [])]
    alone = [f'{diff.count(status)} {status}' for status in ('resized', 'added', 'removed') if diff.count(status)]
    verb = 'differs' if differing == 1 else 'differ'
    sentences = [
        f'{differing} of {counted(len(diff.files), "mask")} {verb}' + (f' ({", ".join(alone)})' if alone else '') + '.'
    ]
    if unreadable:
        sentences.append(lost)
    if total:
        flips = list(diff.flips().items())
        most = [f'"{flip}"' for flip, count in flips if count == flips[0][1]]
        change, each = ('changes are', ' each') if len(most) > 1 else ('change is', '')
        half = next(number for number in range(1, len(changed) + 1) if 2 * sum(changed[:number]) >= total)
        sentences += [
            f'{total:,} of {pixels:,} compared pixels have a different class ({100 * total / pixels:.2f} %); the most '
            f'common {change} {" and ".join(most)} ({100 * flips[0][1] / total:.0f} %{each}).',
            f'{counted(half, "mask")} {"holds" if half == 1 else "hold"} at least half of these pixels.',
        ]
    return sentences


def _chart(diff: LabelDiff) -> BarChart:
    flips = list(diff.flips().items())
    bars = [Bar(flip, count, f'{count:,} px') for flip, count in flips[:MAX_BARS]]
    left_out = len(flips) - len(bars)
    note = f'{counted(left_out, "rarer change")} {"is" if left_out == 1 else "are"} in the table.' if left_out else ''
    return BarChart('Pixels by class change', bars, note)


def _intro(differing: int, shown: int) -> list[str]:
    sentences = [f'Difference – {DIFFERENCE_LEGEND}.'] if differing else []
    if shown < differing:
        sentences.insert(0, f'This page shows the {shown} most changed of {differing} masks.')
    return sentences


def _tables(diff: LabelDiff) -> list[Table]:
    """Count the files by split and status, and the pixels by change of class."""
    flips = [[flip, count] for flip, count in diff.flips().items()]
    statuses = [status for status in STATUSES if diff.count(status)]
    splits = sorted({file.split for file in diff.files})
    rows = [
        [split, *(sum((file.split, file.status) == (split, status) for file in diff.files) for status in statuses)]
        for split in splits
    ]
    return [
        Table('Files', ['split', *statuses], rows),
        *([Table('Pixels', ['change', 'pixels'], flips)] if flips else []),
    ]


def _cards(diff: LabelDiff, files: Sequence[FileDiff], data: DataSet) -> Iterator[Card]:
    images = {split: data.split(split).images() for split in {file.split for file in files}}
    for file in files:
        flips = diff.flips([file])
        values = sorted({value for flip in file.flips for value in flip})
        yield Card(
            title=f'{file.split} / {file.stem}',
            panels=_panels(diff, (file.split, file.stem), images[file.split].get(file.stem), data),
            facts={
                'changed pixels': file.changed if file.pixels else None,
                'share %': 100 * file.share if file.pixels else None,
                **{f'Δ {diff.name(value)}': file.gained(value) - file.lost(value) for value in values},
            },
            tags=[file.status] if file.status != 'changed' else list(flips),
            note=file.problem or '\n'.join(f'{flip}: {count}' for flip, count in flips.items()),
        )


def _panels(diff: LabelDiff, key: Key, image_path: Path | None, data: DataSet) -> list[Panel]:
    """Show the two masks over the image (or alone), and their difference."""
    classes = diff.classes
    image = read_or_none(read_image, image_path)
    paths = {name: data.label_set(name).path(*key) for name in (diff.a, diff.b)}
    found = {name: read_or_none(read_mask, path) for name, path in paths.items()}
    masks = {name: mask for name, mask in found.items() if mask is not None}
    panels = [
        Panel(name, overlay_or_mask(image, mask, classes.palette, opacity=0.35, **drawn_as(classes)))
        for name, mask in masks.items()
    ]
    if len(masks) == 2 and masks[diff.a].shape == masks[diff.b].shape:
        panels.append(
            Panel('difference', difference(masks[diff.a], masks[diff.b], classes.palette, classes.background))
        )
    return panels
