"""Which pixels a segmentation of a COCO file covers: polygons and run lengths, compressed or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BITS = 5  # of a number in one character of compressed run lengths
SIGN, MORE = 1 << (BITS - 1), 1 << BITS
FIRST_CHARACTER = 48


def segmentation_mask(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """The pixels that a ``segmentation`` covers.

    Args:
        segmentation: A list of polygons ``[x0, y0, x1, y1, …]``, of which the union counts; or ``{"size": [height,
            width], "counts": …}`` with a list of run lengths or their compressed text.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        Shape (height, width).

    Raises:
        ValueError: It is neither, is damaged, or is of another size.
    """
    if isinstance(segmentation, Mapping):
        if list(segmentation.get('size', [])) != [height, width]:
            raise ValueError(f'its size {segmentation.get("size")} is not that of the image, [{height}, {width}]')
        counts = segmentation.get('counts')
        return fill_runs(decode_counts(counts) if isinstance(counts, str) else counts, height, width)
    if not isinstance(segmentation, Sequence) or isinstance(segmentation, str) or not segmentation:
        raise ValueError('it is neither a list of polygons nor run lengths')
    covered = np.zeros((height, width), bool)
    for polygon in segmentation:
        points = np.asarray(polygon, np.float64)
        if points.ndim != 1 or len(points) < 6 or len(points) % 2 or not np.isfinite(points).all():
            raise ValueError('a polygon is not a list of three points or more, x and y in turn')
        covered |= fill_polygon(points.reshape(-1, 2), height, width)
    return covered


def decode_counts(text: str) -> list[int]:
    """Decode compressed run lengths.

    Each number is written in characters of five bits, the lowest first, where a sixth bit says that more follow; the
    highest bit of the last character is the sign. From the fourth on, a number is what is to be added to the last but
    one.

    Raises:
        ValueError: A character is out of range, or the text ends within a number.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - FIRST_CHARACTER
        if not 0 <= code < 2 * MORE:
            raise ValueError(f'its run lengths hold the character {character!r}')
        value |= (code & (MORE - 1)) << shift
        shift += BITS
        if code & MORE:
            continue
        if code & SIGN:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError('its run lengths are cut short')
    return counts


def fill_runs(counts: Any, height: int, width: int) -> NDArray[np.bool_]:
    """Fill run lengths: pixels outside and inside in turn, beginning outside, column by column.

    Returns:
        Shape (height, width).

    Raises:
        ValueError: The runs are no whole numbers from 0, or do not add up to the image.
    """
    runs = np.asarray(counts)
    if runs.ndim != 1 or runs.dtype.kind not in 'iu' or (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(f'its run lengths do not add up to {height} × {width} pixels')
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T


def fill_polygon(points: NDArray[np.float64], height: int, width: int) -> NDArray[np.bool_]:
    """Fill a polygon: the pixels whose centre it encloses, by the even-odd rule.

    This is the area that a polygon of COCO stands for: the pixel in column x and row y reaches from (x, y) to
    (x + 1, y + 1). The common toolkit rounds the outline to a fifth of a pixel first, so that the two may disagree in
    pixels that the outline crosses.

    Args:
        points: Vertices as x, y, shape (N, 2).
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        Shape (height, width).
    """
    (x0, y0), (x1, y1) = points.T, np.roll(points, -1, axis=0).T
    centre = np.arange(height)[:, None] + 0.5
    rows, edges = np.nonzero((y0 <= centre) != (y1 <= centre))
    along = (centre[rows, 0] - y0[edges]) / (y1 - y0)[edges]
    crossing = x0[edges] + along * (x1 - x0)[edges]
    columns = np.clip(np.ceil(crossing - 0.5), 0, width).astype(np.int64)  # the first centre at or beyond the crossing
    crossed = np.zeros((height, width + 1), np.int64)
    np.add.at(crossed, (rows, columns), 1)
    inside: NDArray[np.bool_] = crossed.cumsum(axis=1)[:, :width] % 2 == 1
    return inside
