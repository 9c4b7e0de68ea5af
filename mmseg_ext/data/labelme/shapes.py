"""Pixels of LabelMe shapes."""

from __future__ import annotations

import base64
import binascii
import io
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.images import ImageRules
from mmseg_ext.data.labelme.polygon import outline_length, outlined_region
from mmseg_ext.data.polygons import Region, clip, polygon_region
from mmseg_ext.errors import InputError

Points = NDArray[np.float64]
Binary = NDArray[np.bool_]

Rule = Literal['outline', 'labelme', 'centre']

MAX_COORDINATE = 1_000_000  # pixels
MAX_OUTLINE = 20_000_000  # pixels, some seconds' work
MAX_PAINTED = 4_000_000_000  # pixels of the boxes of all shapes of a file: about half a minute
WITHOUT_AREA = ('line', 'linestrip', 'point', 'points')
POINTS_OF = {'rectangle': 2, 'circle': 2, 'oriented_rectangle': 4}
REDRAW = 'draw it again or delete it'


class ShapeRegion(NamedTuple):
    """Pixels of a shape within a box of the image.

    Attributes:
        top: First row of the box.
        left: First column of the box.
        pixels: The box, shape (h, w); it lies within the image, and is empty if the shape lies outside.
        beyond: Whether the shape reaches beyond the image.
    """

    top: int
    left: int
    pixels: Binary
    beyond: bool

    @property
    def place(self) -> tuple[slice, slice]:
        """The box as an index of the image."""
        height, width = self.pixels.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def shape_mask(shape: Mapping[str, Any], height: int, width: int, rule: Rule = 'outline') -> Binary:
    """Return the pixels that a shape covers, like `shape_region`, in a map of shape (height, width)."""
    region = shape_region(shape, height, width, rule)
    covered = np.zeros((height, width), bool)
    covered[region.place] = region.pixels
    return covered


def shape_region(shape: Mapping[str, Any], height: int, width: int, rule: Rule = 'outline') -> ShapeRegion:
    """Return the pixels that a shape covers; what reaches beyond the image is cut off.

    By the rule ``outline``, a point stands for the pixel that contains it: its coordinates are truncated. ``polygon``
    and ``oriented_rectangle`` are filled with their outline (`fill_polygon`); ``rectangle`` holds both corner pixels;
    ``circle`` holds the pixels whose centres lie within it. By ``labelme``, polygons, rectangles and circles are drawn
    as labelme's own converters paint them: by Pillow, with outline. By ``centre``, they hold the pixels whose centres
    they enclose, which comes closest to the drawn area. A ``mask`` is copied to the truncated first corner of its box.

    Args:
        shape: An entry of ``shapes`` of a LabelMe file: ``points``, ``shape_type`` (a polygon if missing)
            and, for a mask, ``mask``.
        height: Height of the image.
        width: Width of the image.
        rule: ``outline``, ``labelme`` or ``centre``.

    Raises:
        InputError: The shape is damaged, its outline is too long, or its type covers no area (line, linestrip, point).
            The error's subject is just ``shape``: the file and the number of the shape are not known here.
    """
    kind = shape.get('shape_type') or 'polygon'
    points = _points(shape.get('points'))
    if kind == 'mask':
        return _place_mask(shape.get('mask'), points, height, width)
    if kind == 'polygon':
        if len(points) < 3:
            raise InputError('shape', f'a polygon needs 3 points or more, found {len(points)}', REDRAW)
    elif isinstance(kind, str) and kind in POINTS_OF:
        _expect_points(kind, points, POINTS_OF[kind])
    else:
        raise InputError('shape', f'its type {kind!r:.60} covers no area', 'draw a polygon instead or delete it')
    reach = _reach(kind, points)
    draw = _draw_as_labelme if rule == 'labelme' else _draw
    top, left, pixels = draw(kind, points, reach, height, width, rule)
    beyond = bool((reach[0] < 0).any() or (reach[1] > (width, height)).any())
    return ShapeRegion(top, left, pixels, beyond)


def check_work(shapes: Sequence[Mapping[str, Any]], height: int, width: int, source: str) -> None:
    """Refuse shapes that would take too long to draw.

    Args:
        shapes: The shapes of a LabelMe file.
        height: Height of the image.
        width: Width of the image.
        source: Name of the file in the error.

    Raises:
        InputError: Their boxes hold more than `MAX_PAINTED` pixels in all.
    """
    if sum(_box_size(shape, height, width) for shape in shapes) > MAX_PAINTED:
        problem = f'the boxes of its shapes have more than {MAX_PAINTED:,} pixels in total'
        raise InputError(source, problem, 'make the image smaller or split it')


def _box_size(shape: Mapping[str, Any], height: int, width: int) -> int:
    """Return the pixels of the box in which `shape_region` draws a shape; 0 for a shape that it refuses."""
    try:
        points = _points(shape.get('points'))
    except InputError:
        return 0
    if not len(points) or (shape.get('shape_type') == 'circle' and len(points) != 2):
        return 0
    low, high = np.clip(_reach(str(shape.get('shape_type')), points), 0, (width, height))
    return int(np.prod(high - low + 1))


def _points(value: Any) -> Points:
    """Check ``points``: shape (N, 2), finite."""
    try:
        points = np.array(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError('shape', '`points:` must be a list of [x, y]', REDRAW)
    if not (np.abs(points) <= MAX_COORDINATE).all():  # also false for NaN
        raise InputError(
            'shape', f'`points:` holds a coordinate that is not a number or is beyond ±{MAX_COORDINATE}', REDRAW
        )
    return points


def _expect_points(kind: str, points: Points, count: int) -> None:
    if len(points) != count:
        raise InputError('shape', f'a {kind} needs {count} points, found {len(points)}', REDRAW)


def _reach(kind: str, points: Points) -> Points:
    """Return the smallest and the largest x, y of a shape, shape (2, 2)."""
    if kind == 'circle':
        radius = np.hypot(*(points[1] - points[0]))
        return np.array([points[0] - radius, points[0] + radius])
    return np.array([points.min(axis=0), points.max(axis=0)])


def _draw(kind: str, points: Points, reach: Points, height: int, width: int, rule: Rule) -> Region:
    """Draw by the rules ``outline`` and ``centre``."""
    if kind in ('polygon', 'oriented_rectangle'):
        length = outline_length(points, height, width)
        if length > MAX_OUTLINE:
            raise InputError('shape', f'its outline is {length:,} pixels long, more than {MAX_OUTLINE:,}', REDRAW)
        return (polygon_region if rule == 'centre' else outlined_region)(points, height, width)
    if rule == 'centre' and kind == 'rectangle':
        return polygon_region(_corners(reach), height, width)
    (left, top), (right, bottom) = np.trunc(reach).astype(int).tolist()
    left, right = clip(left, width), clip(right + 1, width)
    top, bottom = clip(top, height), clip(bottom + 1, height)
    pixels = np.ones((bottom - top, right - left), bool)
    if kind == 'circle':  # the centre of pixel (x, y) is at (x + 0.5, y + 0.5)
        (x, y), edge = points
        rows, columns = np.ogrid[top:bottom, left:right]
        pixels = (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 <= np.hypot(*(edge - points[0])) ** 2
    return top, left, pixels


def _corners(reach: Points) -> Points:
    """Return the four corners of a box given by two of them."""
    (left, top), (right, bottom) = reach
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def _draw_as_labelme(kind: str, points: Points, reach: Points, height: int, width: int, rule: Rule) -> Region:
    """Draw with Pillow, as labelme's converters do, on the part of the image that the shape can touch."""
    from PIL import Image, ImageDraw

    (left, top), (right, bottom) = np.floor(reach).astype(int).tolist()
    left, right = clip(left, width), clip(right + 2, width)
    top, bottom = clip(top, height), clip(bottom + 2, height)
    image = Image.new('L', (right - left, bottom - top))
    if image.width and image.height:
        draw = ImageDraw.Draw(image)
        corner = np.array([left, top])
        if kind in ('polygon', 'oriented_rectangle'):
            draw.polygon([(x, y) for x, y in (points - corner).tolist()], outline=1, fill=1)
        else:
            box = [(x, y) for x, y in (reach - corner).tolist()]
            (draw.ellipse if kind == 'circle' else draw.rectangle)(box, outline=1, fill=1)
    return top, left, np.asarray(image) > 0


def _place_mask(png: Any, box: Points, height: int, width: int) -> ShapeRegion:
    """Decode a mask's PNG into its box, whose two corner pixels both belong to it.

    labelme moves masks by fractions of a pixel and beyond the image; truncating both corners may then change the
    distance between them by one. The PNG has the true size.
    """
    _expect_points('mask', box, 2)
    (left, top), (right, bottom) = np.trunc(box).astype(int).tolist()
    if right < left or bottom < top:
        raise InputError('shape', f'the box of its mask, ({left}, {top}) to ({right}, {bottom}), is empty', REDRAW)
    if (right - left + 1) * (bottom - top + 1) > ImageRules().max_pixels:
        raise InputError('shape', f'its mask has more than {ImageRules().max_pixels:,} pixels', REDRAW)
    is_moved = bool((box != np.trunc(box)).any())
    mask = decode_mask(png, (bottom - top + 1, right - left + 1), 1 if is_moved else 0)
    right, bottom = left + mask.shape[1], top + mask.shape[0]
    rows = slice(clip(top, height), clip(bottom, height))
    columns = slice(clip(left, width), clip(right, width))
    pixels = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    if rows.start >= rows.stop or columns.start >= columns.stop:
        pixels = np.zeros((0, 0), bool)
    return ShapeRegion(rows.start, columns.start, pixels, left < 0 or top < 0 or right > width or bottom > height)


def decode_mask(text: Any, size: tuple[int, int], slack: int = 0) -> Binary:
    """Decode the base64 PNG of a ``mask`` shape; any value but 0 belongs to it.

    Args:
        text: Content of ``mask``.
        size: Height and width of its box.
        slack: Pixels by which they may differ.

    Raises:
        InputError: It is not a one-channel PNG in base64, or has another size.
    """
    from PIL import Image

    if not isinstance(text, str):
        raise InputError('shape', 'lacks its `mask:` (a PNG in base64)', REDRAW)
    try:
        with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=['PNG']) as image:
            if max(abs(image.width - size[1]), abs(image.height - size[0])) > slack:  # before a pixel is decoded
                problem = f'its `mask:` is {image.width}×{image.height} pixels but its box {size[1]}×{size[0]}'
                raise InputError('shape', problem, REDRAW)
            values = np.asarray(image)
    except (OSError, SyntaxError, ValueError, struct.error, binascii.Error, Image.DecompressionBombError) as error:
        raise InputError('shape', f'its `mask:` is not a complete PNG in base64 ({error})', REDRAW) from error
    if values.ndim != 2:
        raise InputError('shape', f'its `mask:` has {values.shape[2]} channels, expected one', REDRAW)
    return values != 0


def encode_mask(binary: Binary) -> str:
    """Encode a map of shape (H, W) as the ``mask`` of a shape, like LabelMe: a grey PNG of 0 and 1 in base64."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(binary.astype(np.uint8)).save(stream, format='PNG', optimize=False)
    return base64.b64encode(stream.getvalue()).decode('ascii')
