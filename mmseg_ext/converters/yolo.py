"""YOLO segmentation: a text file with polygons for each image, and ``data.yaml`` with classes and splits.

The format is documented at https://docs.ultralytics.com/datasets/segment/::

    data.yaml                path, train, val, test; names
    images/train/a.jpg
    labels/train/a.txt       a line for each object: class x1 y1 x2 y2 …, as shares of width and height
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.annotated import AnnotatedImage, Annotation, Order, convert_annotated, stem_of
from mmseg_ext.converters.drawing import Drawn, draw_polygon
from mmseg_ext.converters.naming import Colour, name_classes
from mmseg_ext.converters.output import Converted
from mmseg_ext.converters.report import Report, some
from mmseg_ext.converters.source import not_text, read_lines
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, USUAL_SPLITS
from mmseg_ext.errors import InputError
from mmseg_ext.reading import find_file, load_text, names_file, names_folder, read_yaml

FILE_NAME = 'data.yaml'
IMAGES = 'images'  # folder
SLACK = 0.01  # by which a coordinate may leave 0–1


def convert_yolo(
    source: str | Path,
    root: str | Path,
    *,
    classes: Sequence[str] | None = None,
    ignored: Sequence[str] | None = None,
    boxes: bool = False,
    order: Order = 'area',
    overwrite: bool = False,
) -> Converted:
    """Convert a data set for YOLO segmentation; the splits of ``data.yaml`` are kept.

    An image without a text file is background, by the rule of the format.

    Args:
        source: ``data.yaml``, or its folder.
        root: Data set to write.
        classes: Names to take, numbered from 1 in this order; all by default. The background is class 0.
        ignored: Names whose pixels are ignored (255); none by default, since the format has no ignored pixels.
        boxes: Paint a line with a box (class, centre, width, height) as a rectangle, instead of skipping it.
        order: ``area`` paints smaller objects over larger ones, like YOLO's training; ``source`` paints later lines
            over earlier ones.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: ``data.yaml`` cannot be used, or an option is out of range. A file that cannot be used costs only
            its image, and a test split that does not exist only itself.
    """
    path = Path(source)
    path = path / FILE_NAME if path.is_dir() else path
    content = _read_yaml(path)
    names = _names(content.get('names'), path)
    labels: dict[str, Colour | None] = dict.fromkeys(names.values())
    naming = name_classes(labels, classes, ignored or [])
    report = Report(naming.classes.names)
    images = []
    for split in USUAL_SPLITS:
        try:
            listed = _images(content, split, path)
        except InputError as error:
            if split != 'test':  # exports of Roboflow name a test split that they do not have
                raise
            report.doubts.append(f'no images for test: {error}')
            continue
        for image, name in listed.items():
            annotations, problem = _annotations(image, names, boxes)
            images.append(AnnotatedImage(image, stem_of(name, split), annotations, split, problem=problem))
    if not images:
        raise InputError(path, 'has no folder with images for train, val or test', 'correct its paths')
    report.doubts += _shared(images)
    unlabelled = [image.path.name for image in images if not find_file(label_file(image.path))]
    if unlabelled:
        report.notes.append(f'{len(unlabelled)} images without a label file are background: {some(unlabelled)}')
    settings = {'ignored': list(ignored or ()), 'boxes': boxes}
    return convert_annotated(images, naming, root, 'yolo', settings, report, order=order, overwrite=overwrite)


def _shared(images: Sequence[AnnotatedImage]) -> list[str]:
    """Return a line if images are in several splits, as in the format's own examples, whose val is their train."""
    splits: dict[Path, list[str]] = {}
    for image in images:
        splits.setdefault(image.path.resolve(), []).append(str(image.split))
    shared = [path.name for path, found in splits.items() if len(found) > 1]
    problem = f'{len(shared)} images are in more than one of train, val and test: {some(shared)}'
    return [f'{problem}; scores on them are meaningless, correct {FILE_NAME}'] if shared else []


def _read_yaml(path: Path) -> Mapping[str, Any]:
    content = read_yaml(path, 'give data.yaml or its folder')
    if not isinstance(content, Mapping):
        raise InputError(path, 'must hold `names:` and `train:`')
    return content


def _names(value: Any, path: Path) -> dict[int, str]:
    entries = dict(enumerate(value)) if isinstance(value, list) else value
    if not isinstance(entries, Mapping) or not entries or not all(isinstance(key, int) for key in entries):
        raise InputError(path, f'`names:` must be a list, or ids with names, found {value!r:.200}')
    names = {key: str(name) for key, name in sorted(entries.items())}
    if len(set(names.values())) < len(names):
        raise InputError(path, f'`names:` lists a name twice: {", ".join(names.values())}')
    return names


def _images(content: Mapping[str, Any], split: str, path: Path) -> dict[Path, str]:
    """List the images of a split: the content of folders, or the lines of text files.

    Returns:
        File → its path in the folder or, in a list, below the last folder ``images``.
    """
    value = content.get(split)
    if split == 'val' and value is None:
        value = content.get('valid')
    found: dict[Path, str] = {}
    for entry in value if isinstance(value, list) else [value] if value else []:
        places = _places(path, content.get('path'), str(entry))
        place = next((place for place in places if names_file(place) or names_folder(place)), None)
        if place is None:
            remedy = 'correct the path, or unpack the whole archive'
            raise InputError(path, f'refers to {str(entry)[:200]}, which does not exist', remedy)
        if place.is_dir():
            files = [file for file in place.rglob('*') if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()]
            found |= {file: _join(file.relative_to(place).parts) for file in files}
            continue
        for line in read_lines(place):
            files = _places(place, content.get('path'), line)
            file, parts = find_file(*files) or files[0], PurePath(line).parts
            start = len(parts) - parts[::-1].index(IMAGES) if IMAGES in parts else -1
            found[file] = _join([*parts[start:-1], file.name])
    return {file: found[file] for file in sorted(found) if not file.name.startswith('.')}


def _join(parts: Sequence[str]) -> str:
    """Join the parts of a path, except folders ``images``, which only say what they hold."""
    return '/'.join(part for part in parts if part != IMAGES)


def _places(path: Path, base: Any, entry: str) -> list[Path]:
    """Return the places that a path in a file may mean.

    It is relative to ``path:`` or the file or, in exports from Roboflow, one level too high (``../train/images``).
    """
    bases = [path.parent / str(base), path.parent] if base else [path.parent]
    return [place / name for place in bases for name in (entry, entry.removeprefix('../'))]


def _annotations(image: Path, names: Mapping[int, str], boxes: bool) -> tuple[list[Annotation], InputError | None]:
    path = find_file(label_file(image))
    annotations: list[Annotation] = []
    if path is None:
        return [], None
    try:
        lines = load_text(path).split('\n')
    except (OSError, UnicodeDecodeError) as error:
        return [], not_text(path, error)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            first, *rest = line.split()
            key, values = int(float(first)), np.array(rest, np.float64)
            label = names[key]
        except (ValueError, KeyError, OverflowError):
            known = f'{min(names)} to {max(names)}'
            problem = f'line {number} does not begin with a class id ({known}) or holds no numbers: {line[:40]!r}'
            return [], InputError(path, problem, 'correct the line or data.yaml')
        annotations.append(Annotation(label, partial(_draw, values, boxes)))
    return annotations, None


def label_file(image: Path) -> Path:
    """Return the text file of an image: the last folder ``images`` of its path becomes ``labels``.

    >>> label_file(Path('pets/images/train/a.jpg')).as_posix()
    'pets/labels/train/a.txt'
    """
    parts = list(image.with_suffix('.txt').parts)
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] == IMAGES:
            parts[position] = 'labels'
            break
    return Path(*parts)


def _draw(values: NDArray[np.float64], boxes: bool, height: int, width: int) -> Drawn:
    if len(values) == 4:
        if not boxes:
            raise ValueError('is a box, not a polygon')
        x, y, w, h = values
        values = np.array([x - w / 2, y - h / 2, x + w / 2, y - h / 2, x + w / 2, y + h / 2, x - w / 2, y + h / 2])
    elif len(values) % 2:
        raise ValueError('has an odd number of coordinates')
    if not ((values >= -SLACK) & (values <= 1 + SLACK)).all():
        raise ValueError('has a coordinate beyond 0–1')
    return draw_polygon(values.reshape(-1, 2) * [width, height], height, width)
