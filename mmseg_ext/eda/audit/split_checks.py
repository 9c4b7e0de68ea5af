"""Checks of values and colours that need several masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mmseg_ext.data import Item
from mmseg_ext.data.classes import FILE_NAME, unlike_most
from mmseg_ext.data.masks import Colour
from mmseg_ext.eda.audit.findings import Finding, make_hit
from mmseg_ext.eda.audit.item_checks import Task, make_findings, remap_command

MAX_NAMED_CLASSES = 10


def check_values(task: Task, items: Sequence[Item], present: Sequence[int]) -> list[Finding]:
    """Report masks of 0 and 255, and classes without a pixel, by split.

    Args:
        task: The data set, and the rules.
        items: All items of the audit.
        present: The values in the mask of each, bit v for value v; 0 without a mask.
    """
    findings: list[Finding] = []
    for split in dict.fromkeys(item.split.name for item in items):
        masks = [(item, bits) for item, bits in zip(items, present, strict=True) if bits and item.split.name == split]
        together = 0
        for _, bits in masks:
            together |= bits
        values = [value for value in range(256) if together >> value & 1]
        if task.classes.holds_0_255(values):
            message = (
                f'all masks of {split} hold only 0 and 255, and 255 is the ignored value, so nothing but '
                f'{task.classes.names[0]} is learnt; if 255 marks an object, run '
                f'{remap_command(task, "--map 0=0 255=1")}'
            )
            for item, bits in masks:
                if bits >> 255 & 1:
                    findings += make_findings(task.rules, item.key, [('values_0_255', make_hit(255, message))])
        elif masks and (absent := task.classes.absent(values)):
            named = ', '.join(f'{task.classes.names[value]} (class {value})' for value in absent[:MAX_NAMED_CLASSES])
            more = f' and {len(absent) - MAX_NAMED_CLASSES} more classes' if len(absent) > MAX_NAMED_CLASSES else ''
            hit = make_hit(len(absent), f'no mask of {split} shows {named}{more}')
            findings += make_findings(task.rules, (split, FILE_NAME), [('class_absent', hit)])
    return findings


def check_palettes(task: Task, items: Sequence[Item], used: Sequence[Mapping[int, Colour]]) -> list[Finding]:
    """Report masks whose palettes hold colours at other values than most masks of the label set do.

    Args:
        task: The data set, and the rules.
        items: All items of the audit.
        used: Value → colour of the mask of each (`Classes.used_colours`).
    """
    findings: list[Finding] = []
    for position, others in unlike_most(used).items():
        named = ', '.join(f'{value} has the colour of {other} in most masks' for value, other in others.items())
        message = (
            f'the palette holds colours at other indices than most masks do: {named}; add the colours to {FILE_NAME} '
            f'as palette:, then run {remap_command(task, "--by-palette")}'
        )
        hits = [('palette_mismatch', make_hit(len(others), message))]
        findings += make_findings(task.rules, items[position].key, hits)
    return findings
