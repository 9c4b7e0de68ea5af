"""Page of a cleaning: each changed mask before and after."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import DataSet, Item, Key
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.eda.audit.findings import counted
from mmseg_ext.eda.cleaning import CleaningReport, MaskChange
from mmseg_ext.reports.bar_chart import Bar, BarChart
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
        conclusions=conclude_cleaning(report),
        intro=_intro(len(files), len(shown)),
        chart=_chart(report),
        cards_title='Masks, largest changes first',
        tables=[Table('Changes by rule', ['rule', 'masks', 'pixels'], report.totals())],
        cards=_cards(shown, items, Path(cleaned), classes),
        tag_label='rule',
    )


def conclude_cleaning(report: CleaningReport) -> list[str]:
    """Return in two or three sentences how many masks were changed, by which rules, and which one most."""
    changed: Counter[Key] = Counter()
    for entry in report.changes:
        changed[entry.split, entry.stem] += entry.change.pixels
    if not changed:
        return [f'Nothing to clean: no rule applies to any of the {counted(report.masks, "mask")}.']
    (largest, largest_pixels), *_ = changed.most_common(1)
    rules = _rules(report)
    first = [(rule, masks) for rule, masks, pixels in rules if pixels == rules[0][2]]
    names = ' and '.join(f'"{rule}" ({counted(masks, "mask")})' for rule, masks in first)
    each = ' each' if len(first) > 1 else ''
    rule_changed = 'The rule that changed the most is' if len(first) == 1 else 'The rules that changed the most are'
    frequent = f'{rule_changed} {names}, {rules[0][2]:,} px{each}'
    if len(rules) > len(first):
        rule, masks, next_pixels = rules[len(first)]
        frequent += f'; next is "{rule}" ({counted(masks, "mask")}), {next_pixels:,} px'
    verb = 'was' if len(changed) == 1 else 'were'
    return [
        f'{len(changed)} of {counted(report.masks, "mask")} {verb} changed, {changed.total():,} px.',
        f'{frequent}.',
        f'Look at the largest changes first, starting with {" / ".join(largest)} ({largest_pixels:,} px).',
    ]


def _chart(report: CleaningReport) -> BarChart:
    bars = [Bar(rule, pixels, f'{pixels:,} px in {counted(masks, "mask")}') for rule, masks, pixels in _rules(report)]
    return BarChart('Changed pixels by rule', bars)


def _rules(report: CleaningReport) -> list[tuple[str, int, int]]:
    """Return the rules that changed anything, with masks and pixels, most pixels first."""
    return sorted((total for total in report.totals() if total[1]), key=lambda total: (-total[2], -total[1]))


def _intro(changed: int, shown: int) -> list[str]:
    if not changed:
        return []
    sentences = [f'Difference – {DIFFERENCE_LEGEND}. The first mask is the one before cleaning.']
    if shown < changed:
        sentences.insert(0, f'This page shows the {shown} most changed of {changed} masks.')
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
