"""Supervisely: a project with a JSON file of objects for each image.

The format is documented at https://developer.supervisely.com/getting-started/supervisely-annotation-format/::

    meta.json                    classes: titles and colours
    DATASET/img/a.jpg
    DATASET/ann/a.jpg.json       size, and objects: polygons, rectangles, bitmaps
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.annotated import AnnotatedImage, Annotation, convert_annotated, stem_of
from mmseg_ext.converters.drawing import Drawn, check_points, not_empty
from mmseg_ext.converters.naming import Colour, name_classes
from mmseg_ext.converters.output import Converted
from mmseg_ext.converters.report import Report
from mmseg_ext.converters.split import SPLIT_WORDS, SplitOptions
from mmseg_ext.data.dataset import IMAGE_SUFFIXES
from mmseg_ext.data.images import check_pixels, open_header, pixel_limit
from mmseg_ext.data.labelme.polygon import outlined_region
from mmseg_ext.data.remapping import hex_colour
from mmseg_ext.errors import InputError, one_line
from mmseg_ext.reading import find_file, load_json

META_FILE = 'meta.json'
IMAGES, ANNOTATIONS = 'img', 'ann'  # folders of a dataset
BITMAPS = ('alpha_mask', 'bitmap')
AREAS = (*BITMAPS, 'polygon', 'rectangle')
OPAQUE = {'alpha_mask': 128}  # smallest alpha of an object's pixel, 1 for other types
MAX_PNG_BYTES = 1 << 26
EXPORT_AGAIN = 'export the project again in the Supervisely format'


def convert_supervisely(
    source: str | Path,
    root: str | Path,
    *,
    classes: Sequence[str] | None = None,
    ignored: Sequence[str] | None = None,
    split: SplitOptions | None = None,
    overwrite: bool = False,
) -> Converted:
    """Convert a Supervisely project.

    Objects are painted in file order, and in Supervisely's way: the outline of a polygon belongs to it, the outline
    of a hole does not, and both corners of a rectangle are part of it. Objects without area (lines, points, graphs,
    cuboids) are counted and left out. Datasets called train, val or test are the splits; otherwise ``split`` assigns
    them. An image without an annotation file is background.

    Args:
        source: Folder of ``meta.json``.
        root: Data set to write.
        classes: Titles to take, numbered from 1 in this order; all by default. The background is class 0.
        ignored: Titles whose pixels are ignored (255).
        split: How images are assigned to splits if the datasets do not name them.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: ``meta.json`` cannot be used, there is no image, or an option is out of range. A file that cannot be
            used costs only its image.
    """
    source = Path(source)
    labels = read_meta(source / META_FILE)
    naming = name_classes(labels, classes, ignored)
    report = Report(naming.classes.names)
    no_areas: Counter[str] = Counter()
    folders = sorted(path for path in source.rglob(IMAGES) if path.is_dir())
    names = {folder: _dataset(folder.parent.relative_to(source)) for folder in folders}
    splits = {folder: SPLIT_WORDS.get(name.casefold()) for folder, name in names.items()}
    plain = all(splits.values()) or len(folders) == 1  # whether image names leave out the dataset
    found = []
    for folder in folders:
        for path in sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES):
            stem = stem_of(path.name if plain else f'{names[folder]}/{path.name}')
            found.append(_image(path, stem, splits[folder], labels, no_areas))
    if not found:
        raise InputError(source, f'holds no image in a folder DATASET/{IMAGES}', 'export with images')
    report.notes += [
        f'{count} objects of type {kind} have no area and are left out' for kind, count in no_areas.items()
    ]
    settings = {'ignored': list(ignored or ()), **({} if plain else {'datasets': 'named'})}
    return convert_annotated(found, naming, root, 'supervisely', settings, report, split=split, overwrite=overwrite)


def read_meta(path: Path) -> dict[str, Colour | None]:
    """Read the titles and colours of the classes of a ``meta.json``.

    Raises:
        InputError: It cannot be read or names no class.
    """
    try:
        content = load_json(path)
        found = {str(entry['title']): hex_colour(str(entry.get('color', ''))) for entry in content['classes']}
    except OSError as error:
        raise InputError(
            path, f'cannot be read ({error.strerror})', 'give the folder of the exported project'
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(path, f'is not a Supervisely {META_FILE} ({one_line(error)})', EXPORT_AGAIN) from error
    if not found:
        raise InputError(path, 'lists no classes', EXPORT_AGAIN)
    return found


def _dataset(path: Path) -> str:
    """Name a dataset by its path in the project; nested datasets are in the folder ``datasets``."""
    return '_'.join(part for part in path.parts if part != 'datasets')


def _image(
    path: Path, stem: str, split: str | None, labels: Mapping[str, Any], no_areas: Counter[str]
) -> AnnotatedImage:
    folder = path.parent.parent / ANNOTATIONS
    file = find_file(folder / f'{path.name}.json', folder / f'{path.stem}.json')
    if file is None:
        return AnnotatedImage(path, stem, split=split)
    annotations = []
    try:
        content = load_json(file)
        size = int(content['size']['height']), int(content['size']['width'])
        for entry in content['objects']:
            title = str(entry['classTitle'])
            kind = str(entry.get('geometryType') or ('bitmap' if entry.get('bitmap') else 'polygon'))
            if title not in labels:
                raise ValueError(f'an object has the class {title!r}, which is not in {META_FILE}')
            if kind in AREAS:
                annotations.append(Annotation(title, partial(_draw, kind, entry)))
            else:
                no_areas[kind] += 1
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        detail = f'lacks {error}' if isinstance(error, KeyError) else one_line(error)
        problem = InputError(file, f'is not a Supervisely annotation ({detail})', EXPORT_AGAIN)
        return AnnotatedImage(path, stem, split=split, problem=problem)
    return AnnotatedImage(path, stem, annotations, split, size)


def _draw(kind: str, entry: Mapping[str, Any], height: int, width: int) -> Drawn:
    """Draw an object; see `mmseg_ext.converters.drawing`."""
    try:
        if kind in BITMAPS:
            bitmap = entry.get(kind) or entry['bitmap']
            left, top = (int(value) for value in bitmap['origin'])
            return _crop(decode_bitmap(bitmap['data'], OPAQUE.get(kind, 1)), left, top, height, width)
        exterior = _points(entry['points']['exterior'])
        if kind == 'rectangle':
            (left, top), (right, bottom) = exterior.tolist()
            exterior = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        check_points(exterior, 3)
        top_, left_, pixels = outlined_region(exterior, height, width)
        for hole in entry['points'].get('interior') or []:
            check_points(points := _points(hole), 3)
            y, x, inside = outlined_region(points, height, width)
            whole = np.zeros((height, width), bool)
            whole[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
            pixels = pixels & ~whole[top_ : top_ + pixels.shape[0], left_ : left_ + pixels.shape[1]]
        return not_empty(Drawn(top_, left_, pixels))
    except KeyError as error:
        raise ValueError(f'lacks {error}') from error
    except (TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f'is damaged ({one_line(error)})') from error


def _points(value: Any) -> NDArray[np.float64]:
    points = np.array(value, np.float64)
    return points if points.size else points.reshape(0, 2)


def decode_bitmap(text: str, opaque: int = 1) -> NDArray[np.bool_]:
    """Decode the pixels of a bitmap: a PNG, compressed by zlib, as base64.

    Args:
        text: The ``data`` of a bitmap.
        opaque: Smallest alpha of the object's pixels. In an image without transparency, all pixels but 0 belong to it.

    Returns:
        Shape (h, w).

    Raises:
        ValueError: It is damaged, or has more pixels than `pixel_limit`.
    """
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(text), MAX_PNG_BYTES)
        with open_header(data) as image:
            check_pixels(image, 'bitmap', pixel_limit())
            if 'A' in image.mode or 'transparency' in image.info:
                return np.asarray(image.convert('RGBA').getchannel('A'), np.uint8) >= opaque
            return np.asarray(image.convert('RGB'), np.uint8).max(axis=2) > 0
    except InputError as error:
        raise ValueError(error.problem) from error
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f'its bitmap is not compressed base64 ({one_line(error)})') from error
    except Exception as error:  # the bytes are untrusted: a decoder may fail on them in any way
        raise ValueError(f'its bitmap is not a PNG ({one_line(error)})') from error


def _crop(pixels: NDArray[np.bool_], left: int, top: int, height: int, width: int) -> Drawn:
    """Place pixels in an image, cutting off those outside."""
    first_row, first_column = max(-top, 0), max(-left, 0)
    pixels = pixels[first_row : max(height - top, 0), first_column : max(width - left, 0)]
    if not pixels.size:
        raise ValueError('lies outside the image')
    return not_empty(Drawn(max(top, 0), max(left, 0), pixels))
