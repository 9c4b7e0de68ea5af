"""Writing a converted data set: file by file, so that an interrupted run goes on where it stopped.

``ROOT/conversion.json`` (which converter, which settings) comes first and marks the folder as ours;
``ROOT/dataset.yaml`` comes last, so that a set without it is an unfinished one. What stands there is kept.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import write_image
from mmseg_ext.data.masks import Mask, write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.files import atomic_path, write_json
from mmseg_ext.progress import track

RECORD = 'conversion.json'
LABELS = 'labels'
SPLITS = ('train', 'val', 'test')
LEFT_BEHIND = re.compile(r'\..+-[a-z0-9_]{8}\.(png|jpg|jpeg|json|yaml)')  # what atomic_path leaves of a killed run


@dataclass(frozen=True)
class Sample:
    """One image to write with its mask.

    Attributes:
        split: Its split.
        stem: Its stem in the new data set.
        suffix: Of its image file: ``.png``, or that of the source file where ``make`` gives a path.
        make: Gives the image, RGB (H, W, 3) uint8, or the path of a file to copy byte by byte; and the mask (H, W).
    """

    split: str
    stem: str
    suffix: str
    make: Callable[[], tuple[NDArray[np.uint8] | Path, Mask]]


@dataclass(frozen=True)
class Converted:
    """What a conversion did.

    Attributes:
        images: Images in the data set, by split.
        written: Images that this run wrote.
    """

    images: Mapping[str, int]
    written: int

    def __str__(self) -> str:
        total = sum(self.images.values())
        splits = ', '.join(f'{split} {count}' for split, count in self.images.items())
        return f'{total} images ({splits}), {self.written} written, {total - self.written} already there'


def write_data_set(
    root: str | Path,
    classes: Classes,
    samples: Sequence[Sample],
    converter: str,
    settings: Mapping[str, Any],
    overwrite: bool = False,
) -> Converted:
    """Write what is missing of a converted data set.

    Args:
        root: Folder of the data set: missing, empty, or made by this converter with these settings.
        classes: Goes into ``dataset.yaml``.
        samples: All images of the set.
        converter: Name of the converter, for the record.
        settings: All that the content depends on beside the source, as JSON values.
        overwrite: Begin anew, also with other settings. A folder that no converter made is never replaced.

    Returns:
        What was done.

    Raises:
        InputError: There is nothing to write, two samples share a stem, ``root`` holds something else, or a source
            file cannot be used.
    """
    root = Path(root)
    _check(samples)
    _claim(root, {'converter': converter, 'settings': dict(settings)}, overwrite)
    written = 0
    for sample in track(samples, 'converting', total=len(samples)):
        written += _write_sample(root, sample, classes)
    if not (root / 'dataset.yaml').is_file():
        classes.write(root)
    images = Counter(sample.split for sample in samples)
    return Converted({split: images[split] for split in SPLITS if images[split]}, written)


def _check(samples: Sequence[Sample]) -> None:
    if not samples:
        raise InputError('no image of the source fits the choice; nothing was written')
    stem, times = Counter(sample.stem for sample in samples).most_common(1)[0]
    if times > 1:
        raise InputError(f'{stem}: {times} images of the source have this stem; give them different names')


def _claim(root: Path, record: dict[str, Any], overwrite: bool) -> None:
    """Make the folder ours, or make sure that it is."""
    path = root / RECORD
    if root.exists() and not root.is_dir():
        raise InputError(f'{root}: is a file; name a folder')
    if root.is_dir() and any(not found.name.startswith('.') for found in root.iterdir()):
        known = _read_record(path)
        if known == record and not overwrite:
            _remove(found for pattern in ('.*', 'img/*/.*', f'{LABELS}/*/.*') for found in root.glob(pattern))
            return
        if not overwrite:
            raise InputError(
                f'{path}: this set was made with {_difference(known, record)}; name another folder, or replace it '
                'with --overwrite'
            )
        (root / 'dataset.yaml').unlink(missing_ok=True)
        for folder in ('img', LABELS):
            shutil.rmtree(root / folder, ignore_errors=True)
    write_json(path, record)


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get('settings'), dict):
        raise InputError(f'{path.parent}: holds files, but no {RECORD} of a converter; name an empty or a new folder')
    return record


def _difference(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    if known.get('converter') != wanted['converter']:
        return f'the converter {known.get("converter")}, not {wanted["converter"]}'
    old, new = known['settings'], wanted['settings']
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return ', '.join(f'{key} {json.dumps(old.get(key))} instead of {json.dumps(new.get(key))}' for key in keys)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        if LEFT_BEHIND.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _write_sample(root: Path, sample: Sample, classes: Classes) -> bool:
    """Write an image and its mask, unless both are there. The mask comes last: it vouches for the image."""
    image_path = root / 'img' / sample.split / f'{sample.stem}{sample.suffix}'
    mask_path = root / LABELS / sample.split / f'{sample.stem}.png'
    if image_path.is_file() and mask_path.is_file():
        return False
    image, mask = sample.make()
    if isinstance(image, Path):
        with atomic_path(image_path) as temporary:
            shutil.copyfile(image, temporary)
    else:
        write_image(image_path, image)
    write_mask(mask_path, mask, classes.palette)
    return True
