"""All checks of one item, and of a chunk of items in a worker."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_ext.data import Classes, Item, Mask, read_image, read_mask
from mmseg_ext.data.dataset import Key
from mmseg_ext.eda.audit import region_checks, shape_checks
from mmseg_ext.eda.audit.findings import Finding, Hit, make_hit
from mmseg_ext.eda.audit.image_hash import hash_image
from mmseg_ext.eda.audit.measured_mask import MeasuredMask
from mmseg_ext.eda.audit.overlap import overlap, read_shapes
from mmseg_ext.eda.audit.rules import Rules, compares_images
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


class ItemResult(NamedTuple):
    """Findings of an item, and the hash of its image: None without a readable image, or where none is needed."""

    findings: list[Finding]
    image_hash: bytes | None


def check_chunk(task: Task, items: Sequence[Item]) -> list[ItemResult]:
    """Check some items, in order: the unit of work of worker processes and Dask."""
    with quiet_decoders():
        return [check_item(task, item) for item in items]


def check_item(task: Task, item: Item) -> ItemResult:
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
        size = next((array.shape[:2] for array in (mask, image) if array is not None), None)
        hit = read(lambda path: _check_shapes(path, size, task.rules), item.shapes)
        if hit is not None:
            hits.append(('overlap', hit))
    image_hash = hash_image(image) if image is not None and compares_images(task.rules) else None
    return ItemResult(make_findings(task.rules, item.key, hits), image_hash)


def check_mask(mask: Mask, classes: Classes, rules: Rules) -> list[tuple[str, Hit]]:
    """Apply the checks that need the mask alone.

    Args:
        mask: Shape (H, W), uint8.
        classes: Number of classes and the ignored value.
        rules: Thresholds; a check that is off is left out.

    Returns:
        The names of the checks that apply, each with its hit.
    """
    measured = MeasuredMask(mask, len(classes.names), classes.ignore_index)
    hits = []
    for name, check in MASK_CHECKS.items():
        if rules[name].severity != 'off' and (hit := check(measured, **rules[name].thresholds)) is not None:
            hits.append((name, hit))
    return hits


def make_findings(rules: Rules, key: Key, hits: Sequence[tuple[str, Hit]]) -> list[Finding]:
    """Turn the hits of one file into findings, in their order; those of checks that are off are left out."""
    findings = []
    for name, hit in hits:
        severity = rules[name].severity
        if severity != 'off':
            findings.append(Finding(name, severity, *key, hit.value, hit.message, hit.boxes))
    return findings


def _check_shapes(path: Path, size: tuple[int, int] | None, rules: Rules) -> Hit | None:
    shapes, stated_size = read_shapes(path)
    size = size or stated_size
    if size is None:
        return None
    try:
        return overlap(shapes, size[0], size[1], **rules['overlap'].thresholds)
    except InputError as error:
        raise InputError(path, str(error)) from error


STDERR = 2
_lock = threading.Lock()
_users = 0
_saved = -1


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Discard what C libraries write to standard error, since findings report what is wrong with a file.

    Several threads may be inside at once.
    """
    _silence()
    try:
        yield
    finally:
        _restore()


def _silence() -> None:
    global _users, _saved
    with _lock:
        _users += 1
        if _users > 1:
            return
        try:
            _saved = os.dup(STDERR)
        except OSError:  # it is closed: there is nothing to discard
            _saved = -1
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STDERR)
        os.close(nowhere)


def _restore() -> None:
    global _users, _saved
    with _lock:
        _users -= 1
        if _users == 0 and _saved >= 0:
            os.dup2(_saved, STDERR)
            os.close(_saved)
            _saved = -1
