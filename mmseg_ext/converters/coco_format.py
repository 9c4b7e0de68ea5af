"""COCO files of instances: images, objects, and the pixels of their segmentations."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError

BITS = 5  # of a number in one character of compressed run lengths
SIGN, MORE = 1 << (BITS - 1), 1 << BITS
FIRST_CHARACTER = 48


@dataclass(frozen=True)
class Instance:
    """An annotated object, or a crowd of them.

    Attributes:
        id: Id of the annotation.
        value: Its class in our masks, from 1.
        area: In pixels, as the file states it.
        crowd: Whether it is a group with a rough outline.
        segmentation: As in the file.
    """

    id: int
    value: int
    area: float
    crowd: bool
    segmentation: Any


@dataclass(frozen=True)
class CocoImage:
    """An image of the file with its instances of the chosen classes.

    Attributes:
        source: The file that names it, for errors.
        id: Id of the image.
        file_name: Path relative to the folder of images.
        height: In pixels.
        width: In pixels.
        instances: Sorted by falling area, then by id.
    """

    source: Path
    id: int
    file_name: str
    height: int
    width: int
    instances: tuple[Instance, ...]

    def covered(self, instance: Instance) -> NDArray[np.bool_]:
        """Return the pixels of an instance, shape (height, width).

        Raises:
            InputError: Its segmentation is damaged.
        """
        try:
            return segmentation_mask(instance.segmentation, self.height, self.width)
        except (ValueError, TypeError) as error:
            problem = f'segmentation of annotation {instance.id} cannot be used ({error})'
            raise InputError(self.source, problem, 'download it again') from error


def read_images(path: Path, classes: Sequence[str]) -> list[CocoImage]:
    """Read the images that show one of the classes, sorted by id.

    Args:
        path: ``instances_*.json``.
        classes: Names of categories; their position + 1 is their value.

    Raises:
        InputError: The file cannot be read, is no COCO file of instances, or lacks a category.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(path, f'cannot be read as JSON ({error})', 'unpack the annotations again') from error
    try:
        ids = {str(category['name']): int(category['id']) for category in content['categories']}
        for name in classes:
            if name not in ids:
                raise InputError(path, f'has no category {name!r}', f'`classes` may be {", ".join(sorted(ids))}')
        value_of = {ids[name]: position + 1 for position, name in enumerate(classes)}
        return _group_by_image(path, content, value_of)
    except (KeyError, TypeError, ValueError) as error:
        detail = f'lacks {error}' if isinstance(error, KeyError) else str(error)
        raise InputError(path, f'is no COCO file of instances ({detail})', 'name instances_*.json') from error


def _group_by_image(path: Path, content: Any, value_of: dict[int, int]) -> list[CocoImage]:
    instances: dict[int, list[Instance]] = defaultdict(list)
    for found in content['annotations']:
        value = value_of.get(found['category_id'])
        if value is not None:
            crowd, area = bool(found.get('iscrowd', 0)), float(found['area'])
            instance = Instance(int(found['id']), value, area, crowd, found['segmentation'])
            instances[int(found['image_id'])].append(instance)
    images = {int(image['id']): image for image in content['images']}
    return [
        CocoImage(
            path,
            key,
            str(images[key]['file_name']),
            int(images[key]['height']),
            int(images[key]['width']),
            tuple(sorted(instances[key], key=lambda instance: (-instance.area, instance.id))),
        )
        for key in sorted(instances)
    ]


def segmentation_mask(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """Return the pixels that a ``segmentation`` covers.

    Args:
        segmentation: A list of polygons ``[x0, y0, x1, y1, …]``, of which the union counts; or ``{"size": [height,
            width], "counts": …}`` with a list of run lengths or their compressed text.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        Shape (height, width).

    Raises:
        ValueError: It is neither, is damaged, or is of another size.

    >>> segmentation_mask({'size': [2, 3], 'counts': [1, 2, 3]}, 2, 3).astype(int)
    array([[0, 1, 0],
           [1, 0, 0]])
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

    Each number is written in characters of five bits, the lowest first, where a sixth bit tells that more follow; the
    highest bit of the last character is the sign. From the fourth on, a number is the difference to the last but one.

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
