"""Writing of a converted data set, file by file, so that an interrupted conversion can be continued.

``ROOT/conversion.json`` (the converter and its settings) is written first and marks the folder as a converter's. At the
end the report is added to it and ``ROOT/dataset.yaml`` is written, so a data set without that file is unfinished.
Existing files are kept. To replace an earlier set, the new one is written beside it.
"""

from __future__ import annotations

import colorsys
import filecmp
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.report import Report, some
from mmseg_ext.data.classes import FILE_NAME, Classes
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, IMAGES, USUAL_SPLITS
from mmseg_ext.data.images import read_image, write_image
from mmseg_ext.data.masks import Mask, read_mask, write_mask
from mmseg_ext.errors import InputError, NotWritableError
from mmseg_ext.files import atomic_path, remove_stages, staged_folder, write_json
from mmseg_ext.progress import track
from mmseg_ext.reading import is_file_name, is_printable, load_json, names_file

RECORD_FILE = 'conversion.json'
LABELS = 'labels'
TEMPORARY_FILE = re.compile(r'\..+-[a-z0-9_]{8}\.(png|jpg|jpeg|json|yaml)')  # left by `atomic_path` in a killed process
MAX_CLASSES = 200
MAX_STEM_BYTES = 240  # file systems allow 255 for a name, which has 11 more while it is written, and a suffix
REPLACE = 'replace the data set with `overwrite=True`'
GOLDEN_TURN = 0.618034  # makes hues differ however many there are


Made = tuple[NDArray[np.uint8] | Path, Mask]  # an image, or the file to copy, and its mask


@dataclass(frozen=True)
class Sample:
    """Image to write with its mask.

    Attributes:
        split: Its split.
        stem: Its stem in the new data set.
        suffix: Suffix of its image file: ``.png``, or the source file's if ``make`` returns a path.
        make: Returns the image, RGB (H, W, 3) uint8, or the path of a file to copy byte by byte; and the mask (H, W).
        lose: Called if it cannot be written.
    """

    split: str
    stem: str
    suffix: str
    make: Callable[[], Made]
    lose: Callable[[], None] = lambda: None

    @property
    def place(self) -> tuple[str, str]:
        """Split and stem, in one form of Unicode."""
        return self.split, normalize('NFC', self.stem)


@dataclass(frozen=True)
class Converted:
    """Result of a conversion.

    Attributes:
        images: Images in the data set, by split.
        written: Images that this run wrote.
        report: Outcomes of the objects of the source, if the converter counts them.
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
        InputError: There are no names or too many, a name is given twice, or one is ``background``.

    >>> classes_with_background(['cat']).palette
    ((0, 0, 0), (219, 59, 59))
    """
    wanted = ('background', *names)
    if not names:
        raise InputError('`classes=`', 'no class is left: `classes` or the list of the source is empty')
    if len(set(wanted)) < len(wanted) or len(wanted) > MAX_CLASSES:
        problem = f'must list 1 to {MAX_CLASSES - 1} different classes without background'
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
        settings: Everything except the source that the content depends on, as JSON values.
        overwrite: Replace the images and masks of an earlier conversion, even one with other settings; it stays until
            the new one is complete. A folder that no converter made is never replaced.
        report: Outcomes of the objects of the source, for the record.
        tolerant: Samples that cannot be made, or share a stem, cost only themselves and are listed in the report. Every
            sample is made, even if its files exist, so that a second run reports the same, and any differences from
            these files.
        count_masks: Count the pixels of all masks in the report; with ``tolerant``.

    Raises:
        InputError: There is nothing to write, ``root`` holds something else, an image of an earlier run is now in
            another split, or two samples of a split share a stem or a source file cannot be used (with ``tolerant``:
            none can).
    """
    root = Path(root)
    done = report or Report(())
    _check(samples, done)
    times = Counter(sample.place for sample in samples)
    if not tolerant:
        for sample in samples:
            _check_stem(sample, times)
    if unprintable := [name for name in classes.names if not is_printable(name)]:
        raise InputError('source', f'the class name {unprintable[0]!r} is not a single line', 'rename the class')
    record = {'converter': converter, 'settings': dict(settings)}
    writer = _Writer(classes, done, tolerant, count_masks, times)
    if _claim(root, record, overwrite):
        with staged_folder(root / IMAGES) as images, staged_folder(root / LABELS) as labels:
            writer.write(images, labels, samples)
            # Until both folders and the record belong to the new set, no run without `overwrite` continues it.
            unfinished = {**record, 'settings': {**settings, 'overwrite': 'interrupted'}}
            write_json(root / RECORD_FILE, unfinished)
            (root / FILE_NAME).unlink(missing_ok=True)
        write_json(root / RECORD_FILE, record)
    else:
        _compare_names(root, samples, done)
        writer.write(root / IMAGES, root / LABELS, samples)
    if report is not None:
        _write_report(root, record | {'report': report.as_json()})
    if not (root / FILE_NAME).is_file():
        classes.write(root)
    order = [*USUAL_SPLITS, *sorted(writer.images.keys() - set(USUAL_SPLITS))]
    return Converted({split: writer.images[split] for split in order if writer.images[split]}, writer.written, done)


def earlier_splits(root: str | Path) -> dict[str, str]:
    """Return the images of an earlier conversion: stem → split, if it is in only one."""
    found: dict[str, set[str]] = {}
    for split, name in _names_there(Path(root)):
        found.setdefault(PurePath(name).stem, set()).add(split)
    return {stem: min(splits) for stem, splits in found.items() if len(splits) == 1}


def _names_there(root: Path) -> list[tuple[str, str]]:
    """List the images in a data set: split and file name."""
    folders = sorted(path for path in (root / IMAGES).glob('[!.]*') if path.is_dir())
    names = ((folder.name, path.name) for folder in folders for path in sorted(folder.glob('[!.]*')))
    return [(split, normalize('NFC', name)) for split, name in names if name.lower().endswith(IMAGE_SUFFIXES)]


def _compare_names(root: Path, samples: Sequence[Sample], report: Report) -> None:
    """Compare the images of an earlier run with those of the source.

    Raises:
        InputError: An image is now in another split, so it would exist twice, or has another suffix.
    """
    wanted = {(sample.split, normalize('NFC', f'{sample.stem}{sample.suffix}')) for sample in samples}
    there = _names_there(root)
    places = {PurePath(name).stem: f'{split}/{name}' for split, name in wanted.difference(there)}
    left = [f'{split}/{name}' for split, name in there if (split, name) not in wanted]
    for place in left:
        if (now := places.get(PurePath(place).stem)) is not None:
            raise InputError(root / IMAGES / place, f'is {now} in the source now', REPLACE)
    if left:
        problem = f'{len(left)} images of the data set are not, or no longer, in the source'
        report.doubts.append(f'{problem}: {some(left)}; remove them, or {REPLACE}')


@dataclass
class _Writer:
    """Writer that counts its samples.

    Attributes:
        classes: Content of ``dataset.yaml``.
        report: Outcomes of the source's objects.
        tolerant: As in `write_data_set`.
        count_masks: As in `write_data_set`.
        times: Number of samples by place.
        images: Images in the data set, by split.
        written: Images written.
        changed: Existing images that differ from the current source.
    """

    classes: Classes
    report: Report
    tolerant: bool
    count_masks: bool
    times: Counter[tuple[str, str]]
    images: Counter[str] = field(default_factory=Counter)
    written: int = 0
    changed: list[str] = field(default_factory=list)

    def write(self, images: Path, labels: Path, samples: Sequence[Sample]) -> None:
        """Write the missing files.

        Args:
            images: Folder of the images of all splits.
            labels: Folder of their masks.
            samples: All images.

        Raises:
            InputError: As in `write_data_set`.
        """
        for sample in track(samples, 'converting', total=len(samples)):
            try:
                self._write(images, labels, sample)
            except NotWritableError:
                raise
            except InputError as error:
                if not self.tolerant:
                    raise
                self.report.failed.append(error)
                sample.lose()
                continue
            self.images[sample.split] += 1
        if not self.images:
            raise _none_usable(self.report)
        if self.changed:
            problem = f'{len(self.changed)} images or masks differ from the current source and were kept'
            self.report.doubts.append(f'{problem}: {some(self.changed)}; {REPLACE}')

    def _write(self, images: Path, labels: Path, sample: Sample) -> None:
        _check_name(sample)
        _check_stem(sample, self.times)
        files = (
            images / sample.split / f'{sample.stem}{sample.suffix}',
            labels / sample.split / f'{sample.stem}.png',
        )
        is_there = all(map(names_file, files))
        if is_there and not self.tolerant:  # a published archive does not change
            return
        image, mask = sample.make()
        if self.count_masks:
            self.report.add_mask(mask, self.classes)
        if not is_there:
            _write_files(files, image, mask, self.classes)
            self.written += 1
        elif not _are_same(files, image, mask):
            self.changed.append(f'{sample.split}/{sample.stem}')


def _check_name(sample: Sample) -> None:
    name = f'{sample.split}/{sample.stem}'
    if not is_printable(name):  # every reader refuses a data set with such a name
        raise InputError(ascii(name), 'cannot be printed', 'rename it in the source')
    if not (is_file_name(sample.split) and is_file_name(sample.stem)):
        raise InputError(name, 'is not a valid folder and file name', 'rename it in the source')
    if len(sample.stem.encode()) > MAX_STEM_BYTES:
        raise InputError(name, 'is too long for a file name', 'shorten it')


def _check(samples: Sequence[Sample], report: Report) -> None:
    if not samples and report.failed:
        raise _none_usable(report)
    if not samples:
        raise InputError(
            'source',
            'no image matches the options, nothing was written',
            'choose other classes or limits (COCO: --whole)',
        )


def _check_stem(sample: Sample, times: Counter[tuple[str, str]]) -> None:
    if (count := times[sample.place]) > 1:
        name = f'{sample.split}/{sample.stem}{sample.suffix}'
        raise InputError(name, f'{count} images of the source have this stem', 'give them different names')


def _none_usable(report: Report) -> InputError:
    first = report.failed[0]
    return InputError(
        first.subject, f'{first.problem} (none of the {len(report.failed)} images can be used)', first.remedy
    )


def _claim(root: Path, record: dict[str, Any], overwrite: bool) -> bool:
    """Mark the folder as this conversion's, or check that it is. Return whether an earlier one is replaced."""
    path = root / RECORD_FILE
    if root.exists() and not root.is_dir():
        raise InputError(root, 'is a file', 'give a folder')
    there = {entry.name for entry in root.iterdir() if not entry.name.startswith('.')} if root.is_dir() else set()
    known = _read_record(path) if there else {}
    if there == {RECORD_FILE}:  # that run used no image; its error may have suggested the new settings
        _remove_temporary_files(root)
    elif there:
        if {key: known.get(key) for key in record} == record and not overwrite:
            _remove_temporary_files(root)
            return False
        if not overwrite:
            problem = f'this data set was made with {_difference(known, record)}'
            raise InputError(path, problem, f'choose another folder, or {REPLACE}')
        return True
    write_json(path, record)
    return False


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
        problem = f'holds files, but no {RECORD_FILE} from a converter'
        raise InputError(path.parent, problem, 'give an empty or new folder')
    return record


def _difference(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    if known.get('converter') != wanted['converter']:
        return f'the converter {known.get("converter")}, not {wanted["converter"]}'
    old, new = known['settings'], wanted['settings']
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return ', '.join(f'{key} {json.dumps(old.get(key))} instead of {json.dumps(new.get(key))}' for key in keys)


def _remove_temporary_files(root: Path) -> None:
    remove_stages(root)
    for pattern in ('.*', f'{IMAGES}/*/.*', f'{LABELS}/*/.*'):
        for path in root.glob(pattern):
            if TEMPORARY_FILE.fullmatch(path.name):
                path.unlink(missing_ok=True)


def _write_files(files: tuple[Path, Path], image: NDArray[np.uint8] | Path, mask: Mask, classes: Classes) -> None:
    """Write an image and its mask. The mask is written last: if it exists, the image is complete."""
    if isinstance(image, Path):
        with atomic_path(files[0]) as temporary:
            shutil.copyfile(image, temporary)
    else:
        write_image(files[0], image)
    write_mask(files[1], mask, classes.palette)


def _are_same(files: tuple[Path, Path], image: NDArray[np.uint8] | Path, mask: Mask) -> bool:
    """Return whether an image and a mask equal the written ones."""
    try:
        if not np.array_equal(read_mask(files[1]), mask):
            return False
        if isinstance(image, Path):
            return filecmp.cmp(image, files[0], shallow=False)
        return np.array_equal(read_image(files[0]), image)
    except InputError:
        return False
