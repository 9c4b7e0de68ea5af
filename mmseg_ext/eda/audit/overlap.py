"""Check of LabelMe files: shapes of different labels over one pixel, of which a mask can keep only one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_ext.data.labelme.shapes import shape_mask
from mmseg_ext.eda.audit.findings import Hit, counted, make_hit
from mmseg_ext.errors import InputError


def read_shapes(path: str | Path) -> tuple[list[dict[str, Any]], tuple[int, int] | None]:
    """Read a LabelMe file's shapes and the image's height and width, None where the file does not state them.

    Raises:
        InputError: The file cannot be read, or is no LabelMe file.
    """
    try:
        content = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(path, f'LabelMe file cannot be read ({error})', 'write it again') from error
    shapes = content.get('shapes') if isinstance(content, dict) else None
    if not isinstance(shapes, list) or not all(isinstance(s, dict) and isinstance(s.get('label'), str) for s in shapes):
        raise InputError(path, 'is no LabelMe file (`shapes:` must be a list of shapes with labels)')
    size = (content.get('imageHeight'), content.get('imageWidth'))
    known = all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in size)
    return shapes, size if known else None


def overlap(shapes: Sequence[Mapping[str, Any]], height: int, width: int, *, least: float) -> Hit | None:
    """Report pixels that lie in shapes of two or more labels; the value is their number, reported from ``least`` on.

    Args:
        shapes: Entries of ``shapes`` of a LabelMe file.
        height: Height of the image.
        width: Width of the image.
        least: Fewest pixels to report: neighbours that share an outline overlap by a few.

    Raises:
        InputError: A shape is damaged.
    """
    labels = sorted({shape['label'] for shape in shapes})
    if len(labels) < 2:
        return None
    covered = {label: np.zeros((height, width), bool) for label in labels}
    for shape in shapes:
        covered[shape['label']] |= shape_mask(dict(shape), height, width)
    twice = np.sum(list(covered.values()), axis=0) > 1
    pixels = int(np.count_nonzero(twice))
    if not pixels or pixels < least:
        return None
    named = ' and '.join(label for label in labels if (covered[label] & twice).any())
    box = cv2.boundingRect(twice.astype(np.uint8))
    return make_hit(pixels, f'shapes of {named} share {counted(pixels, "pixel")}', [box])
