"""Checks of LabelMe files: shapes of different labels over one pixel, of which a mask can keep only one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from mmseg_ext.data.labelme.shapes import shape_region
from mmseg_ext.eda.audit.findings import Hit, counted, make_hit

SHAPE_FILE_CHECKS = ('overlap', 'covered_shape')


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
        region = shape_region(shape, height, width)
        covered[shape['label']][region.place] |= region.pixels
    twice = np.sum(list(covered.values()), axis=0) > 1
    pixels = int(np.count_nonzero(twice))
    if not pixels or pixels < least:
        return None
    named = ' and '.join(label for label in labels if (covered[label] & twice).any())
    box = cv2.boundingRect(twice.astype(np.uint8))
    return make_hit(pixels, f'shapes of {named} share {counted(pixels, "pixel")}', [box])


def covered_shape(
    shapes: Sequence[Mapping[str, Any]], height: int, width: int, *, erasers: Collection[str], share: float
) -> Hit | None:
    """Report shapes that later ones of another label hide, since a later shape is painted over an earlier one.

    Args:
        shapes: Entries of ``shapes`` of a LabelMe file, in their order.
        height: Height of the image.
        width: Width of the image.
        erasers: Labels of background and ignored pixels: they are meant to cover, and to be covered.
        share: Least hidden share of a shape to report, 0–1; the value is the largest.

    Raises:
        InputError: A shape is damaged.
    """
    top = np.zeros((height, width), np.int32)  # the label that is visible, by its number
    numbers = {label: number for number, label in enumerate(dict.fromkeys(shape['label'] for shape in shapes), 1)}
    erased = [numbers[label] for label in numbers if label in erasers]
    if len(numbers) - len(erased) < 2:
        return None
    worst, boxes, names = 0.0, [], []
    for shape in reversed(shapes):
        region = shape_region(shape, height, width)
        covered, below = region.pixels, top[region.place]
        own, area = numbers[shape['label']], int(np.count_nonzero(covered))
        if own not in erased and area:
            over = below[covered]
            hidden = np.count_nonzero((over > 0) & (over != own) & ~np.isin(over, erased)) / area
            if hidden >= share:
                worst = max(worst, hidden)
                left, upper, *sides = cv2.boundingRect(covered.astype(np.uint8))
                boxes.append((left + region.left, upper + region.top, *sides))
                names.append(shape['label'])
        below[covered & (below == 0)] = own
    if not boxes:
        return None
    named = ' and '.join(dict.fromkeys(names))
    return make_hit(worst, f'{worst:.0%} of a shape of {named} lies under later shapes; move it to the end', boxes)
