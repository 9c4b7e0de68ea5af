"""Masks as LabelMe shapes, one per region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.regions import Binary, Box, find_regions
from mmseg_ext.data.labelme.document import Shape, new_shape
from mmseg_ext.data.labelme.polygon import fill_polygon
from mmseg_ext.data.labelme.shapes import encode_mask
from mmseg_ext.data.masks import Mask

ShapeKind = Literal['mask', 'polygon']


def encode_shapes(
    mask: Mask, names: Mapping[int, str], kind: ShapeKind = 'mask', tolerance: float = 0, canvas: Mask | None = None
) -> list[Shape]:
    """Find shapes that give a mask when painted in order over a canvas.

    ``mask`` shapes hold exactly the pixels that must change, so holes and touching classes are exact.
    ``polygon`` shapes are outlines; the polygons of the regions in a hole, even of background, cover the hole.

    Args:
        mask: Class indices, shape (H, W), uint8.
        names: Value → label of every value in it.
        kind: Type of the shapes.
        tolerance: Distance in pixels by which a polygon may leave the outline to have fewer vertices; 0 is exact.
        canvas: Mask to paint over, shape (H, W), uint8; all 0 by default. It is not changed.

    Returns:
        One shape per region.

    >>> mask = np.array([[0, 1, 1], [0, 0, 0]], np.uint8)
    >>> [(shape['label'], shape['points']) for shape in encode_shapes(mask, {0: 'background', 1: 'cat'})]
    [('cat', [[1, 0], [2, 0]])]
    """
    canvas = np.zeros_like(mask) if canvas is None else canvas.copy()
    if kind == 'mask':
        return [_mask_shape(names[value], region, box) for value, region, box in find_regions(mask, mask != canvas, 8)]
    return _polygon_shapes(mask, names, tolerance, canvas)


def _mask_shape(label: str, region: Binary, box: Box) -> Shape:
    left, top, width, height = box
    return new_shape(label, 'mask', [(left, top), (left + width - 1, top + height - 1)], encode_mask(region))


def _polygon_shapes(mask: Mask, names: Mapping[int, str], tolerance: float, canvas: Mask) -> list[Shape]:
    """Draw the outer outline of each region, from the largest to the smallest filled area.

    A region in a hole has a smaller filled area than the one around it and so comes later, on top. A region whose
    pixels already have its value (most often the background) needs no polygon. Regions are 4-connected here: these
    never cross, while an 8-connected background would pass through the corners of an outline.
    """
    outlines = []
    for value, region, box in find_regions(mask, np.ones(mask.shape, bool), 4):
        vertices = _outline(region, tolerance)
        outlines.append((fill_polygon(vertices, *region.shape), value, region, box, vertices))
    outlines.sort(key=lambda outline: -int(outline[0].sum()))
    shapes = []
    for filled, value, region, (left, top, width, height), vertices in outlines:
        present = canvas[top : top + height, left : left + width]
        if (present[region] != value).any():
            present[filled] = value
            shapes.append(new_shape(names[value], 'polygon', (vertices + np.array([left, top])).tolist()))
    return shapes


def _outline(region: Binary, tolerance: float) -> NDArray[np.float64]:
    """Return the outer outline of a region: vertices in the middle of its border pixels, shape (N, 2), N ≥ 3."""
    (contour, *_), _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if tolerance > 0:
        contour = cv2.approxPolyDP(contour, tolerance, closed=True)
    vertices = contour[:, 0].astype(np.float64)
    while len(vertices) < 3:  # a single pixel or a straight line of pixels: go back the same way
        vertices = np.concatenate([vertices, vertices[:1]])
    return vertices + 0.5
