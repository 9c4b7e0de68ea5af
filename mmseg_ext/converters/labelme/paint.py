"""Shapes painted into a mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.labelme.document import IGNORED_LABEL
from mmseg_ext.data.labelme.shapes import shape_mask
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError

NOBODY = -1


@dataclass
class Painting:
    """What the shapes of one file make of the image.

    Attributes:
        mask: The mask, shape (H, W), uint8; 0 where no shape lies.
        owner: Which shape is seen at each pixel (its position in the list), -1 where none lies. Shape (H, W), int32.
        overlaps: Pixels on which a shape hid another class, by (hidden class, class on top). The background and
            ignored pixels do not count: they are painted over and erased with on purpose.
        painted: How many shapes were painted.
        skipped: How many were left out on request.
    """

    mask: Mask
    owner: NDArray[np.int32]
    overlaps: Counter[tuple[str, str]] = field(default_factory=Counter)
    painted: int = 0
    skipped: int = 0


def paint_shapes(
    shapes: Sequence[Mapping[str, Any]],
    size: tuple[int, int],
    values: Mapping[str, int],
    source: str,
    ignore_labels: Collection[str] = (),
) -> Painting:
    """Paint shapes in the order of the list, a later one over an earlier one, on a ground of 0.

    Args:
        shapes: The shapes of a LabelMe file.
        size: Height and width of the image.
        values: Label → value in the mask (`label_values`).
        source: What names the file in errors.
        ignore_labels: Labels whose shapes are left out.

    Raises:
        InputError: A label is unknown, or a shape is damaged or covers no area.
    """
    names = {value: name for name, value in values.items()}
    mute = {0, values.get(IGNORED_LABEL)}
    painting = Painting(np.zeros(size, np.uint8), np.full(size, NOBODY, np.int32))
    for position, shape in enumerate(shapes):
        label = shape['label']
        if label in ignore_labels:
            painting.skipped += 1
            continue
        if label not in values:
            raise InputError(
                f'{source}: shape {position + 1} has the unknown label {label!r}; rename it to one of '
                f'{", ".join(values)}, or leave such shapes out with --ignore-labels'
            )
        try:
            covered = shape_mask(shape, *size)
        except InputError as error:
            raise InputError(f'{source}: shape {position + 1} ({label}): {error}') from error
        value = values[label]
        if value not in mute:
            hidden = np.bincount(painting.mask[covered], minlength=256)
            hidden[[value, *(quiet for quiet in mute if quiet is not None)]] = 0
            for under in np.flatnonzero(hidden):
                painting.overlaps[names[int(under)], label] += int(hidden[under])
        painting.mask[covered] = value
        painting.owner[covered] = position
        painting.painted += 1
    return painting
