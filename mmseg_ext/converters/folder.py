"""Folders of images with masks that hold class indices, other numbers, or colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_ext.converters.codes import Translation, is_data_set, read_table
from mmseg_ext.converters.naming import Colour, Naming, name_classes
from mmseg_ext.converters.output import Converted
from mmseg_ext.converters.pairs import convert_pairs, find_pairs
from mmseg_ext.converters.report import IGNORED, PIXELS, Report, some
from mmseg_ext.converters.split import SplitOptions
from mmseg_ext.data.classes import IGNORE_INDEX
from mmseg_ext.data.masks import Mask
from mmseg_ext.data.remapping import pack
from mmseg_ext.errors import InputError


def convert_folder(
    images: str | Path,
    masks: str | Path,
    root: str | Path,
    *,
    values: Mapping[int, str],
    image_suffix: str = '',
    mask_suffix: str = '',
    nearest: bool = False,
    unknown: str | None = None,
    alpha: bool = False,
    split: SplitOptions | None = None,
    overwrite: bool = False,
) -> Converted:
    """Convert masks of numbers: class indices, 0 and 255, 16 bits.

    Args:
        images: Folder of the images.
        masks: Folder of the masks; it may be the same.
        root: Data set to write.
        values: Number in the masks → name of its class, in the order of our values; a class may have several numbers,
            and ``ignored`` means ignored pixels. 255 is ignored unless it is named.
        image_suffix: End of the name of an image, such as ``_img.tif``.
        mask_suffix: End of the name of a mask, such as ``_gt.png``.
        nearest: Map pixels with any other number to the nearest of these numbers.
        unknown: Class, or ``ignored``, of pixels with any other number; None refuses the mask.
        alpha: The masks are the alpha channels: 0 is transparent, 255 opaque.
        split: How images are assigned to splits if no folder names one.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: An option or folder cannot be used. A file that cannot be used costs only itself.
    """
    labels: dict[str, Colour | None] = dict.fromkeys(values.values())
    if not labels:
        raise InputError('`values`', 'lists no classes', 'write VALUE=NAME for each mask value')
    naming = name_classes(labels, ignored=[IGNORED] if IGNORED in labels else [], add_background=False)
    known = {code: naming.values[name] for code, name in values.items()}
    translation = Translation(known, False, nearest, _other(unknown, naming), alpha)
    settings = {
        'values': {str(code): name for code, name in values.items()}, 'image_suffix': image_suffix,
        'mask_suffix': mask_suffix, 'nearest': nearest, 'unknown': unknown, **({'alpha': True} if alpha else {}),
    }  # fmt: skip
    report = Report(naming.classes.names)
    pairs = find_pairs(images, masks, report, image_suffix, mask_suffix)
    counts: list[int] = []  # of the classes in each mask with ignored pixels

    def read(path: Path) -> Mask:
        mask = translation.read(path)
        if (mask == IGNORE_INDEX).any():
            counts.append(len(np.unique(mask)) - 1)
        return mask

    done = convert_pairs(pairs, naming, read, root, 'folder', settings, report, split=split, overwrite=overwrite)
    absent = [name for name in naming.classes.names if not report.counts.get(name, Counter())[PIXELS]]
    problem = ''
    if IGNORE_INDEX not in values and absent and report.counts.get(IGNORED):
        problem = f'no mask shows {some(absent)}, but some hold 255, which was treated as ignored'
    elif IGNORE_INDEX not in values and IGNORED not in {*labels, unknown} and counts and max(counts) < 2:
        # Pixels that are meant to be ignored lie along the borders of objects now and then.
        problem = f'every mask with 255, which was treated as ignored, shows one class at most ({len(counts)})'
    if problem:
        report.doubts.append(
            f'{problem}: are these 0/255 masks? Name the values with `values` and add `overwrite=True`'
        )
    return done


def convert_colour(
    images: str | Path,
    masks: str | Path,
    root: str | Path,
    *,
    colours: str | Path,
    classes: Sequence[str] | None = None,
    ignored: Sequence[str] | None = None,
    image_suffix: str = '',
    mask_suffix: str = '',
    nearest: bool = False,
    unknown: str | None = None,
    split: SplitOptions | None = None,
    overwrite: bool = False,
) -> Converted:
    """Convert masks whose colours stand for classes.

    Args:
        images: Folder of the images.
        masks: Folder of the masks; it may be the same.
        root: Data set to write.
        colours: Table of the colours (`read_table`).
        classes: Classes in the order of their values; by default all, in the order of the table, the background first.
            Those that are not chosen become background.
        ignored: Classes whose pixels are ignored (255); by default as in `name_classes`, but none if the table is a
            ``dataset.yaml``.
        image_suffix: End of the name of an image, such as ``_img.tif``.
        mask_suffix: End of the name of a mask, such as ``_gt.png``.
        nearest: Map pixels with any other colour to the nearest colour of the table.
        unknown: Class, or ``ignored``, of pixels with a colour that is not in the table; None refuses the mask.
        split: How images are assigned to splits if no folder names one.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: An option, a folder or the table cannot be used. A file that cannot be used costs only itself.
    """
    table = read_table(colours)
    if ignored is None and is_data_set(colours):
        ignored = []  # all its classes are real classes, whatever their names
    naming, translation = translate_table(table, classes, ignored, nearest, unknown)
    settings: dict[str, Any] = {
        'colours': [[name, list(colour)] for name, colour in table], 'ignored': list(ignored or ()),
        'image_suffix': image_suffix, 'mask_suffix': mask_suffix, 'nearest': nearest, 'unknown': unknown,
    }  # fmt: skip
    report = Report(naming.classes.names)
    pairs = find_pairs(images, masks, report, image_suffix, mask_suffix)
    return convert_pairs(
        pairs, naming, translation.read, root, 'colour', settings, report, split=split, overwrite=overwrite
    )


def translate_table(
    table: Sequence[tuple[str, Colour]],
    classes: Sequence[str] | None = None,
    ignored: Sequence[str] | None = None,
    nearest: bool = False,
    unknown: str | None = None,
) -> tuple[Naming, Translation]:
    """Number the classes of a colour table, and map each colour to its value.

    Raises:
        InputError: A name is unknown.
    """
    labels: dict[str, Colour | None] = {}
    for name, colour in table:
        labels.setdefault(name, colour)
    naming = name_classes(labels, classes, ignored, add_background=classes is not None)
    known = {pack(colour): naming.values.get(name, 0) for name, colour in table}
    return naming, Translation(known, True, nearest, _other(unknown, naming))


def _other(unknown: str | None, naming: Naming) -> int | None:
    if unknown is None:
        return None
    if unknown == IGNORED:
        return IGNORE_INDEX
    if unknown not in naming.values:
        raise InputError(f'`unknown={unknown}`', 'is not a class', f'choose from {IGNORED}, {", ".join(naming.values)}')
    return naming.values[unknown]
