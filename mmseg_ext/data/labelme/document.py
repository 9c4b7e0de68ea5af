"""LabelMe files as dictionaries: reading with checks, and the names that the format gives to things."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_ext.data.classes import Classes
from mmseg_ext.errors import InputError

Document = dict[str, Any]
Shape = dict[str, Any]

VERSION = '5.10.1'  # of the format; labelme 5.3 and later read it
IGNORED_LABEL = '__ignore__'  # what labelme's own converters call it
SUFFIX = '.json'


def read_document(path: str | Path) -> Document:
    """Read a LabelMe file and check what every reader needs: a dictionary with a list of labelled ``shapes``.

    Raises:
        InputError: The file is missing, is no JSON in UTF-8, or no LabelMe file.
    """
    try:
        content = json.loads(Path(path).read_bytes().decode('utf-8-sig'))
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from error
    except UnicodeDecodeError as error:
        raise InputError(f'{path}: is not UTF-8 text (byte {error.start}); save it anew as UTF-8') from error
    except (ValueError, RecursionError) as error:
        raise InputError(f'{path}: is not valid JSON ({error}); mend it or write it anew') from error
    if not isinstance(content, dict) or not isinstance(content.get('shapes'), list):
        raise InputError(f'{path}: is no LabelMe file (it has no list `shapes`); remove it from the folder')
    for number, shape in enumerate(content['shapes'], 1):
        if not isinstance(shape, dict) or not isinstance(shape.get('label'), str):
            raise InputError(f'{path}: shape {number} has no `label`; name it in labelme or delete it')
    return content


def label_values(classes: Classes) -> dict[str, int]:
    """Label → value in the mask: the classes by their names, and the ignored value as ``__ignore__``."""
    return {**{name: value for value, name in enumerate(classes.names)}, IGNORED_LABEL: classes.ignore_index}


def label_names(classes: Classes) -> dict[int, str]:
    """Value in the mask → label, the inverse of `label_values`."""
    return {value: name for name, value in label_values(classes).items()}


def labels_text(classes: Classes) -> str:
    """The text of a label list as ``labelme --labels`` reads it."""
    return ''.join(f'{name}\n' for name in (IGNORED_LABEL, *classes.names))


def image_size(document: Mapping[str, Any], source: str | Path) -> tuple[int, int] | None:
    """The image's height and width as the file states them, or None where it does not.

    Raises:
        InputError: They are no sizes.
    """
    sizes = document.get('imageHeight'), document.get('imageWidth')
    if None in sizes:
        return None
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise InputError(f'{source}: imageHeight and imageWidth must be whole numbers above 0, found {sizes}')
    return sizes[0], sizes[1]  # type: ignore[return-value]


def new_document(shapes: Sequence[Shape], image_path: str, size: tuple[int, int]) -> Document:
    """A LabelMe file without metadata. The photograph is named, relative to the file, and not embedded.

    Args:
        shapes: Its shapes.
        image_path: Path of the photograph relative to the folder of the file.
        size: Height and width of the photograph.
    """
    return {
        'version': VERSION,
        'flags': {},
        'shapes': list(shapes),
        'imagePath': image_path,
        'imageData': None,
        'imageHeight': size[0],
        'imageWidth': size[1],
    }


def new_shape(label: str, kind: str, points: Sequence[Sequence[float]], mask: str | None = None) -> Shape:
    """A shape without metadata; ``mask`` is the base64 PNG of one of kind ``mask``."""
    return {
        'label': label,
        'points': [list(point) for point in points],
        'group_id': None,
        'description': '',
        'shape_type': kind,
        'flags': {},
        'mask': mask,
    }
