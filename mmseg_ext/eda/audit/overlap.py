"""Checks of LabelMe files: shapes of different labels over one pixel, of which a mask can keep only one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_ext.data.labelme.shapes import WITHOUT_AREA, check_work, shape_region
from mmseg_ext.eda.audit.findings import Box, Hit, counted, make_hit
from mmseg_ext.errors import InputError

SHAPE_FILE_CHECKS = ('overlap', 'covered_shape')


def check_shapes(
    shapes: Sequence[Mapping[str, Any]],
    height: int,
    width: int,
    source: str | Path,
    *,
    erasers: Collection[str],
    least: float,
    share: float,
) -> list[tuple[str, Hit]]:
    """Report pixels that lie in shapes of two or more labels, and shapes that later ones of another label hide.

    A later shape is painted over an earlier one. Shapes that cover no area (lines, points) are left out.

    Args:
        shapes: Entries of ``shapes`` of a LabelMe file, in their order.
        height: Height of the image.
        width: Width of the image.
        source: Name of the file in errors.
        erasers: Labels of background and ignored pixels: they are meant to cover, and to be covered.
        least: Fewest pixels to report as ``overlap``, whose value is their number: neighbours that share an outline
            overlap by a few.
        share: Least hidden share of a shape to report as ``covered_shape``, 0–1; its value is the largest.

    Returns:
        The names of the checks that apply, each with its hit.

    Raises:
        InputError: A shape is damaged, or they would take too long to draw.
    """
    drawable = [item for item in enumerate(shapes, 1) if item[1].get('shape_type') not in WITHOUT_AREA]
    numbers = {label: number for number, label in enumerate(dict.fromkeys(shape['label'] for _, shape in drawable), 1)}
    if len(numbers) < 2:
        return []
    check_work(shapes, height, width, str(source))
    names, erased = ['', *numbers], [numbers[label] for label in numbers if label in erasers]
    top = np.zeros((height, width), np.uint16)  # the label that is visible, by its number
    shared = np.zeros((height, width), np.uint8)
    sharing: set[int] = set()
    worst, boxes, hidden_labels = 0.0, list[Box](), dict[str, None]()
    for position, shape in reversed(drawable):
        try:
            region = shape_region(shape, height, width)
        except InputError as error:
            raise InputError(source, f'shape {position} ({shape["label"]}): {error.problem}', error.remedy) from error
        covered, below = region.pixels, top[region.place]
        own, area = numbers[shape['label']], int(np.count_nonzero(covered))
        others = covered & (below > 0) & (below != own)
        if others.any():
            shared[region.place] |= others
            over = below[others]
            sharing |= {own, *np.unique(over).tolist()}
            hidden = np.count_nonzero(~np.isin(over, erased)) / area
            if own not in erased and hidden >= share:
                worst = max(worst, hidden)
                left, upper, *sides = cv2.boundingRect(covered.astype(np.uint8))
                boxes.append((left + region.left, upper + region.top, *sides))
                hidden_labels[shape['label']] = None
        below[covered & (below == 0)] = own
    hits = []
    pixels = int(np.count_nonzero(shared))
    if pixels and pixels >= least:
        named = ' and '.join(sorted(names[number] for number in sharing))
        message = f'shapes of {named} share {counted(pixels, "pixel")}'
        hits.append(('overlap', make_hit(pixels, message, [cv2.boundingRect(shared)])))
    if boxes:
        message = (
            f'{worst:.0%} of a shape of {" and ".join(hidden_labels)} is covered by later shapes; move it to the end'
        )
        hits.append(('covered_shape', make_hit(worst, message, boxes)))
    return hits
