"""All checks of one item, and of a chunk of items in a worker."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from mmseg_ext.data import Classes, Item, Mask, UprightImage, read_upright
from mmseg_ext.data.dataset import Key
from mmseg_ext.data.labelme.document import BACKGROUND_LABEL, IGNORED_LABEL, image_size, read_document
from mmseg_ext.data.masks import Colour, read_palette_mask
from mmseg_ext.eda.audit import region_checks, shape_checks
from mmseg_ext.eda.audit.findings import Finding, Hit, make_hit
from mmseg_ext.eda.audit.image_hash import hash_image
from mmseg_ext.eda.audit.measured_mask import MeasuredMask
from mmseg_ext.eda.audit.overlap import SHAPE_FILE_CHECKS, check_shapes
from mmseg_ext.eda.audit.rules import Rules, compares_images
from mmseg_ext.errors import InputError

MASK_CHECKS: dict[str, Callable[..., Hit | None]] = {
    check.__name__: check
    for check in (
        region_checks.invalid_class,
        region_checks.ignored_everywhere,
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


# Those that make sense without a background; the others compare an object with it.
CHECKS_OF_CLASSES = ('invalid_class', 'ignored_everywhere', 'tiny_object', 'noise')
DARK_SHARE = 0.999  # of an image's values that must be dark, since a few hot pixels make no photograph
LIBJPEG_WARNING = re.compile(r'(?:Corrupt JPEG data|Premature end of JPEG)[^\n]*')
DAMAGE = 'part of the image may be grey, shifted or in wrong colours; inspect it and copy the file again'
EXIF_REMEDY = (
    'if the mask was drawn on the stored pixels, remove the orientation from the image (exiftool -Orientation=)'
)


class Task(NamedTuple):
    """Settings of an audit that every worker needs."""

    root: Path
    labels: str
    classes: Classes
    rules: Rules


class ItemResult(NamedTuple):
    """Findings of an item and what is needed to compare it with others.

    Attributes:
        findings: Of the item alone.
        image_hash: None without a readable image, or where none is needed.
        present: The values in its mask (`MeasuredMask.present`); 0 without a readable mask.
        colours: The colours of these values, where a palette tells them apart and no finding has them misplaced.
    """

    findings: list[Finding]
    image_hash: bytes | None
    present: int
    colours: dict[int, Colour]


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

    before = _heard_bytes()
    photograph: UprightImage | None = read(read_upright, item.image)
    if photograph is not None and _heard_bytes() > before and (warning := _libjpeg_warning(item)):
        hits.append(('damaged_image', make_hit(None, f'{warning}: {DAMAGE}')))
    mask, palette = read(read_palette_mask, item.mask) or (None, None)
    image = None if photograph is None else photograph.pixels
    present = 0
    colours: dict[int, Colour] = {}
    if photograph is not None:
        hits += _check_image(photograph, mask, task)
    if mask is not None:
        if image is not None and image.shape[:2] != mask.shape:
            sizes = [f'{array.shape[1]}×{array.shape[0]}' for array in (mask, image)]
            hits.append(('size_mismatch', make_hit(None, f'the mask is {sizes[0]} pixels, its image {sizes[1]}')))
        measured = measure(mask, task.classes)
        present = measured.present
        hits += check_measured(measured, task.rules)
        values = np.flatnonzero(measured.counts).tolist()
        if found := task.classes.misplaced_colours(values, palette):
            hits.append(('palette_mismatch', make_hit(len(found), _describe_palette(found, task))))
        else:
            colours = task.classes.used_colours(values, palette)
    if item.shapes is not None and any(task.rules[name].severity != 'off' for name in SHAPE_FILE_CHECKS):
        size = next((array.shape[:2] for array in (mask, image) if array is not None), None)
        hits += read(lambda path: _check_shapes(path, size, task), item.shapes) or []
    image_hash = hash_image(image) if image is not None and compares_images(task.rules) else None
    return ItemResult(make_findings(task.rules, item.key, hits), image_hash, present, colours)


def measure(mask: Mask, classes: Classes) -> MeasuredMask:
    """Prepare the measurements of a mask of a data set."""
    return MeasuredMask(mask, len(classes.names), classes.ignore_index, classes.background)


def _check_image(photograph: UprightImage, mask: Mask | None, task: Task) -> list[tuple[str, Hit]]:
    """Apply the checks of an image: its orientation and its brightness."""
    hits = []
    if photograph.orientation != 1:
        fits = mask is not None and photograph.orientation >= 5 and mask.shape == photograph.pixels.shape[1::-1]
        misfit = '; the mask has the size of the stored pixels' if fits and mask.shape[0] != mask.shape[1] else ''  # type: ignore[union-attr]
        message = f'turned by its EXIF orientation {photograph.orientation}, as in image viewers{misfit}; {EXIF_REMEDY}'
        hits.append(('exif_orientation', make_hit(photograph.orientation, message)))
    below = task.rules['near_black'].thresholds['below']
    pixels = photograph.pixels
    if max(cv2.mean(pixels)) < below:  # cheap, and true of few images
        brightest = float(np.quantile(pixels, DARK_SHARE, method='lower'))
        if brightest < below:
            message = f'nearly black: {DARK_SHARE:.1%} of its values are at most {brightest:g} of 255'
            remedy = 'if they are 12-bit values stored in 16 bits, scale them up'
            hits.append(('near_black', make_hit(brightest, f'{message}; {remedy}')))
    return hits


def _describe_palette(found: Mapping[int, int], task: Task) -> str:
    names = [f'{value} has the colour of {other} {task.classes.names[other]}' for value, other in found.items()]
    return (
        f'the palette holds the colours of dataset.yaml at other indices: {", ".join(names)}; '
        f'run {remap_command(task, "--by-palette")}'
    )


def remap_command(task: Task, option: str) -> str:
    """Return the command that converts the masks of an audited label set."""
    return f'mmseg-ext remap {shlex.quote(str(task.root))} --labels {task.labels} --to {task.labels}_remapped {option}'


def check_mask(mask: Mask, classes: Classes, rules: Rules) -> list[tuple[str, Hit]]:
    """Apply the checks that need the mask alone.

    Args:
        mask: Shape (H, W), uint8.
        classes: Number of classes and the ignored value.
        rules: Thresholds; a check that is off is left out.

    Returns:
        The names of the checks that apply, each with its hit.
    """
    return check_measured(measure(mask, classes), rules)


def check_measured(measured: MeasuredMask, rules: Rules) -> list[tuple[str, Hit]]:
    """Apply the checks that need the mask alone, as `check_mask`."""
    hits = []
    for name, check in MASK_CHECKS.items():
        if measured.background is None and name not in CHECKS_OF_CLASSES:
            continue
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


def _check_shapes(path: Path, size: tuple[int, int] | None, task: Task) -> list[tuple[str, Hit]]:
    document = read_document(path)
    shapes, size = document['shapes'], size or image_size(document, path)
    if size is None:
        return []
    erasers = {IGNORED_LABEL, BACKGROUND_LABEL, *(task.classes.names[:1] if task.classes.background == 0 else ())}
    thresholds = {key: value for name in SHAPE_FILE_CHECKS for key, value in task.rules[name].thresholds.items()}
    return check_shapes(shapes, size[0], size[1], path, erasers=erasers, **thresholds)


STDERR = 2
MAX_HEARD_BYTES = 10_000
_lock = threading.Lock()
_users = 0
_saved = -1
_heard: int | None = None  # what stands in for standard error
_listening = threading.Lock()


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Keep what C libraries write to standard error to this module, since findings report what is wrong with a file.

    Several threads may be inside at once.
    """
    _silence()
    try:
        yield
    finally:
        _restore()


def _libjpeg_warning(item: Item) -> str | None:
    """Return what libjpeg says of an image that it decodes nevertheless, None for nothing.

    The image is decoded again, one at a time, since what was heard may be of an image in another thread.
    """
    assert item.image is not None
    with _listening:
        before = _heard_bytes()
        read_upright(item.image)
        if _heard is None:
            return None
        text = os.pread(_heard, MAX_HEARD_BYTES, before).decode(errors='replace')
    match = LIBJPEG_WARNING.search(text)
    return match[0].strip() if match else None


def _heard_bytes() -> int:
    """Return how much has been written to standard error within `quiet_decoders`."""
    return 0 if _heard is None else os.fstat(_heard).st_size


def _silence() -> None:
    global _users, _saved, _heard
    with _lock:
        _users += 1
        if _users > 1:
            return
        try:
            _saved = os.dup(STDERR)
        except OSError:  # it is closed: there is nothing to discard
            _saved = -1
            return
        try:
            with tempfile.TemporaryFile() as file:
                _heard = os.dup(file.fileno())
            os.dup2(_heard, STDERR)
        except OSError:  # no place for a file
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, STDERR)
            os.close(nowhere)


def _restore() -> None:
    global _users, _saved, _heard
    with _lock:
        _users -= 1
        if _users == 0 and _saved >= 0:
            os.dup2(_saved, STDERR)
            os.close(_saved)
            _saved = -1
            if _heard is not None:
                os.close(_heard)
                _heard = None
