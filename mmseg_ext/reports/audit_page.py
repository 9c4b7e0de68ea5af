"""The audit as a page: each file with findings, its mask over the photograph, and where the findings lie."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, MASK_SUFFIX
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask
from mmseg_ext.eda.audit import SEVERITIES, Finding
from mmseg_ext.errors import InputError
from mmseg_ext.reports.drawing import Colour, colourize, draw_boxes, overlay
from mmseg_ext.reports.gallery import Card, Fact, Ordered, Panel, Table, write_gallery

File = tuple[str, str]  # split and stem
FRAME: Colour = (255, 221, 0)


def write_audit_page(
    path: str | Path,
    findings: Sequence[Finding],
    root: str | Path,
    labels: str,
    classes: Classes,
    splits: Sequence[str],
    limit: int = 1000,
) -> None:
    """Write the findings as a gallery with one card a file, the most severe first.

    Args:
        path: The HTML file.
        findings: What the audit found, of any split in ``splits``.
        root: The data set.
        labels: Name of the label set that was audited.
        classes: Colours of the masks.
        splits: The audited splits, in the order of the summary's columns.
        limit: The largest number of files that get a card.

    Raises:
        InputError: The page cannot be written.
    """
    files: defaultdict[File, list[Finding]] = defaultdict(list)
    for finding in findings:
        files[finding.split, finding.stem].append(finding)
    worst_first = sorted(files, key=lambda file: (_worst(files[file]), -len(files[file]), file))
    shown = worst_first[:limit]
    write_gallery(
        path,
        title=f'Audit of {labels}',
        intro=_intro(len(findings), len(files), len(shown)),
        tables=[_summary(findings, splits)] if findings else [],
        cards=_cards(Path(root), labels, classes, {file: files[file] for file in shown}),
    )


def _intro(findings: int, files: int, shown: int) -> list[str]:
    """What the page holds, and what it leaves out."""
    if not findings:
        return ['No findings.']
    sentences = [f'Findings: {findings}. Files with findings: {files}. The most severe files come first.']
    if shown < files:
        sentences.append(f'This page shows {shown} files; {files - shown} less severe files are left out.')
    sentences.append('Yellow frames mark where a finding lies. A click on a picture enlarges it.')
    return sentences


def _worst(findings: Sequence[Finding]) -> int:
    return min(SEVERITIES.index(finding.severity) for finding in findings)


def _summary(findings: Sequence[Finding], splits: Sequence[str]) -> Table:
    """Findings by check and split; a check that gives two severities has two rows."""
    counts = Counter((finding.check, finding.severity, finding.split) for finding in findings)
    kinds = sorted({(SEVERITIES.index(f.severity), f.check) for f in findings})
    rows: list[list[Fact]] = []
    for rank, check in kinds:
        numbers = [counts[check, SEVERITIES[rank], split] for split in splits]
        rows.append([check, Ordered(SEVERITIES[rank], rank), *numbers, sum(numbers)])
    return Table('Findings by check', ['check', 'severity', *splits, 'all'], rows)


def _cards(root: Path, labels: str, classes: Classes, files: Mapping[File, Sequence[Finding]]) -> Iterator[Card]:
    images = {split: _image_paths(root / 'img' / split) for split in {split for split, _ in files}}
    for (split, stem), findings in files.items():
        mask_path = root / labels / split / (stem + MASK_SUFFIX)
        worst = _worst(findings)
        facts: dict[str, Fact] = {'severity': Ordered(SEVERITIES[worst], worst), 'findings': len(findings)}
        for finding in findings:
            known = facts.get(finding.check)
            # Where a check speaks twice of one file, its largest value stands.
            if finding.value is not None and (not isinstance(known, int | float) or finding.value > known):
                facts[finding.check] = finding.value
        yield Card(
            title=f'{split} / {stem}',
            panels=_panels(images[split].get(stem), mask_path, findings, classes),
            facts=facts,
            tags=sorted({finding.check for finding in findings}),
            note='\n'.join(finding.message for finding in findings),
        )


def _image_paths(folder: Path) -> dict[str, Path]:
    """Stem → photograph. Unlike `list_stems` this forgives a doubled stem: the audit has said so already."""
    if not folder.is_dir():
        return {}
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in IMAGE_SUFFIXES}


def _panels(image_path: Path | None, mask_path: Path, findings: Sequence[Finding], classes: Classes) -> list[Panel]:
    """Photograph and mask with the boxes of the findings; what cannot be read is left out."""
    image, mask = _photograph(image_path), _mask(mask_path)
    boxes = [box for finding in findings for box in finding.boxes]
    panels = []
    if image is not None and mask is not None and image.shape[:2] == mask.shape:
        covered = overlay(image, mask, classes.palette, opacity=0.35, ignore_index=classes.ignore_index)
        panels.append(Panel('photograph and mask', draw_boxes(covered, boxes, FRAME)))
    elif image is not None:
        panels.append(Panel(f'photograph, {image.shape[1]}×{image.shape[0]}', image))
    if mask is not None:
        coloured = colourize(mask, classes.palette, classes.ignore_index)
        # Without the photograph the mask carries the frames; beside it, the mask shows what they hide.
        panels.append(
            Panel(f'mask, {mask.shape[1]}×{mask.shape[0]}', coloured if panels else draw_boxes(coloured, boxes, FRAME))
        )
    return panels


def _photograph(path: Path | None) -> NDArray[np.uint8] | None:
    try:
        return None if path is None else read_image(path)
    except InputError:
        return None


def _mask(path: Path) -> NDArray[np.uint8] | None:
    try:
        return read_mask(path)
    except InputError:
        return None
