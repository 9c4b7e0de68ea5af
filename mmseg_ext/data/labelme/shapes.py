"""Pixels of LabelMe shapes."""

from __future__ import annotations

import base64
import binascii
import io
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.labelme.polygon import fill_polygon
from mmseg_ext.errors import InputError

Points = NDArray[np.float64]
Binary = NDArray[np.bool_]

MAX_COORDINATE = 1_000_000  # pixels
REDRAW = 'draw it again or delete it'


def shape_mask(shape: Mapping[str, Any], height: int, width: int) -> Binary:
    """Return the pixels that a shape covers.

    A point stands for the pixel that contains it: its coordinates are truncated. ``polygon`` and
    ``oriented_rectangle`` are filled with their outline (`fill_polygon`); ``rectangle`` holds both corner pixels;
    ``circle`` holds the pixels whose centres lie within it; ``mask`` is copied into its box.

    Args:
        shape: An entry of ``shapes`` of a LabelMe file: ``points``, ``shape_type`` (a polygon where it is missing)
            and, for a mask, ``mask``.
        height: Height of the image.
        width: Width of the image.

    Returns:
        Shape (height, width).

    Raises:
        InputError: The shape is damaged, or its type covers no area (line, linestrip, point). Its subject is
            just ``shape``: the file and the number of the shape are not known here.
    """
    kind = shape.get('shape_type') or 'polygon'
    points = _points(shape.get('points'))
    if kind == 'mask':
        return _place_mask(shape.get('mask'), points, height, width)
    if kind == 'polygon':
        if len(points) < 3:
            raise InputError('shape', f'a polygon needs 3 points or more, found {len(points)}', REDRAW)
        return fill_polygon(points, height, width)
    if kind == 'oriented_rectangle':
        _expect_points(kind, points, 4)
        return fill_polygon(points, height, width)
    if kind == 'rectangle':
        _expect_points(kind, points, 2)
        return _fill_rectangle(points, height, width)
    if kind == 'circle':
        _expect_points(kind, points, 2)
        return _fill_circle(points, height, width)
    raise InputError('shape', f'its type {kind!r} covers no area', 'draw a polygon instead or delete it')


def _points(value: Any) -> Points:
    """Check ``points``: shape (N, 2), finite."""
    try:
        points = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError('shape', '`points:` must be a list of [x, y]', REDRAW)
    if not (np.abs(points) <= MAX_COORDINATE).all():  # also false for NaN
        raise InputError('shape', f'`points:` holds a coordinate that is no number or beyond ±{MAX_COORDINATE}', REDRAW)
    return points


def _expect_points(kind: str, points: Points, count: int) -> None:
    if len(points) != count:
        raise InputError('shape', f'a {kind} needs {count} points, found {len(points)}', REDRAW)


def _fill_rectangle(corners: Points, height: int, width: int) -> Binary:
    (left, top), (right, bottom) = np.trunc([corners.min(axis=0), corners.max(axis=0)]).astype(int)
    filled = np.zeros((height, width), bool)
    filled[max(top, 0) : max(bottom + 1, 0), max(left, 0) : max(right + 1, 0)] = True
    return filled


def _fill_circle(points: Points, height: int, width: int) -> Binary:
    """Fill a circle given by its centre and a point on it; the centre of pixel (x, y) is at (x + 0.5, y + 0.5)."""
    (x, y), edge = points
    radius = np.hypot(*(edge - points[0]))
    rows, columns = np.ogrid[:height, :width]
    inside: Binary = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 <= radius**2
    return inside


def _place_mask(png: Any, box: Points, height: int, width: int) -> Binary:
    """Decode a mask's PNG into its box, whose two corner pixels both belong to it."""
    _expect_points('mask', box, 2)
    (left, top), (right, bottom) = np.trunc(box).astype(int).tolist()
    if not (0 <= left <= right < width and 0 <= top <= bottom < height):
        raise InputError(
            'shape',
            f'the box of its mask, ({left}, {top}) to ({right}, {bottom}), leaves the image of {width}×{height}',
            REDRAW,
        )
    filled = np.zeros((height, width), bool)
    filled[top : bottom + 1, left : right + 1] = decode_mask(png, (bottom - top + 1, right - left + 1))
    return filled


def decode_mask(text: Any, size: tuple[int, int]) -> Binary:
    """Decode the base64 PNG of a ``mask`` shape; any value but 0 belongs to it.

    Args:
        text: The content of ``mask``.
        size: Height and width that its box demands.

    Raises:
        InputError: It is no PNG of one channel in base64, or has another size.
    """
    from PIL import Image

    if not isinstance(text, str):
        raise InputError('shape', 'lacks its `mask:` (a PNG in base64)', REDRAW)
    try:
        with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=['PNG']) as image:
            if image.size != size[::-1]:  # before a pixel is decoded
                problem = f'its `mask:` is {image.width}×{image.height} pixels but its box {size[1]}×{size[0]}'
                raise InputError('shape', problem, REDRAW)
            values = np.asarray(image)
    except (OSError, SyntaxError, ValueError, struct.error, binascii.Error, Image.DecompressionBombError) as error:
        raise InputError('shape', f'its `mask:` is no complete PNG in base64 ({error})', REDRAW) from error
    if values.ndim != 2:
        raise InputError('shape', f'its `mask:` has {values.shape[2]} channels, expected one', REDRAW)
    return values != 0


def encode_mask(binary: Binary) -> str:
    """Encode a map of shape (H, W) as the ``mask`` of a shape: a grey PNG of 0 and 1 in base64, as LabelMe does."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(binary.astype(np.uint8)).save(stream, format='PNG', optimize=False)
    return base64.b64encode(stream.getvalue()).decode('ascii')
