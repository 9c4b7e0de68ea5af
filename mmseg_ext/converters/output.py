"""Writing of a converted data set, file by file, so that an interrupted conversion can be continued.

``ROOT/conversion.json`` (the converter and its settings) is written first and marks the folder as a converter's; at the
end it takes the report, and ``ROOT/dataset.yaml`` is written, so that a data set without it is unfinished. Existing
files are kept.
"""

from __future__ import annotations

import colorsys
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.report import Report
from mmseg_ext.data.classes import FILE_NAME, Classes
from mmseg_ext.data.dataset import IMAGES, USUAL_SPLITS
from mmseg_ext.data.images import write_image
from mmseg_ext.data.masks import Mask, write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path, load_json, names_file, write_json
from mmseg_ext.progress import track

RECORD_FILE = 'conversion.json'
LABELS = 'labels'
TEMPORARY_FILE = re.compile(r'\..+-[a-z0-9_]{8}\.(png|jpg|jpeg|json|yaml)')  # left by `atomic_path` in a killed process
MAX_CLASSES = 200
MAX_STEM_BYTES = 240  # file systems allow 255 for a name, which while it is written has 11 more, and a suffix
GOLDEN_TURN = 0.618034  # hues that differ however many there are


Made = tuple[NDArray[np.uint8] | Path, Mask]  # an image, or the file to copy, and its mask


@dataclass(frozen=True)
class Sample:
    """One image to write with its mask.

    Attributes:
        split: Its split.
        stem: Its stem in the new data set.
        suffix: Suffix of its image file: ``.png``, or that of the source file where ``make`` returns a path.
        make: Returns the image, RGB (H, W, 3) uint8, or the path of a file to copy byte by byte; and the mask (H, W).
    """

    split: str
    stem: str
    suffix: str
    make: Callable[[], Made]


@dataclass(frozen=True)
class Converted:
    """Result of a conversion.

    Attributes:
        images: Images in the data set, by split.
        written: Images that this run wrote.
        report: What became of the objects of the source, where the converter counts them.
    """

    images: Mapping[str, int]
    written: int
    report: Report = field(default_factory=lambda: Report(()))

    def __str__(self) -> str:
        total = sum(self.images.values())
        splits = ', '.join(f'{split} {count}' for split, count in self.images.items())
        return f'{total} images ({splits}), {self.written} written, {total - self.written} already there'


def classes_with_background(names: Sequence[str]) -> Classes:
    """Return ``background`` and the named classes, with colours far from each other.

    Raises:
        InputError: There is no name, one twice, one is ``background``, or there are too many.

    >>> classes_with_background(['cat']).palette
    ((0, 0, 0), (219, 59, 59))
    """
    wanted = ('background', *names)
    if not names:
        raise InputError('`classes=`', 'there is none to take: `classes` or the list of the source is empty')
    if len(set(wanted)) < len(wanted) or len(wanted) > MAX_CLASSES:
        problem = f'must name 1 to {MAX_CLASSES - 1} different classes without background'
        raise InputError(f'`classes={",".join(names)}`', problem)
    return Classes(wanted, ((0, 0, 0), *distinct_colours(len(names))))


def distinct_colours(count: int) -> list[tuple[int, int, int]]:
    """Return RGB colours (0–255) far from each other, and from black."""
    colours = []
    for position in range(count):
        red, green, blue = colorsys.hsv_to_rgb(position * GOLDEN_TURN % 1, 0.73, 0.86)
        colours.append((round(red * 255), round(green * 255), round(blue * 255)))
    return colours


def write_data_set(
    root: str | Path,
    classes: Classes,
    samples: Sequence[Sample],
    converter: str,
    settings: Mapping[str, Any],
    overwrite: bool = False,
    report: Report | None = None,
    *,
    tolerant: bool = False,
    count_masks: bool = False,
) -> Converted:
    """Write the missing files of a converted data set.

    Args:
        root: Folder of the data set: missing, empty, or made by this converter with these settings.
        classes: Content of ``dataset.yaml``.
        samples: All images of the data set.
        converter: Name of the converter, for the record.
        settings: Everything but the source that the content depends on, as JSON values.
        overwrite: Replace the images and masks of an earlier conversion, also one with other settings. A folder that no
            converter made is never replaced.
        report: What became of the objects of the source, for the record.
        tolerant: A sample that cannot be made costs only itself and is listed in the report.
        count_masks: Count the pixels of all masks in the report. Every sample is made, also one whose files exist, so
            that a second run reports the same.

    Raises:
        InputError: There is nothing to write, two samples of a split share a stem, ``root`` holds something else, or a
            source file cannot be used (with ``tolerant``: none can).
    """
    root = Path(root)
    done = report or Report(())
    _check(samples, done)
    record = {'converter': converter, 'settings': dict(settings)}
    _claim(root, record, overwrite)
    images: Counter[str] = Counter()
    written = 0
    for sample in track(samples, 'converting', total=len(samples)):
        files = _files(root, sample)
        is_there = all(map(names_file, files))
        if count_masks or not is_there:
            try:
                if len(os.fsencode(sample.stem)) > MAX_STEM_BYTES:
                    raise InputError(
                        f'{sample.split}/{sample.stem}', 'is too long for the name of a file', 'shorten it'
                    )
                image, mask = sample.make()
            except InputError as error:
                if not tolerant:
                    raise
                done.failed.append(error)
                continue
            if count_masks:
                done.add_mask(mask, classes)
            if not is_there:
                _write_files(files, image, mask, classes)
                written += 1
        images[sample.split] += 1
    if not images:
        raise _none_usable(done)
    if report is not None:
        _write_report(root, record | {'report': report.as_json()})
    if not (root / FILE_NAME).is_file():
        classes.write(root)
    order = [*USUAL_SPLITS, *sorted(images.keys() - set(USUAL_SPLITS))]
    return Converted({split: images[split] for split in order if images[split]}, written, done)


def _check(samples: Sequence[Sample], report: Report) -> None:
    if not samples and report.failed:
        raise _none_usable(report)
    if not samples:
        raise InputError(
            'source', 'no image fits the options, nothing was written', 'choose other classes or limits (COCO: --whole)'
        )
    (split, stem), times = Counter((sample.split, sample.stem) for sample in samples).most_common(1)[0]
    if times > 1:
        raise InputError(f'{split}/{stem}', f'{times} images of the source have this stem', 'give them different names')


def _none_usable(report: Report) -> InputError:
    first = report.failed[0]
    return InputError(
        first.subject, f'{first.problem} (none of the {len(report.failed)} images can be used)', first.remedy
    )


def _claim(root: Path, record: dict[str, Any], overwrite: bool) -> None:
    """Mark the folder as that of this conversion, or check that it is."""
    path = root / RECORD_FILE
    if root.exists() and not root.is_dir():
        raise InputError(root, 'is a file', 'name a folder')
    if root.is_dir() and any(not path.name.startswith('.') for path in root.iterdir()):
        known = _read_record(path)
        if {key: known.get(key) for key in record} == record and not overwrite:
            _remove_temporary_files(root)
            return
        if not overwrite:
            problem = f'this data set was made with {_difference(known, record)}'
            raise InputError(path, problem, 'name another folder, or replace it with `overwrite=True`')
        (root / FILE_NAME).unlink(missing_ok=True)
        for folder in (IMAGES, LABELS):
            shutil.rmtree(root / folder, ignore_errors=True)
    write_json(path, record)


def _write_report(root: Path, record: dict[str, Any]) -> None:
    path = root / RECORD_FILE
    if _read_record(path) != record:
        write_json(path, record)


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = load_json(path)
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get('settings'), dict):
        problem = f'holds files, but no {RECORD_FILE} of a converter'
        raise InputError(path.parent, problem, 'name an empty or a new folder')
    return record


def _difference(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    if known.get('converter') != wanted['converter']:
        return f'the converter {known.get("converter")}, not {wanted["converter"]}'
    old, new = known['settings'], wanted['settings']
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return ', '.join(f'{key} {json.dumps(old.get(key))} instead of {json.dumps(new.get(key))}' for key in keys)


def _remove_temporary_files(root: Path) -> None:
    for pattern in ('.*', f'{IMAGES}/*/.*', f'{LABELS}/*/.*'):
        for path in root.glob(pattern):
            if TEMPORARY_FILE.fullmatch(path.name):
                path.unlink(missing_ok=True)


def _files(root: Path, sample: Sample) -> tuple[Path, Path]:
    """Return the files of an image and its mask."""
    image = root / IMAGES / sample.split / f'{sample.stem}{sample.suffix}'
    return image, root / LABELS / sample.split / f'{sample.stem}.png'


def _write_files(files: tuple[Path, Path], image: NDArray[np.uint8] | Path, mask: Mask, classes: Classes) -> None:
    """Write an image and its mask. The mask is last: where it exists, the image is complete."""
    if isinstance(image, Path):
        with atomic_path(files[0]) as temporary:
            shutil.copyfile(image, temporary)
    else:
        write_image(files[0], image)
    write_mask(files[1], mask, classes.palette)
