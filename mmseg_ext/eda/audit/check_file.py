"""All checks of one image with its mask, and of a chunk of them in a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import Item, Key
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.eda.audit import region_checks, shape_checks
from mmseg_ext.eda.audit.findings import Finding
from mmseg_ext.eda.audit.hits import Hit, make_hit
from mmseg_ext.eda.audit.overlap import overlap, read_shapes
from mmseg_ext.eda.audit.photo_hash import photo_hash
from mmseg_ext.eda.audit.quiet import quiet_decoders
from mmseg_ext.eda.audit.rules import Rules, compares_photos
from mmseg_ext.eda.audit.view import MaskView
from mmseg_ext.errors import InputError

MASK_CHECKS: dict[str, Callable[..., Hit | None]] = {
    check.__name__: check
    for check in (
        region_checks.invalid_class,
        region_checks.empty_mask,
        region_checks.full_mask,
        region_checks.tiny_object,
        region_checks.fragments,
        region_checks.noise,
        region_checks.elongated,
        region_checks.holes,
        region_checks.pinholes,
        region_checks.mixed_region,
        shape_checks.border_gap,
        shape_checks.staircase,
        shape_checks.coarse_polygon,
        shape_checks.straight_edge,
    )
}


class Task(NamedTuple):
    """Settings of an audit that every worker needs."""

    root: Path
    labels: str
    classes: Classes
    rules: Rules


class FileResult(NamedTuple):
    """What is kept of an item: its findings and its image's hash, None without a readable image or need."""

    findings: list[Finding]
    photo: bytes | None


def check_chunk(task: Task, items: Sequence[Item]) -> list[FileResult]:
    """Check some items, in order. This is what is sent to worker processes and Dask."""
    with quiet_decoders():
        return [check_item(task, item) for item in items]


def check_item(task: Task, item: Item) -> FileResult:
    """Read an item's files and apply every check that needs no other item."""
    hits: list[tuple[str, Hit]] = []

    def read(reader: Callable[[Path], Any], path: Path | None) -> Any:
        if path is None:
            return None
        try:
            return reader(path)
        except InputError as error:
            message = str(InputError(path.relative_to(task.root), error.problem, error.remedy))
            hits.append(('unreadable', make_hit(None, message)))
            return None

    image, mask = read(read_image, item.image), read(read_mask, item.mask)
    if mask is not None:
        if image is not None and image.shape[:2] != mask.shape:
            sizes = [f'{array.shape[1]}×{array.shape[0]}' for array in (mask, image)]
            hits.append(('size_mismatch', make_hit(None, f'the mask is {sizes[0]} pixels, its image {sizes[1]}')))
        hits += check_mask(mask, task.classes, task.rules)
    if task.rules['overlap'].severity != 'off' and item.shapes is not None:
        found = next((array.shape[:2] for array in (mask, image) if array is not None), None)
        hit = read(lambda path: _check_shapes(path, found, task.rules), item.shapes)
        if hit is not None:
            hits.append(('overlap', hit))
    photo = photo_hash(image) if image is not None and compares_photos(task.rules) else None
    return FileResult(make_findings(task.rules, item.key, hits), photo)


def check_mask(mask: Mask, classes: Classes, rules: Rules) -> list[tuple[str, Hit]]:
    """Apply the checks that need the mask alone.

    Args:
        mask: Shape (H, W), uint8.
        classes: Number of classes and the ignored value.
        rules: Thresholds; a check that is off is left out.

    Returns:
        The names of the checks that speak, with what they say.
    """
    view = MaskView(mask, len(classes.names), classes.ignore_index)
    hits = []
    for name, check in MASK_CHECKS.items():
        if rules[name].severity != 'off' and (hit := check(view, **rules[name].thresholds)) is not None:
            hits.append((name, hit))
    return hits


def make_findings(rules: Rules, key: Key, hits: Sequence[tuple[str, Hit]]) -> list[Finding]:
    """Findings of an item in the order of the rules."""
    findings = []
    for name, hit in hits:
        severity = rules[name].severity
        if severity != 'off':
            findings.append(Finding(name, severity, *key, hit.value, hit.message, hit.boxes))
    return findings


def _check_shapes(path: Path, found: tuple[int, int] | None, rules: Rules) -> Hit | None:
    shapes, stated = read_shapes(path)
    size = found or stated
    if size is None:
        return None
    try:
        return overlap(shapes, size[0], size[1], **rules['overlap'].thresholds)
    except InputError as error:
        raise InputError(path, str(error)) from error
