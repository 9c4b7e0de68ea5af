"""Painting of LabelMe shapes into a mask."""

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

UNPAINTED = -1


@dataclass
class Painting:
    """Mask painted from the shapes of a file.

    Attributes:
        mask: The mask, shape (H, W), uint8; ``base`` where there is no shape.
        owner: Position in the list of the shape that is visible at each pixel, -1 where there is none. Shape (H, W),
            int32.
        overlaps: Number of pixels where a shape hid another class: (hidden class, class on top) → pixels. Background
            and ignored pixels do not count, since they are meant to erase and to be covered.
        painted: Number of shapes painted.
        skipped: Number of shapes left out on request.
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
    base: int = 0,
) -> Painting:
    """Paint shapes in the order of the list, a later one over an earlier one, on background.

    Args:
        shapes: The shapes of a LabelMe file.
        size: Height and width of the image.
        values: Label → value in the mask (`label_values`).
        source: Name of the file in errors.
        ignore_labels: Labels whose shapes are left out.
        base: Value where there is no shape (`Classes.unlabelled`).

    Raises:
        InputError: A label is unknown, or a shape is damaged or covers no area.
    """
    names = {value: name for name, value in values.items()}
    erasers = {base} | {value for label, value in values.items() if label == IGNORED_LABEL}
    painting = Painting(np.full(size, base, np.uint8), np.full(size, UNPAINTED, np.int32))
    for position, shape in enumerate(shapes):
        label = shape['label']
        if label in ignore_labels:
            painting.skipped += 1
            continue
        if label not in values:
            problem = f'shape {position + 1} has the unknown label {label!r}'
            remedy = f'rename it to one of {", ".join(values)}, or leave such shapes out with `ignore_labels`'
            raise InputError(source, problem, remedy)
        try:
            covered = shape_mask(shape, *size)
        except InputError as error:
            raise InputError(f'{source}: shape {position + 1} ({label})', error.problem, error.remedy) from error
        value = values[label]
        if value not in erasers:
            hidden = np.bincount(painting.mask[covered], minlength=256)
            hidden[[value, *erasers]] = 0
            for other in np.flatnonzero(hidden):
                painting.overlaps[names[int(other)], label] += int(hidden[other])
        painting.mask[covered] = value
        painting.owner[covered] = position
        painting.painted += 1
    return painting
