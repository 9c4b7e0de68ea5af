"""COCO files of instances: images, objects, and the pixels of their segmentations."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.crops import Box
from mmseg_ext.converters.naming import is_background
from mmseg_ext.converters.report import Report, some
from mmseg_ext.data.images import ImageRules
from mmseg_ext.data.polygons import Region, polygon_region
from mmseg_ext.errors import InputError, one_line
from mmseg_ext.progress import track
from mmseg_ext.reading import load_json

MAX_ID_DIGITS = 20  # an id with more is sorted as text
BITS = 5  # of a number in one character of compressed run lengths
SIGN, MORE = 1 << (BITS - 1), 1 << BITS
FIRST_CHARACTER = 48
MAX_SHIFT = 60  # bits of a compressed number: more than any image has pixels
MAX_COORDINATE = 1_000_000  # pixels
NAME_INSTANCES = 'give instances_*.json'


@dataclass(frozen=True)
class Instance:
    """Annotated object, or a crowd of objects.

    Attributes:
        id: Id of the annotation, as text.
        value: Its class in our masks; 0 is background.
        crowd: Whether the file calls it a crowd, a group with a rough outline.
        segmentation: Its usable part.
        area: Number of pixels that it covers. (The file's ``area`` is not read: some tools write 0 or 1 there.)
        box: The smallest box around them.
    """

    id: str
    value: int
    crowd: bool
    segmentation: Any
    area: int
    box: Box


@dataclass(frozen=True)
class CocoImage:
    """Image of the file with its instances of the chosen classes.

    Attributes:
        id: Id of the image, as text.
        file_name: Path relative to the folder of images, with forward slashes.
        height: In pixels, as the file states it.
        width: In pixels.
        instances: Sorted by descending area; equal ones in the order of the file.
        skipped: Number of its objects of the chosen classes that cannot be used.
    """

    id: str
    file_name: str
    height: int
    width: int
    instances: tuple[Instance, ...]
    skipped: int = 0


@dataclass(frozen=True)
class _Entry:
    """Entry of an image in the list."""

    id: str
    file_name: str
    height: int
    width: int


def read_json_file(path: Path) -> Any:
    """Read a COCO file as JSON values.

    Raises:
        InputError: The file cannot be read or is not JSON.
    """
    try:
        return load_json(path)
    except (OSError, ValueError) as error:
        raise InputError(path, f'cannot be read as JSON ({error})', 'unpack the annotations again') from error


def category_names(path: Path, content: Any) -> list[str]:
    """Return the names of all categories except the background, each once, sorted by id.

    Raises:
        InputError: The content is not that of a COCO instances file.
    """
    categories = _categories(path, content)
    numbered = sorted(categories.items(), key=lambda item: _id_order(item[0]))
    return list(dict.fromkeys(name for _, name in numbered if not is_background(name)))


def unused_groups(contents: Mapping[Path, Any]) -> set[str]:
    """Return the names of categories without annotations that are only the ``supercategory`` of others.

    Roboflow puts such a category before those of the data set.

    Args:
        contents: JSON values of all files.

    Raises:
        InputError: A content is not that of a COCO instances file.
    """
    groups: set[str] = set()
    used: set[str | None] = set()
    for path, content in contents.items():
        names = _categories(path, content)
        for category in content['categories']:
            group = normalize('NFC', str(category.get('supercategory') or ''))
            if group != names[_key(category['id'])]:
                groups.add(group)
        annotations = content.get('annotations')
        for annotation in annotations if isinstance(annotations, list) else []:
            try:
                used.add(names.get(_key(annotation['category_id'])))
            except (KeyError, TypeError):  # `read_images` reports it
                continue
    return groups - used


def read_images(path: Path, content: Any, classes: Sequence[str], report: Report) -> list[CocoImage]:
    """Read all images of a file, sorted by id, and count in a report what cannot be used.

    Args:
        path: The file, for errors.
        content: Its JSON values.
        classes: Names of categories; their position + 1 is their value. A category may have several ids. A category
            called ``background`` (`is_background`) has value 0.
        report: Gets the skipped annotations and notes on the whole file.

    Raises:
        InputError: It is not a COCO instances file, two images share an id, or it has objects of the classes but none
            can be used.
    """
    categories = _categories(path, content)
    value_of = {name: position + 1 for position, name in enumerate(classes)}
    value_of = {name: 0 for name in categories.values() if is_background(name)} | value_of
    twice = [name for name, count in Counter(categories.values()).items() if count > 1 and name in value_of]
    report.notes += [f'{path.name}: the category {name!r} has several ids; all are used' for name in twice]
    try:
        entries = _entries(path, content['images'], report)
        annotations = content['annotations']
        if not isinstance(annotations, list):
            raise TypeError('`annotations` is not a list')
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _not_coco(path, error) from error
    instances, skipped = _collect(path, annotations, entries, categories, value_of, report)
    if report.total('skipped') and not any(instances.values()):
        raise InputError(path, f'none of its objects of the chosen classes can be used; {report.skipped[0]}')
    unique = {entry.file_name: entry for entry in reversed(list(entries.values()))}
    images = [
        CocoImage(
            entry.id,
            name,
            entry.height,
            entry.width,
            tuple(sorted(instances[name], key=lambda found: -found.area)),
            skipped[name],
        )
        for name, entry in unique.items()
    ]
    return sorted(images, key=lambda image: _id_order(image.id))


def _collect(
    path: Path,
    annotations: Sequence[Any],
    entries: Mapping[str, _Entry],
    categories: Mapping[str, str],
    value_of: Mapping[str, int],
    report: Report,
) -> tuple[dict[str, list[Instance]], Counter[str]]:
    """Read the annotations: file name → instances, and file name → objects that cannot be used."""
    instances: dict[str, list[Instance]] = defaultdict(list)
    skipped: Counter[str] = Counter()
    strangers: Counter[str] = Counter()
    for position, annotation in enumerate(track(annotations, 'reading objects'), 1):
        found = _read_instance(annotation, position, entries, categories, value_of, strangers, report)
        if found is None:
            continue
        entry, instance = found
        if instance is None:
            skipped[entry.file_name] += 1
        else:
            instances[entry.file_name].append(instance)
    unknown, unlisted = strangers.pop('category', 0), sum(strangers.values())
    if unknown:
        report.notes.append(f'{path.name}: {unknown} annotations have a category_id that the file does not list')
    if unlisted:
        names = some(sorted(strangers))
        report.notes.append(f'{path.name}: {unlisted} annotations belong to images that it does not list: {names}')
    return instances, skipped


def _id_order(key: str) -> tuple[bool, int, str]:
    """Return a sort key for ids: numbers by value, then text."""
    is_number = key.removeprefix('-').isdecimal() and len(key) < MAX_ID_DIGITS
    return not is_number, int(key) if is_number else len(key), key


def _categories(path: Path, content: Any) -> dict[str, str]:
    """Map the ids of the categories to their names."""
    try:
        categories: dict[str, str] = {}
        for category in content['categories']:
            key, name = _key(category['id']), normalize('NFC', str(category['name'] or ''))
            if not name:
                raise ValueError(f'the category id {key} has no name')
            if categories.setdefault(key, name) != name:
                raise ValueError(f'the category id {key} is used for both {categories[key]!r} and {name!r}')
    except (KeyError, TypeError, ValueError) as error:
        raise _not_coco(path, error) from error
    return categories


def _entries(path: Path, images: Any, report: Report) -> dict[str, _Entry]:
    """Read the list of images: id → image. Two ids with one file are the same image; unusable entries are reported."""
    entries: dict[str, _Entry] = {}
    first: dict[str, _Entry] = {}
    faults: list[InputError] = []
    limit = ImageRules().max_pixels
    for position, image in enumerate(images, 1):
        name = f'image {position}'
        try:
            name = str(image['file_name']).replace('\\', '/')
            height, width = image['height'], image['width']
            if not isinstance(height, int | float | str) or not isinstance(width, int | float | str):
                raise ValueError('has no width and height')
            entry = _Entry(_key(image['id']), name, int(height), int(width))
            if entry.height < 1 or entry.width < 1 or entry.height * entry.width > limit:
                raise ValueError(f'has the stated size {entry.width}×{entry.height}, must have 1 to {limit:,} pixels')
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            detail = f'lacks {error}' if isinstance(error, KeyError) else one_line(error)
            faults.append(InputError(f'{path}: {name}', detail, 'correct its entry'))
            continue
        if entries.setdefault(entry.id, entry) != entry:
            raise ValueError(f'the image id {entry.id} is used for both {entries[entry.id].file_name} and {name}')
        same = first.setdefault(name, entry)
        if (same.height, same.width) != (entry.height, entry.width):
            raise ValueError(f'{name} is listed with two sizes')
    if faults and not entries:
        raise ValueError(f'{faults[0].subject.removeprefix(f"{path}: ")} {faults[0].problem}')
    report.failed += faults
    merged = sorted({entry.file_name for entry in entries.values() if first[entry.file_name].id != entry.id})
    if merged:
        report.notes.append(f'{path.name}: images with several ids, each used once: {some(merged)}')
    return entries


def _read_instance(
    annotation: Any,
    position: int,
    entries: Mapping[str, _Entry],
    categories: Mapping[str, str],
    value_of: Mapping[str, int],
    strangers: Counter[str],
    report: Report,
) -> tuple[_Entry, Instance | None] | None:
    """Read an annotation: its image and the instance (None if it cannot be used); None if there is no image."""
    try:
        if not isinstance(annotation, Mapping):
            raise TypeError('is not a JSON object')
        category, image = _key(annotation['category_id']), _key(annotation['image_id'])
        key = _key(annotation.get('id', f'number {position}'))
    except (KeyError, TypeError) as error:
        report.skip('?', f'annotation {position}', f'lacks {error}' if isinstance(error, KeyError) else str(error))
        return None
    name = categories.get(category)
    if name is None:
        strangers['category'] += 1
        return None
    if name not in value_of:
        return None
    entry = entries.get(image)
    if entry is None:
        strangers[f'image_id {image}'] += 1
        report.add(name, 'image not listed')
        return None
    what = f'annotation {key} of {entry.file_name}'
    segmentation, faults = check_segmentation(annotation.get('segmentation'), entry.height, entry.width)
    if segmentation is None:
        report.skip(name, what, '; '.join(faults))
        return entry, None
    area, box = _measure(segmentation, entry.height, entry.width)
    if not area:
        report.skip(name, what, 'covers no pixel of the image')
        return entry, None
    for fault in faults:
        report.list_line(f'a part of {what} ({name}): {fault}')
    return entry, Instance(key, value_of[name], _is_crowd(annotation.get('iscrowd')), segmentation, area, box)


def _key(value: Any) -> str:
    """Return an id as text: 7, 7.0 and '7' are the same."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f'{value!r} is not an id')
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_crowd(value: Any) -> bool:
    """Read ``iscrowd``, which some tools write as text."""
    return value.strip().casefold() not in ('', '0', 'false') if isinstance(value, str) else bool(value)


def _not_coco(path: Path, error: Exception) -> InputError:
    detail = f'lacks {error}' if isinstance(error, KeyError) else str(error)
    detail = 'a part of it is of another type' if isinstance(error, TypeError) and 'indices' in detail else detail
    return InputError(path, f'is not a COCO instances file ({detail})', NAME_INSTANCES)


def check_segmentation(segmentation: Any, height: int, width: int) -> tuple[Any, list[str]]:
    """Separate the usable part of a ``segmentation`` from its faults.

    Args:
        segmentation: As in the file.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        The usable part, None if there is none; and the faults.

    >>> check_segmentation([[0, 0, 4, 0, 4, 4], [1, 1, 2, 2]], 5, 5)[1]
    ['a polygon has 2 points']
    """
    if isinstance(segmentation, Mapping):
        try:
            _runs(segmentation, height, width)
        except (ValueError, TypeError) as error:
            return None, [str(error)]
        return segmentation, []
    if not isinstance(segmentation, Sequence) or isinstance(segmentation, str) or not segmentation:
        return None, ['has no segmentation' if not segmentation else 'its segmentation is not a list of polygons']
    faults, usable = [], []
    for polygon in segmentation:
        try:
            usable.append(_vertices(polygon))
        except ValueError as error:
            faults.append(str(error))
    return usable or None, list(dict.fromkeys(faults))


def segmentation_mask(segmentation: Any, height: int, width: int) -> NDArray[np.bool_]:
    """Return the pixels that a ``segmentation`` covers.

    Args:
        segmentation: A list of polygons ``[x0, y0, x1, y1, …]``, whose union counts; or ``{"size": [height,
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
    usable, faults = check_segmentation(segmentation, height, width)
    if faults:
        raise ValueError('; '.join(faults))
    covered = np.zeros((height, width), bool)
    for top, left, pixels in regions(usable, height, width):
        covered[top : top + pixels.shape[0], left : left + pixels.shape[1]] |= pixels
    return covered


def regions(segmentation: Any, height: int, width: int) -> Iterator[Region]:
    """Yield the pixels of a usable segmentation (`check_segmentation`) as boxes, whose union counts."""
    if isinstance(segmentation, Mapping):
        yield 0, 0, fill_runs(_runs(segmentation, height, width), height, width)
        return
    for points in segmentation:
        yield polygon_region(points, height, width)


def _measure(segmentation: Any, height: int, width: int) -> tuple[int, Box]:
    """Count the pixels of a usable segmentation, and find the box around them."""
    found = list(regions(segmentation, height, width))
    top, left = min(region[0] for region in found), min(region[1] for region in found)
    bottom = max(top + pixels.shape[0] for top, _, pixels in found)
    right = max(left + pixels.shape[1] for _, left, pixels in found)
    covered = found[0][2]
    if len(found) > 1:
        covered = np.zeros((bottom - top, right - left), bool)
        for y, x, pixels in found:
            covered[y - top : y - top + pixels.shape[0], x - left : x - left + pixels.shape[1]] |= pixels
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    if not rows.size:
        return 0, Box(0, 0, 0, 0)
    box = Box(left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1)
    return int(np.count_nonzero(covered)), box


def _vertices(polygon: Any) -> NDArray[np.float64]:
    """Check a polygon ``[x0, y0, x1, y1, …]``: shape (N, 2)."""
    try:
        values = np.asarray(polygon, np.float64)
    except (TypeError, ValueError, OverflowError):
        values = np.empty((0, 0))
    if values.ndim != 1 or len(values) % 2:
        raise ValueError('a polygon is not a list of alternating x and y numbers')
    if len(values) < 6:
        raise ValueError(f'a polygon has {len(values) // 2} points')
    if not (np.abs(values) <= MAX_COORDINATE).all():  # also false for NaN
        raise ValueError(f'a polygon holds a coordinate that is not a number or is beyond ±{MAX_COORDINATE}')
    return values.reshape(-1, 2)


def _runs(segmentation: Mapping[str, Any], height: int, width: int) -> NDArray[np.int64]:
    """Check run lengths: shape (N,), with the image's pixels as their sum."""
    size = segmentation.get('size')
    if not isinstance(size, list) or size != [height, width]:
        raise ValueError(f'its size {size} is not the image size, [{height}, {width}]')
    counts = segmentation.get('counts')
    runs = np.asarray(decode_counts(counts) if isinstance(counts, str) else counts)
    pixels = height * width
    if runs.ndim != 1 or runs.dtype.kind not in 'iu' or ((runs < 0) | (runs > pixels)).any() or runs.sum() != pixels:
        raise ValueError(f'its run lengths do not add up to {height} × {width} pixels')
    return runs.astype(np.int64)


def decode_counts(text: str) -> list[int]:
    """Decode compressed run lengths.

    Each number is written in characters of five bits, lowest bits first; a sixth bit says that more follow. The
    highest bit of the last character is the sign. From the fourth on, a number is the difference from the last but one.

    Raises:
        ValueError: A character is out of range, a number is too long, or the text ends within one.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - FIRST_CHARACTER
        if not 0 <= code < 2 * MORE:
            raise ValueError(f'its run lengths hold the character {character!r}')
        value |= (code & (MORE - 1)) << shift
        shift += BITS
        if shift > MAX_SHIFT:
            raise ValueError('its run lengths hold a number that is too long')
        if code & MORE:
            continue
        if code & SIGN:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError('its run lengths are cut short')
    return counts


def fill_runs(runs: NDArray[np.int64], height: int, width: int) -> NDArray[np.bool_]:
    """Fill run lengths: pixels outside and inside in turn, beginning outside, column by column.

    Args:
        runs: Shape (N,); they add up to the image.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        Shape (height, width).
    """
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, runs).reshape(width, height).T
