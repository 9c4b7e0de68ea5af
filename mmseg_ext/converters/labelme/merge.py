"""Merging of a changed mask into an existing LabelMe file, which keeps its metadata."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from mmseg_ext.converters.labelme.encode import ShapeKind, encode_shapes
from mmseg_ext.converters.labelme.paint import UNPAINTED, PaintRules, paint_shapes
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.labelme.document import IGNORED_LABEL, Shape, label_names, label_values
from mmseg_ext.data.labelme.shapes import ShapeRegion, shape_region
from mmseg_ext.data.masks import Mask

GEOMETRY = ('label', 'points', 'shape_type', 'mask')


def merge_shapes(
    mask: Mask,
    shapes: Sequence[Shape],
    classes: Classes,
    source: str,
    kind: ShapeKind = 'mask',
    tolerance: float = 0,
    ignore_labels: Collection[str] = (),
) -> list[Shape]:
    """Change a list of shapes so that painting it gives a mask, and keep as much of it as possible.

    A shape stays as it is, in its place, if it is visible only at pixels that have its class in the mask. Every other
    shape is removed, and new shapes at the end of the list cover the pixels that are then wrong. A new shape
    inherits group id, flags, description and unknown keys from the removed shape that covers most of its pixels,
    preferably one with the same label. A shape of background or ignored pixels inherits only from one with its own
    label. Shapes with ignored labels stay.

    Args:
        mask: The mask that painting the result must give, shape (H, W), uint8.
        shapes: The shapes of the existing file.
        classes: Names of the classes.
        source: Name of the existing file in errors.
        kind: Type of new shapes.
        tolerance: See `encode_shapes`.
        ignore_labels: Labels whose shapes are not painted.

    Raises:
        InputError: The existing shapes cannot be painted.
    """
    values = label_values(classes)
    rules = PaintRules(ignore_labels)
    before = paint_shapes(shapes, mask.shape, values, source, rules, classes.unlabelled)
    wrong = np.unique(before.owner[before.mask != mask])
    kept = [shape for position, shape in enumerate(shapes) if position not in wrong]
    former = [(shapes[i], shape_region(shapes[i], *mask.shape)) for i in wrong if i != UNPAINTED]
    canvas = paint_shapes(kept, mask.shape, values, source, rules, classes.unlabelled).mask
    added = encode_shapes(mask, label_names(classes), kind, tolerance, canvas)
    erasers = {IGNORED_LABEL, label_names(classes)[classes.unlabelled]}
    return kept + [_inherit(shape, former, erasers, mask.shape) for shape in added]


def _inherit(
    shape: Shape, former: Sequence[tuple[Shape, ShapeRegion]], erasers: Collection[str], size: tuple[int, int]
) -> Shape:
    """Give a new shape the metadata of the former shape that it replaces, if there is one."""
    region = shape_region(shape, *size)
    best, replaced = (False, 0), shape
    for candidate, other in former:
        same = candidate['label'] == shape['label']
        shared = _shared(region, other)
        if shared and (same or shape['label'] not in erasers) and (same, shared) > best:
            best, replaced = (same, shared), candidate
    return {**shape, **{key: value for key, value in replaced.items() if key not in GEOMETRY}}


def _shared(one: ShapeRegion, other: ShapeRegion) -> int:
    """Count the pixels that two shapes share."""
    top, left = max(one.top, other.top), max(one.left, other.left)
    bottom, right = (min(region.place[axis].stop for region in (one, other)) for axis in (0, 1))
    if bottom <= top or right <= left:
        return 0
    parts = (
        region.pixels[top - region.top : bottom - region.top, left - region.left : right - region.left]
        for region in (one, other)
    )
    return int(np.count_nonzero(np.logical_and(*parts)))
