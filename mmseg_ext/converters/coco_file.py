"""Reading a COCO file of instances."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.coco_masks import segmentation_mask
from mmseg_ext.errors import InputError


@dataclass(frozen=True)
class Instance:
    """An annotated object, or a crowd of them.

    Attributes:
        id: Of the annotation.
        value: Its class in our masks, from 1.
        area: In pixels, as the file says.
        crowd: The outline is that of a group, and rough.
        segmentation: As in the file.
    """

    id: int
    value: int
    area: float
    crowd: bool
    segmentation: Any


@dataclass(frozen=True)
class Photograph:
    """An image of the file with its instances of the chosen classes.

    Attributes:
        source: The file that names it, for errors.
        id: Of the image.
        file_name: Relative to the folder of images.
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
        """The pixels of an instance, shape (height, width).

        Raises:
            InputError: Its segmentation is damaged.
        """
        try:
            return segmentation_mask(instance.segmentation, self.height, self.width)
        except (ValueError, TypeError) as error:
            raise InputError(
                f'{self.source}: segmentation of annotation {instance.id} cannot be used: {error}; download it anew'
            ) from error


def read_photographs(path: Path, classes: Sequence[str]) -> list[Photograph]:
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
        raise InputError(f'{path}: cannot be read as JSON ({error}); unpack the annotations anew') from error
    try:
        ids = {str(category['name']): int(category['id']) for category in content['categories']}
        for name in classes:
            if name not in ids:
                raise InputError(f'{path}: has no category {name!r}; --classes may be {", ".join(sorted(ids))}')
        value_of = {ids[name]: position + 1 for position, name in enumerate(classes)}
        return _group(path, content, value_of)
    except (KeyError, TypeError, ValueError) as error:
        detail = f'lacks {error}' if isinstance(error, KeyError) else str(error)
        raise InputError(f'{path}: is no COCO file of instances ({detail}); name instances_*.json') from error


def _group(path: Path, content: Any, value_of: dict[int, int]) -> list[Photograph]:
    instances: dict[int, list[Instance]] = defaultdict(list)
    for found in content['annotations']:
        value = value_of.get(found['category_id'])
        if value is not None:
            crowd, area = bool(found.get('iscrowd', 0)), float(found['area'])
            one = Instance(int(found['id']), value, area, crowd, found['segmentation'])
            instances[int(found['image_id'])].append(one)
    images = {int(image['id']): image for image in content['images']}
    return [
        Photograph(
            path,
            key,
            str(images[key]['file_name']),
            int(images[key]['height']),
            int(images[key]['width']),
            tuple(sorted(instances[key], key=lambda one: (-one.area, one.id))),
        )
        for key in sorted(instances)
    ]
