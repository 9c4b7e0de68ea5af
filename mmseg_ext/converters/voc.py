"""PASCAL VOC: images with 20 classes of objects.

Everingham et al., "The PASCAL Visual Object Classes challenge", IJCV 2010. The published archive::

    VOCdevkit/VOC2012/ImageSets/Segmentation/{train,val}.txt
    VOCdevkit/VOC2012/JPEGImages/2007_000032.jpg
    VOCdevkit/VOC2012/SegmentationClass/2007_000032.png    palette PNG: 0 background, 1–20 classes, 255 border
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.codes import GREY_MODES, LABEL_MAP, Translation, mode_of, read_table
from mmseg_ext.converters.folder import translate_table
from mmseg_ext.converters.naming import Colour, is_background, name_classes
from mmseg_ext.converters.output import Converted, Sample, classes_with_background, write_data_set
from mmseg_ext.converters.pairs import Pair, convert_pairs, find_pairs
from mmseg_ext.converters.report import Report, some
from mmseg_ext.converters.source import UNPACK_AGAIN, check_size, find_folder, read_lines, require_files
from mmseg_ext.converters.split import SPLIT_WORDS, SplitOptions
from mmseg_ext.data.classes import IGNORE_INDEX
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.data.remapping import pack
from mmseg_ext.errors import InputError
from mmseg_ext.progress import track

VOC_CLASSES = (
    'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow', 'diningtable', 'dog',
    'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor',
)  # fmt: skip
UNKNOWN = 254  # not used in VOC masks


PUBLISHED_STEM = re.compile(r'20\d\d_\d{6}')
OFFICIAL = 'voc'
CLASS_NAMES = 'class_names.txt'
LABELME_IGNORE = '__ignore__'
SETS, IMAGES, MASKS = 'ImageSets/Segmentation', 'JPEGImages', 'SegmentationClass'
VOID = (224, 224, 192)  # colour of the border in the published masks


def convert_voc(
    source: str | Path,
    root: str | Path,
    *,
    classes: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    ignored: Sequence[str] | None = None,
    images: str | Path | None = None,
    keep_empty: bool = False,
    split: SplitOptions | None = None,
    overwrite: bool = False,
) -> Converted:
    """Convert the segmentation part of an unpacked VOCdevkit, or of a data set in its layout with its own classes.

    The meaning of the mask values comes from ``labelmap.txt`` (CVAT's "Segmentation mask"), ``class_names.txt``
    (labelme2voc) or ``names``. The published set is recognized by the names of its files (``2007_000032``); any other
    set without these sources is refused, since its class 1 need not be an aeroplane.

    The published train and val splits are kept. There is no test split, since its masks are not public.

    Args:
        source: ``VOC2012`` (or another year), ``VOCdevkit``, or its parent; or the folder of ``labelmap.txt``.
        root: Data set to write.
        classes: Chosen classes, numbered from 1 in this order; all others become background. All by default.
        names: Names of the values 0, 1, 2, …, the background first, for a set that does not give them; ``['voc']`` for
            the 20 of VOC.
        ignored: Classes whose pixels are ignored (255), in a set with its own classes.
        images: Folder of the images, if not ``JPEGImages``.
        keep_empty: Keep images of the published set that show none of the classes. Other sets always keep all images.
        split: How images are assigned to splits if ``ImageSets`` does not name them.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: The meaning of the values is unknown, a listed file is missing, or a class is unknown. In a set
            with its own classes, a file that cannot be used costs only itself.
    """
    folder = _own_folder(source)
    told = next((folder / name for name in (LABEL_MAP, CLASS_NAMES) if folder and (folder / name).is_file()), None)
    if folder is not None and (told or (names and list(names) != [OFFICIAL])):
        return _convert_own(folder, root, told, classes, names, ignored, images, split, overwrite)
    return _convert_published(source, root, classes or VOC_CLASSES, keep_empty, bool(names), overwrite)


def _own_folder(source: str | Path) -> Path | None:
    """Find the folder of ``SegmentationClass``."""
    places = ('', 'VOC2*/', 'VOCdevkit/VOC2*/', '*/')
    found = (path.parent for place in places for path in sorted(Path(source).glob(f'{place}{MASKS}')) if path.is_dir())
    return next(found, None)


def _convert_published(
    source: str | Path, root: str | Path, classes: Sequence[str], keep_empty: bool, official: bool, overwrite: bool
) -> Converted:
    for name in classes:
        if name not in VOC_CLASSES:
            raise InputError(f'`classes={name}`', 'is not a VOC class', f'choose from {", ".join(VOC_CLASSES)}')
    chosen = classes_with_background(classes)
    folder = find_folder(source, SETS, f'VOC2*/{SETS}', f'VOCdevkit/VOC2*/{SETS}').parents[1]
    lists = sorted((folder / SETS).glob('*.txt'))
    stems = [name for path in lists for name in read_lines(path)]
    foreign = next((stem for stem in stems if not PUBLISHED_STEM.fullmatch(stem)), None)
    if foreign is not None and not official:
        raise InputError(
            folder,
            f'does not say what its mask values mean: there is no {LABEL_MAP}, and files such as {foreign} '
            'are not in the published VOC',
            f'add the {LABEL_MAP} of the export, or name the values with `names` (background first; {OFFICIAL}: '
            'the 20 classes of VOC)',
        )
    split_of = {name: split for split in ('train', 'val') for name in read_lines(folder / SETS / f'{split}.txt')}
    files = {name: (folder / IMAGES / f'{name}.jpg', folder / MASKS / f'{name}.png') for name in split_of}
    require_files(path for pair in files.values() for path in pair)
    table = _table(classes)
    if not keep_empty:
        wanted = [VOC_CLASSES.index(name) + 1 for name in classes]
        names_of_images = track(sorted(files), 'looking for the classes', total=len(files))
        files = {name: files[name] for name in names_of_images if np.isin(read_mask(files[name][1]), wanted).any()}
    samples = [
        Sample(split_of[name], name, '.jpg', partial(_make, *pair, table)) for name, pair in sorted(files.items())
    ]
    settings = {'classes': list(classes), 'keep_empty': keep_empty}
    return write_data_set(root, chosen, samples, 'voc', settings, overwrite)


def _convert_own(
    folder: Path,
    root: str | Path,
    told: Path | None,
    classes: Sequence[str] | None,
    names: Sequence[str] | None,
    ignored: Sequence[str] | None,
    images: str | Path | None,
    split: SplitOptions | None,
    overwrite: bool,
) -> Converted:
    if told is not None and names:
        raise InputError(f'`names={",".join(names)}`', f'is already given by {told}', 'leave it out, or move that file')
    table: list[tuple[str, Colour]] = []
    if told is not None and told.name == LABEL_MAP:
        table = read_table(told)
        order = [name for name, _ in table]
        naming, by_colour = translate_table(table, classes, ignored)
        by_colour.known.setdefault(pack(VOID), IGNORE_INDEX)
    else:
        order = read_lines(told) if told is not None else list(names or ())
        if order[0] == LABELME_IGNORE:  # labels.txt of labelme, whose first label has the index -1
            order = order[1:] or order
        if not is_background(order[0]):
            raise InputError(
                f'`names={",".join(order)}`', f'begins with {order[0]}, but value 0 must be the background'
            )
        naming, by_colour = name_classes(dict.fromkeys(order), classes, ignored), None
    numbers = {value: naming.values.get(name, 0) for value, name in enumerate(order)}
    by_number = Translation(numbers, False)

    def read(path: Path) -> Mask:
        is_colour = by_colour is not None and mode_of(path) not in GREY_MODES
        return (by_colour if is_colour and by_colour else by_number).read(path)

    report = Report(naming.classes.names)
    pairs = _listed_pairs(folder, Path(images) if images else folder / IMAGES, report)
    settings = {'meaning': table or order, 'ignored': list(ignored or ())}
    settings = json.loads(json.dumps(settings))
    return convert_pairs(pairs, naming, read, root, 'voc', settings, report, split=split, overwrite=overwrite)


def _listed_pairs(folder: Path, images: Path, report: Report) -> list[Pair]:
    """Pair images and masks, only those in the ``ImageSets`` lists named after splits, if there are such lists."""
    found = Report(())
    pairs = find_pairs(images, folder / MASKS, found)
    keys = {pair.key for pair in pairs}
    split_of: dict[str, str] = {}
    for path in sorted((folder / SETS).glob('*.txt')):
        split = SPLIT_WORDS.get(path.stem.casefold())
        for name in map(_composed, read_lines(path, keys) if split else []):
            if split_of.setdefault(name, str(split)) != split:
                raise InputError(path, f'{name} is also in {split_of[name]}', 'keep it in one split')
    report.failed += [
        error for error in found.failed if not split_of or _composed(Path(error.subject).stem) in split_of
    ]
    if not split_of:
        return pairs
    known = keys | {_composed(Path(error.subject).stem) for error in report.failed}
    for name in sorted(split_of.keys() - known):
        report.failed.append(InputError(folder / MASKS / f'{name}.png', 'not found', 'it is listed in ImageSets'))
    left = [pair.key for pair in pairs if pair.key not in split_of]
    if left:
        report.notes.append(f'{len(left)} images are in no ImageSets list and left out: {some(left)}')
    return [replace(pair, split=split_of[pair.key]) for pair in pairs if pair.key in split_of]


def _composed(name: str) -> str:
    return normalize('NFC', name)


def _table(classes: Sequence[str]) -> NDArray[np.uint8]:
    """Map each value of a VOC mask to our value, shape (256,)."""
    table = np.full(256, UNKNOWN, np.uint8)
    table[: len(VOC_CLASSES) + 1] = 0
    table[IGNORE_INDEX] = IGNORE_INDEX
    for position, name in enumerate(classes):
        table[VOC_CLASSES.index(name) + 1] = position + 1
    return table


def _make(image_path: Path, mask_path: Path, table: NDArray[np.uint8]) -> tuple[Path, Mask]:
    mask: Mask = table[read_mask(mask_path)]
    if (mask == UNKNOWN).any():
        raise InputError(mask_path, 'holds a value that is not a VOC class', UNPACK_AGAIN)
    check_size(image_path, read_image(image_path), mask)
    return image_path, mask
