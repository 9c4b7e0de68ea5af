"""Page of an audit: each file with findings, with its mask over the image and the places of the findings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import Item, Key
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask
from mmseg_ext.eda.audit import SEVERITIES, Audit, Finding
from mmseg_ext.eda.audit.findings import Severity, counted
from mmseg_ext.reports.bar_chart import Bar, BarChart
from mmseg_ext.reports.drawing import Colour, colourize, draw_boxes, drawn_as, overlay, read_or_none
from mmseg_ext.reports.gallery import Card, Fact, Ordered, Panel, Table, write_gallery

FRAME: Colour = (255, 221, 0)
MEANINGS = {'error': 'with errors (to be fixed before training)', 'warning': 'with warnings (probably wrong)',
            'info': 'with info only (worth a look)'}  # fmt: skip
SEVERITY_COLOURS: dict[str, Colour] = {'error': (213, 94, 0), 'warning': (230, 159, 0), 'info': (86, 180, 233)}
REMEDIES = {  # as in docs/audit.md
    'unpaired_image': 'draw the mask, or remove the image',
    'unpaired_mask': 'find the image, or remove the mask',
    'unlabelled_split': 'draw its masks, or rename the split',
    'ambiguous_stem': 'keep one of the two files',
    'stray_file': 'move it elsewhere',
    'nested_folder': 'move the files up, or make it a split',
    'unread_format': 'convert it',
    'exif_orientation': 'check that the mask fits the image as displayed',
    'near_black': 'if these are 12-bit values stored in 16 bits, multiply them by 16',
    'unreadable': 'copy or export the file again',
    'damaged_image': 'inspect the image and copy the file again',
    'size_mismatch': 'export the mask again at the size of its image',
    'invalid_class': 'remap the ids, or add the class to dataset.yaml',
    'values_0_255': 'write 1 for 255 (mmseg-ext remap --map 0=0 255=1)',
    'palette_mismatch': 'run mmseg-ext remap --by-palette, or correct the colours in dataset.yaml',
    'ignored_everywhere': 'draw the mask, or remove the image',
    'class_absent': 'add images that show the classes, or remove the classes from dataset.yaml',
    'empty_mask': 'draw the object, unless the image has none',
    'full_mask': 'check whether foreground and background are swapped',
    'tiny_object': 'finish the abandoned mask, or remove the stray click',
    'fragments': 'join the pieces, remove the scraps',
    'noise': 'remove the specks, as mmseg-ext clean does',
    'elongated': 'remove slivers, unless they are tails or leashes',
    'holes': 'fill the object',
    'pinholes': 'fill them, as mmseg-ext clean does',
    'mixed_region': 'choose one class',
    'border_gap': "extend the mask to the image's border, or move it back into place",
    'staircase': 'draw or export the mask at full resolution',
    'coarse_polygon': "follow the object's outline",
    'straight_edge': 'check whether half of the object was forgotten',
    'overlap': 'choose one label for the pixels',
    'covered_shape': 'move the small shape to the end of the list',
    'duplicate_image': 'keep one of the two images',
    'split_leak': 'keep one of the two images; otherwise the score measures memory',
    'conflicting_masks': 'keep the better mask',
}


def write_audit_page(path: str | Path, result: Audit, max_files: int = 1000) -> None:
    """Write the findings as a gallery with one card per file, the most severe first.

    Args:
        path: The HTML file.
        result: The audit.
        max_files: The number of files that get a card.

    Raises:
        InputError: The page cannot be written.
    """
    files: defaultdict[Key, list[Finding]] = defaultdict(list)
    for finding in result.findings:
        files[finding.split, finding.stem].append(finding)
    worst_first = sorted(files, key=lambda key: (_worst(files[key]), -len(files[key]), key))
    shown = {key: files[key] for key in worst_first[:max_files]}
    write_gallery(
        path,
        title=f'Audit of {result.labels}',
        conclusions=conclude_audit(result),
        intro=_intro(len(files), len(shown)),
        chart=_chart(result),
        cards_title='Files, most severe first',
        tables=[_findings_by_check(result)] if result.findings else [],
        cards=_cards(shown, result.items, result.classes),
    )


def conclude_audit(result: Audit) -> list[str]:
    """Return what an audit found in two to four sentences: how many files, which checks, what to do first."""
    looked_at = f'{counted(result.images, "image")} and {counted(result.masks, "mask")}'
    sentences = [f'No findings in {looked_at}.']
    if result.findings:
        sentences = [_count_files(result, looked_at), *_leading_checks(result)]
    if result.unlabelled:
        count = 'split has' if len(result.unlabelled) == 1 else 'splits have'
        sentences.append(
            f'{len(result.unlabelled)} {count} no masks in {result.labels}, so only images were audited there: '
            f'{", ".join(result.unlabelled)}.'
        )
    return sentences


def _count_files(result: Audit, looked_at: str) -> str:
    """Count the files by the worst severity of their findings."""
    worst: dict[Key, int] = {}
    for finding in result.findings:
        key, rank = (finding.split, finding.stem), SEVERITIES.index(finding.severity)
        worst[key] = min(rank, worst.get(key, rank))
    files = Counter(SEVERITIES[rank] for rank in worst.values())
    parts = ', '.join(f'{files[severity]} {MEANINGS[severity]}' for severity in SEVERITIES if files[severity])
    verb = 'has' if len(worst) == 1 else 'have'
    return f'{counted(len(worst), "file")} {verb} findings, out of {looked_at}: {parts}.'


def _leading_checks(result: Audit) -> list[str]:
    """Name the most frequent check, and the one to begin with: the most frequent of the worst severity."""
    ranked = _files_by_check(result)
    most = ranked[0][2]
    first = [f'"{check}"' for check, _, files in ranked if files == most]
    others = [(check, files) for check, _, files in ranked if files < most]
    if len(first) > 1:
        frequent = (
            f'The most frequent checks are {", ".join(first[:-1])} and {first[-1]}, in {counted(most, "file")} each'
        )
    else:
        frequent = f'The most frequent check is {first[0]}, in {counted(most, "file")}'
    if others:
        frequent += f'; next is "{others[0][0]}", in {others[0][1]}'
    check, severity, files = min(ranked, key=lambda entry: (SEVERITIES.index(entry[1]), -entry[2]))
    remedy = REMEDIES.get(check, 'see docs/audit.md')
    kind = 'info finding' if severity == 'info' else severity
    return [f'{frequent}.', f'Start with the most frequent {kind}, "{check}" in {counted(files, "file")}: {remedy}.']


def _files_by_check(result: Audit) -> list[tuple[str, Severity, int]]:
    """Return check, its worst severity and its number of files, the most frequent first."""
    files: defaultdict[str, set[Key]] = defaultdict(set)
    ranks: dict[str, int] = {}
    for finding in result.findings:
        files[finding.check].add((finding.split, finding.stem))
        rank = SEVERITIES.index(finding.severity)
        ranks[finding.check] = min(rank, ranks.get(finding.check, rank))
    order = sorted(files, key=lambda check: (-len(files[check]), ranks[check], check))
    return [(check, SEVERITIES[ranks[check]], len(files[check])) for check in order]


def _chart(result: Audit) -> BarChart:
    bars = [
        Bar(check, files, f'{files} · {severity}', colour=SEVERITY_COLOURS[severity])
        for check, severity, files in _files_by_check(result)
    ]
    return BarChart('Files by check', bars, 'Click a check to see its files.')


def _intro(files: int, shown: int) -> list[str]:
    if not files:
        return []
    sentences = ['Yellow frames mark the findings. Click an image to enlarge it.']
    if shown < files:
        sentences.insert(0, f'This page shows the {shown} most severe of {files} files.')
    return sentences


def _worst(findings: Sequence[Finding]) -> int:
    return min(SEVERITIES.index(finding.severity) for finding in findings)


def _findings_by_check(result: Audit) -> Table:
    """Count the findings by check and split; a check with findings of two severities has two rows."""
    counts = Counter((finding.check, finding.severity, finding.split) for finding in result.findings)
    kinds = sorted({(SEVERITIES.index(finding.severity), finding.check) for finding in result.findings})
    rows: list[list[Fact]] = []
    for rank, check in kinds:
        numbers = [counts[check, SEVERITIES[rank], split] for split in result.splits]
        rows.append([check, Ordered(SEVERITIES[rank], rank), *numbers, sum(numbers)])
    return Table('Findings by check', ['check', 'severity', *result.splits, 'all'], rows, 'check')


def _cards(files: Mapping[Key, Sequence[Finding]], items: Mapping[Key, Item], classes: Classes) -> Iterator[Card]:
    for key, findings in files.items():
        worst = _worst(findings)
        facts: dict[str, Fact] = {'severity': Ordered(SEVERITIES[worst], worst), 'findings': len(findings)}
        for finding in findings:
            known = facts.get(finding.check)
            # Of several findings of a check, the largest value is shown.
            if finding.value is not None and (not isinstance(known, int | float) or finding.value > known):
                facts[finding.check] = finding.value
        yield Card(
            title=' / '.join(filter(None, key)),
            panels=_panels(items[key], findings, classes) if key in items else [],
            facts=facts,
            tags=sorted({finding.check for finding in findings}),
            note='\n'.join(finding.message for finding in findings),
        )


def _panels(item: Item, findings: Sequence[Finding], classes: Classes) -> list[Panel]:
    """Show image and mask with the boxes of the findings; what cannot be read is left out."""
    image, mask = read_or_none(read_image, item.image), read_or_none(read_mask, item.mask)
    boxes = [box for finding in findings for box in finding.boxes]
    panels = []
    if image is not None and mask is not None and image.shape[:2] == mask.shape:
        covered = overlay(image, mask, classes.palette, opacity=0.35, **drawn_as(classes))
        panels.append(Panel('image and mask', draw_boxes(covered, boxes, FRAME)))
    elif image is not None:
        panels.append(Panel(f'image, {image.shape[1]}×{image.shape[0]}', image))
    if mask is not None:
        coloured = colourize(mask, classes.palette, classes.ignore_index)
        # The frames are on the image; they are on the mask only where there is no image, since they hide parts of it.
        panels.append(
            Panel(f'mask, {mask.shape[1]}×{mask.shape[0]}', coloured if panels else draw_boxes(coloured, boxes, FRAME))
        )
    return panels
