"""CVAT for images 1.1: an XML file with the shapes of each image.

The format is documented at https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/. The exported archive::

    annotations.xml
    images/…                 under the names in the file; for a project, in a folder for each subset
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np

from mmseg_ext.converters.annotated import AnnotatedImage, Annotation, convert_annotated, stem_of
from mmseg_ext.converters.drawing import Drawn, draw_box, draw_ellipse, draw_polygon, draw_runs
from mmseg_ext.converters.naming import Colour, name_classes
from mmseg_ext.converters.output import Converted
from mmseg_ext.converters.report import Report
from mmseg_ext.converters.split import SPLIT_WORDS, SplitOptions
from mmseg_ext.data.dataset import IMAGE_SUFFIXES
from mmseg_ext.data.remapping import hex_colour
from mmseg_ext.errors import InputError, one_line
from mmseg_ext.reading import find_file, is_below, is_file_name

FILE_NAME = 'annotations.xml'
AREAS = ('box', 'ellipse', 'mask', 'polygon')
NO_SUBSETS = ('', 'default')
FRAME_SUFFIXES = (*(suffix.upper() for suffix in IMAGE_SUFFIXES), *IMAGE_SUFFIXES)  # CVAT writes .PNG
EXPORT_AGAIN = 'export the task again as "CVAT for images 1.1"'


@dataclass
class CvatFile:
    """Content of an ``annotations.xml``.

    Attributes:
        labels: Name → colour, in file order.
        images: Attributes of each image, and its shapes as (type, attributes).
    """

    labels: dict[str, Colour | None] = field(default_factory=dict)
    images: list[tuple[dict[str, str], list[tuple[str, dict[str, str]]]]] = field(default_factory=list)


def convert_cvat(
    annotations: str | Path,
    root: str | Path,
    *,
    images: str | Path | None = None,
    classes: Sequence[str] | None = None,
    ignored: Sequence[str] | None = None,
    split: SplitOptions | None = None,
    overwrite: bool = False,
) -> Converted:
    """Convert a "CVAT for images 1.1" export.

    Polygons, masks, boxes and ellipses are painted by ``z_order``, and within a layer in file order. Shapes without
    area (polylines, points, tags, cuboids, skeletons) are counted and left out. The subsets of a project are its
    splits; if there are none, ``split`` assigns them.

    Args:
        annotations: ``annotations.xml``, or its folder.
        root: Data set to write.
        images: Folder of the images; by default ``images`` beside the file.
        classes: Labels to take, numbered from 1 in this order; all by default. The background is class 0.
        ignored: Labels whose pixels are ignored (255).
        split: How images are assigned to splits if the file names no subsets.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: The file cannot be used, or an option is out of range. An image that cannot be used costs only
            itself.
    """
    path = Path(annotations)
    path = path / FILE_NAME if path.is_dir() else path
    content = read_cvat(path)
    folder = Path(images) if images is not None else path.parent / 'images'
    if not folder.is_dir():
        raise InputError(folder, 'folder not found', 'export with images, or give their folder with `images`')
    labels = dict(content.labels)
    for _, shapes in content.images:
        for _, shape in shapes:
            labels.setdefault(shape.get('label', ''), None)
    naming = name_classes(labels, classes, ignored)
    report = Report(naming.classes.names)
    no_areas: Counter[str] = Counter()
    found = [_image(path, folder, attributes, shapes, no_areas) for attributes, shapes in content.images]
    report.notes += [f'{count} shapes of type {kind} have no area and are left out' for kind, count in no_areas.items()]
    settings = {'ignored': list(ignored or ())}
    return convert_annotated(found, naming, root, 'cvat', settings, report, split=split, overwrite=overwrite)


def read_cvat(path: Path) -> CvatFile:
    """Read the labels, images and shapes of an ``annotations.xml``.

    A document type, which might declare entities, is refused, so a small file cannot expand to a huge one.

    Raises:
        InputError: The file cannot be read, is not XML, or has another format.
    """
    content = CvatFile()
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    inside: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if not inside and tag != 'annotations':
            raise InputError(path, f'is not a CVAT file: its root is <{tag}>', EXPORT_AGAIN)
        if tag == 'track':
            raise InputError(path, 'holds tracks: it is a "CVAT for video" export', EXPORT_AGAIN)
        inside.append(tag)
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        element = builder.end(tag)
        inside.pop()
        if tag == 'label' and inside[-1:] == ['labels'] and element.find('parent') is None:
            content.labels[element.findtext('name', '').strip()] = hex_colour(element.findtext('color', ''))
        if tag == 'image':
            content.images.append((dict(element.attrib), [_shape(child) for child in element]))
            element.clear()

    def refuse_doctype(*_: Any) -> None:
        raise InputError(path, 'declares a document type, which CVAT never exports', EXPORT_AGAIN)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse_doctype
    try:
        with path.open('rb') as stream:
            parser.ParseFile(stream)
    except OSError as error:
        raise InputError(
            path, f'cannot be read ({error.strerror})', 'unpack the export and give its XML file'
        ) from error
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise InputError(path, f'is not XML ({one_line(error)})', 'unpack the export and give its XML file') from error
    if not content.images:
        raise InputError(path, 'lists no images', EXPORT_AGAIN)
    return content


def _shape(element: Element) -> tuple[str, dict[str, str]]:
    return element.tag, dict(element.attrib)


def _image(
    source: Path,
    folder: Path,
    attributes: Mapping[str, str],
    shapes: Sequence[tuple[str, dict[str, str]]],
    no_areas: Counter[str],
) -> AnnotatedImage:
    name = attributes.get('name', '').replace('\\', '/')
    subset = attributes.get('subset', '')
    try:
        size = int(attributes['height']), int(attributes['width'])
    except (KeyError, ValueError):
        size = None
    annotations = []
    for kind, shape in shapes:
        label = shape.get('label', '')
        if kind in AREAS:
            annotations.append(Annotation(label, partial(_draw, kind, shape), _integer(shape.get('z_order'))))
        else:
            no_areas[kind] += 1
    split = None
    if subset.casefold() not in NO_SUBSETS:
        split = SPLIT_WORDS.get(subset.casefold(), subset.casefold() if subset.isalpha() else subset)
    path, file_name, problem = _find(source, folder, name, subset)
    return AnnotatedImage(path, stem_of(file_name), annotations, split, size, problem)


def _find(source: Path, folder: Path, name: str, subset: str) -> tuple[Path, str, InputError | None]:
    """Find an image under its name or, as in the export of a project, in the folder of its subset.

    The frames of a video are listed without the suffix that their files have.

    Returns:
        The file, its name with any such suffix, and why it cannot be used.
    """
    if not is_below(name):
        problem = f'lists the image {name!r}, which is not a path below its folder'
        return folder, name, InputError(source, problem)
    folders = [folder, *([folder / subset] if is_file_name(subset) else [])]
    for file_name in (name, *(name + suffix for suffix in FRAME_SUFFIXES)):
        found = find_file(*(place / file_name for place in folders))
        if found is not None:
            return found, file_name, None
    return folder / name, name, InputError(folder / name, 'not found', 'export with images, or add it')


def _draw(kind: str, shape: Mapping[str, str], height: int, width: int) -> Drawn:
    """Draw a shape; see `mmseg_ext.converters.drawing`."""
    try:
        if kind == 'polygon':
            points = [[float(value) for value in point.split(',')] for point in shape['points'].split(';')]
            return draw_polygon(np.array(points, np.float64), height, width)
        rotation = float(shape.get('rotation') or 0)
        if kind == 'box':
            left, top, right, bottom = (float(shape[key]) for key in ('xtl', 'ytl', 'xbr', 'ybr'))
            return draw_box(left, top, right, bottom, height, width, rotation)
        if kind == 'ellipse':
            x, y, radius_x, radius_y = (float(shape[key]) for key in ('cx', 'cy', 'rx', 'ry'))
            return draw_ellipse(x, y, radius_x, radius_y, height, width, rotation)
        runs = [int(run) for run in shape['rle'].split(',')]
        left_, top_, box_width, box_height = (int(float(shape[key])) for key in ('left', 'top', 'width', 'height'))
    except KeyError as error:
        raise ValueError(f'lacks {error}') from error
    except OverflowError as error:
        raise ValueError('has a coordinate that is not a number or too large') from error
    return draw_runs(runs, (left_, top_, box_width, box_height), height, width)


def _integer(text: str | None) -> int:
    try:
        return int(float(text or 0))
    except (ValueError, OverflowError):
        return 0
