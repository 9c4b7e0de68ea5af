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
from mmseg_ext.reports.drawing import Colour, colourize, draw_boxes, drawn_as, overlay, read_or_none
from mmseg_ext.reports.gallery import Card, Fact, Ordered, Panel, Table, write_gallery

FRAME: Colour = (255, 221, 0)


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
        intro=_intro(len(result.findings), len(files), len(shown)),
        tables=[_findings_by_check(result)] if result.findings else [],
        cards=_cards(shown, result.items, result.classes),
    )


def _intro(findings: int, files: int, shown: int) -> list[str]:
    if not findings:
        return ['No findings.']
    sentences = [f'{findings} findings in {files} files, the most severe files first.']
    if shown < files:
        sentences.append(f'This page shows {shown} files; {files - shown} less severe ones are left out.')
    sentences.append('Yellow frames mark the places of the findings. Click an image to enlarge it.')
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
    return Table('Findings by check', ['check', 'severity', *result.splits, 'all'], rows)


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
            title=' / '.join(key),
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
