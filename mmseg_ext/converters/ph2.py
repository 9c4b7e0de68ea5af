"""PH²: 200 dermoscopic images of melanocytic lesions with the lesion outlined by an expert.

Mendonça et al., "PH² - a dermoscopic image database for research and benchmarking", EMBC 2013. The published archive::

    PH2Dataset/PH2_dataset.txt                 a table with one row per case
    PH2Dataset/PH2 Dataset images/IMD003/IMD003_Dermoscopic_Image/IMD003.bmp
                                         IMD003_lesion/IMD003_lesion.bmp      0 skin, 255 lesion
                                         IMD003_roi/…                         not used
"""

from __future__ import annotations

import random
import re
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.crops import resize
from mmseg_ext.converters.output import Converted, Sample, write_data_set
from mmseg_ext.converters.source import (
    UNPACK_AGAIN,
    check_size,
    find_folder,
    read_foreground,
    read_lines,
    require_files,
)
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError

PH2 = Classes(('skin', 'lesion'), ((0, 0, 0), (60, 200, 120)))
IMAGES = 'PH2 Dataset images'
TABLE = 'PH2_dataset.txt'


def convert_ph2(
    source: str | Path,
    root: str | Path,
    *,
    width: int | None = None,
    val: int = 40,
    test: int = 40,
    seed: int = 0,
    overwrite: bool = False,
) -> Converted:
    """Convert the published archive.

    Args:
        source: Folder with ``PH2 Dataset images`` and ``PH2_dataset.txt``, or its parent.
        root: Data set to write.
        width: Shrink images and masks to this width in pixels; None keeps their size.
        val: Number of cases in val.
        test: Number of cases in test; the rest is train.
        seed: Seed of the shuffle of the sorted cases.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: A case of the table lacks a file, or an option is out of range.
    """
    if width is not None and width < 1:
        raise InputError(f'`width={width}`', 'must be 1 or more')
    folder = find_folder(source, IMAGES, f'*/{IMAGES}')
    cases = _cases(folder.parent / TABLE)
    if not (val >= 0 and test >= 0 and val + test < len(cases)):
        raise InputError(f'`val={val}` and `test={test}`', f'must leave some of the {len(cases)} cases for train')
    files = {case: _files(folder, case) for case in cases}
    require_files(path for pair in files.values() for path in pair)
    random.Random(seed).shuffle(cases)
    train = len(cases) - val - test
    splits = ['train'] * train + ['val'] * val + ['test'] * test
    samples = [
        Sample(split, case, '.png', partial(_make, *files[case], width))
        for case, split in sorted(zip(cases, splits, strict=True))
    ]
    settings = {'width': width, 'val': val, 'test': test, 'seed': seed}
    return write_data_set(root, PH2, samples, 'ph2', settings, overwrite)


def _cases(table: Path) -> list[str]:
    """Read the cases of the table, sorted."""
    rows = [re.match(r'\|\|\s*(IMD\d+)\s*\|\|', line) for line in read_lines(table)]
    cases = sorted({row[1] for row in rows if row})
    if not cases:
        raise InputError(table, 'no row begins with "|| IMD…"', UNPACK_AGAIN)
    return cases


def _files(folder: Path, case: str) -> tuple[Path, Path]:
    place = folder / case
    return place / f'{case}_Dermoscopic_Image' / f'{case}.bmp', place / f'{case}_lesion' / f'{case}_lesion.bmp'


def _make(image_path: Path, mask_path: Path, width: int | None) -> tuple[NDArray[np.uint8], Mask]:
    image, mask = read_image(image_path), read_foreground(mask_path).astype(np.uint8)
    check_size(image_path, image, mask)
    if width is not None and width < image.shape[1]:
        image, mask = resize(image, mask, (width, max(round(image.shape[0] * width / image.shape[1]), 1)))
    return image, mask
