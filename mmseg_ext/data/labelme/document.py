"""LabelMe documents: checked reading, labels and classes, new documents and shapes."""

from __future__ import annotations

import base64
import os
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import ImageHeader, ImageRules, open_header, stated_orientation
from mmseg_ext.errors import InputError
from mmseg_ext.reading import load_json

Document = dict[str, Any]
Shape = dict[str, Any]

VERSION = '5.10.1'  # of the format; labelme 5.3 and later read it
IGNORED_LABEL = '__ignore__'  # as in labelme's own converters
BACKGROUND_LABEL = '_background_'  # likewise: class 0
MAX_SHAPES = 50_000


def read_document(path: str | Path) -> Document:
    """Read a LabelMe file: a dictionary with a list ``shapes``, each of which has a ``label``.

    Raises:
        InputError: The file is missing, is not JSON in UTF-8, is not a LabelMe file, or has more than 50,000 shapes.
    """
    try:
        content = load_json(path)
    except OSError as error:
        raise InputError(path, f'cannot be read ({error.strerror})') from error
    except UnicodeDecodeError as error:
        raise InputError(path, f'is not UTF-8 text (byte {error.start})', 'save it as UTF-8') from error
    except ValueError as error:
        raise InputError(path, f'is not valid JSON ({error})', 'correct it or write it again') from error
    if not isinstance(content, dict) or not isinstance(content.get('shapes'), list):
        raise InputError(path, 'is not a LabelMe file (it has no `shapes:` list)', 'remove it from the folder')
    if len(content['shapes']) > MAX_SHAPES:
        raise InputError(path, f'holds {len(content["shapes"]):,} shapes, more than {MAX_SHAPES:,}', 'split the image')
    for number, shape in enumerate(content['shapes'], 1):
        if not isinstance(shape, dict) or not isinstance(shape.get('label'), str):
            raise InputError(path, f'shape {number} has no `label:`', 'name it in labelme or delete it')
        shape['label'] = unicodedata.normalize('NFC', shape['label'])  # like class names
    return content


def label_values(classes: Classes) -> dict[str, int]:
    """Map labels to mask values: the classes by name, the ignored value, and labelme's name for the background.

    >>> label_values(Classes(('background', 'cat'), ((0, 0, 0), (220, 60, 60))))
    {'background': 0, 'cat': 1, '__ignore__': 255, '_background_': 0}
    """
    names = {name: value for value, name in enumerate(classes.names)}
    return {
        **names,
        IGNORED_LABEL: classes.ignore_index,
        BACKGROUND_LABEL: names.get(BACKGROUND_LABEL, classes.unlabelled),
    }


def label_names(classes: Classes) -> dict[int, str]:
    """Map mask values to labels: the class names, and ``__ignore__``."""
    return {**dict(enumerate(classes.names)), classes.ignore_index: IGNORED_LABEL}


def labels_text(classes: Classes) -> str:
    """Return the text of a label list as ``labelme --labels`` reads it."""
    return ''.join(f'{name}\n' for name in (IGNORED_LABEL, *classes.names))


def image_size(document: Mapping[str, Any], source: str | Path) -> tuple[int, int] | None:
    """Return the image's height and width as the file states them, or None if it does not.

    Raises:
        InputError: They are not valid sizes, or give more pixels than the limit for images.
    """
    sizes = document.get('imageHeight'), document.get('imageWidth')
    if None in sizes:
        return None
    if not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise InputError(source, f'imageHeight and imageWidth must be whole numbers above 0, found {sizes}')
    limit = ImageRules().max_pixels
    if sizes[0] * sizes[1] > limit:  # type: ignore[operator]
        raise InputError(source, f'states an image size of {sizes[1]}×{sizes[0]} pixels, more than {limit:,}')
    return sizes[0], sizes[1]  # type: ignore[return-value]


class EmbeddedImage(NamedTuple):
    """Image embedded in a document.

    labelme does not turn it, and itself embeds no image with an orientation: shapes lie on the pixels as stored.

    Attributes:
        data: Content of its file.
        suffix: Suffix of its format, such as ``.jpg``.
        size: Height and width in pixels, as stored.
        orientation: EXIF orientation (1–8) that it states.
    """

    data: bytes
    suffix: str
    size: tuple[int, int]
    orientation: int


def embedded_image(document: Mapping[str, Any]) -> EmbeddedImage | None:
    """Return the image that a document embeds, or None if it holds none that can be read."""
    text = document.get('imageData')
    if not isinstance(text, str):
        return None
    try:
        data = base64.b64decode(text)
        with open_header(data) as image:
            size, kind = (image.height, image.width), str(image.format).lower()
    except Exception:  # the bytes are untrusted
        return None
    suffix = {'jpeg': '.jpg', 'mpo': '.jpg'}.get(kind, f'.{kind}')
    # Pillow gives the upright size of a TIFF.
    return EmbeddedImage(data, suffix, size, 1 if kind == 'tiff' else stated_orientation(data))


def new_document(shapes: Sequence[Shape], image: Path, header: ImageHeader, folder: Path) -> Document:
    """Make a LabelMe document without metadata.

    Its image is named by the path relative to the document, and not embedded: labelme turns an image that it opens by
    its path by the EXIF orientation, so shapes, masks and images all lie on the upright pixels.

    Args:
        shapes: Its shapes.
        image: The image file.
        header: Its size.
        folder: The folder that the document is written to.
    """
    return {
        'version': VERSION,
        'flags': {},
        'shapes': list(shapes),
        'imagePath': _relative_path(image, folder),
        'imageData': None,
        'imageHeight': header.size[0],
        'imageWidth': header.size[1],
    }


def _relative_path(image: Path, folder: Path) -> str:
    """Return the path relative to a folder, with forward slashes, as ``imagePath`` holds it."""
    target = image.parent.resolve() / image.name
    try:
        return Path(os.path.relpath(target, folder.resolve())).as_posix()
    except ValueError:  # another drive
        return target.as_posix()


def new_shape(label: str, kind: str, points: Sequence[Sequence[float]], mask: str | None = None) -> Shape:
    """Make a shape without metadata; for kind ``mask``, the argument ``mask`` is its PNG in base64."""
    return {
        'label': label,
        'points': [list(point) for point in points],
        'group_id': None,
        'description': '',
        'shape_type': kind,
        'flags': {},
        'mask': mask,
    }
