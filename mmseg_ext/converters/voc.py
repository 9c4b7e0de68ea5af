"""PASCAL VOC: images with 20 classes of objects.

Everingham et al., "The PASCAL Visual Object Classes challenge", IJCV 2010. The published archive::

    VOCdevkit/VOC2012/ImageSets/Segmentation/{train,val}.txt
    VOCdevkit/VOC2012/JPEGImages/2007_000032.jpg
    VOCdevkit/VOC2012/SegmentationClass/2007_000032.png    palette PNG: 0 background, 1–20 classes, 255 border
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.output import Converted, Sample, classes_with_background, write_data_set
from mmseg_ext.converters.source import UNPACK_AGAIN, check_size, find_folder, read_lines, require_files
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.errors import InputError
from mmseg_ext.progress import track

VOC_CLASSES = (
    'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow', 'diningtable', 'dog',
    'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor',
)  # fmt: skip
IGNORED = 255
UNKNOWN = 254  # no value of a VOC mask


def convert_voc(
    source: str | Path,
    root: str | Path,
    *,
    classes: Sequence[str] = VOC_CLASSES,
    keep_empty: bool = False,
    overwrite: bool = False,
) -> Converted:
    """Convert the segmentation part of an unpacked VOCdevkit.

    The published train and val are kept. There is no test split, since its masks are not public.

    Args:
        source: ``VOC2012`` (or another year), ``VOCdevkit``, or its parent.
        root: Data set to write.
        classes: Chosen classes, numbered from 1 in this order; all others become background.
        keep_empty: Keep images that show none of the classes.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: A listed file is missing, or a class is unknown.
    """
    for name in classes:
        if name not in VOC_CLASSES:
            raise InputError(f'`classes={name}`', 'is no class of VOC', f'choose from {", ".join(VOC_CLASSES)}')
    chosen = classes_with_background(classes)
    sets = 'ImageSets/Segmentation'
    folder = find_folder(source, sets, f'VOC2*/{sets}', f'VOCdevkit/VOC2*/{sets}').parents[1]
    split_of = {name: split for split in ('train', 'val') for name in read_lines(folder / sets / f'{split}.txt')}
    files = {
        name: (folder / 'JPEGImages' / f'{name}.jpg', folder / 'SegmentationClass' / f'{name}.png') for name in split_of
    }
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


def _table(classes: Sequence[str]) -> NDArray[np.uint8]:
    """Map each value of a VOC mask to ours, shape (256,)."""
    table = np.full(256, UNKNOWN, np.uint8)
    table[: len(VOC_CLASSES) + 1] = 0
    table[IGNORED] = IGNORED
    for position, name in enumerate(classes):
        table[VOC_CLASSES.index(name) + 1] = position + 1
    return table


def _make(image_path: Path, mask_path: Path, table: NDArray[np.uint8]) -> tuple[Path, Mask]:
    mask: Mask = table[read_mask(mask_path)]
    if (mask == UNKNOWN).any():
        raise InputError(mask_path, 'holds a value that is no class of VOC', UNPACK_AGAIN)
    check_size(image_path, read_image(image_path), mask)
    return image_path, mask
