"""Checks before a training: every file readable, image and mask of one size, every value a class or ignored.

A few seconds here replace an opaque failure (a CUDA assert, a worker's traceback) hours later. The audit looks at far
more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import FILE_NAME, Classes, mask_values, unlike_most
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, LAYOUT, MASK_SUFFIX, DataSet, Item, LabelSet, Split, found_instead
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_palette_mask
from mmseg_ext.errors import InputError

Decoded = tuple[NDArray[np.uint8], NDArray[np.uint8] | None]

MAX_NAMED_PROBLEMS = 5
MAX_NAMED_CLASSES = 10


def pair_files(split: Split, masks_optional: bool = False) -> list[Item]:
    """List a split's images with their masks, sorted by stem, each with its pair.

    Args:
        split: The split; without a label set, its images are listed alone.
        masks_optional: A label set without a folder for this split means "no masks" instead of an error.

    Raises:
        InputError: A folder is missing or empty, an image has no mask, or a mask no image.
    """
    images = split.images()
    _require_split(split.image_folder)
    _require(split.image_folder, bool(images), IMAGE_SUFFIXES)
    if split.labels is None or (masks_optional and not split.has_masks):
        return [Item(split, stem, path.name) for stem, path in images.items()]
    masks = split.masks()
    if not split.mask_folder.parent.is_dir():
        DataSet(split.root).label_set(split.labels)  # names those that there are
    _require_split(split.mask_folder)
    _require(split.mask_folder, bool(masks), (MASK_SUFFIX,))
    problems = [f'{images[stem]}: image without mask' for stem in images.keys() - masks.keys()]
    problems += [f'{masks[stem]}: mask without image' for stem in masks.keys() - images.keys()]
    _raise_problems(sorted(problems), split)
    return [Item(split, stem, path.name, masks[stem].name) for stem, path in images.items()]


def _require_split(folder: Path) -> None:
    """Refuse a split that a folder of images or masks lacks, and name those that it has."""
    if folder.is_dir():
        return
    others = ', '.join(LabelSet(folder.parent).splits()) if folder.parent.is_dir() else ''
    raise InputError(folder, 'folder not found', f'`split` may be {others}' if others else LAYOUT)


def _require(folder: Path, filled: bool, suffixes: tuple[str, ...]) -> None:
    if not filled:
        raise InputError(
            folder,
            f'folder holds no {"/".join(suffixes)} file{found_instead(folder)}',
            'put the files there or name another split',
        )


def decode_items(
    items: Sequence[Item],
    classes: Classes,
    split: Split,
    *,
    keep: bool,
    workers: int = 4,
    warn: Callable[[str], None] | None = None,
) -> list[Decoded]:
    """Decode all items and check them: readable, image and mask of one size, every value a class or ignored.

    Masks that together hold nothing but 0 and 255, or nothing but ignored pixels, are refused, too, and palettes with
    the colours of ``dataset.yaml``, or of most other masks, at other indices.

    Args:
        items: From `pair_files`.
        classes: Names and ignored value of the data set.
        split: Named in the error.
        keep: Return the arrays; otherwise they are dropped as soon as they are checked.
        workers: Threads (the decoders release the interpreter lock).
        warn: Called with one line where no mask shows a class, or where some masks hold 0 and 255 alone.

    Returns:
        One (image, mask) per item, image RGB (H, W, 3) and mask (H, W), both uint8; empty without ``keep``.

    Raises:
        InputError: One error for all problems, naming the first five files.
    """
    present = np.zeros(256, bool)  # bytes that several threads set to True
    colours: dict[str, dict[int, tuple[int, int, int]]] = {}
    of_0_255: list[str] = []

    def check(item: Item) -> Decoded | str | None:
        assert item.image is not None
        try:
            image = read_image(item.image)
            mask, palette = (None, None) if item.mask is None else read_palette_mask(item.mask)
        except InputError as error:
            return f'{error.subject}: {error.problem}'
        if mask is not None:
            values = mask_values(mask)
            present[values] = True
            if problem := _mask_problem(item, image, mask.shape, values, classes):
                return problem
            if classes.misplaced_colours(values, palette):
                return f'{item.mask}: its palette holds the colours of {FILE_NAME} at other indices'
            colours[str(item.mask)] = classes.used_colours(values, palette)
            if classes.holds_0_255(values):
                of_0_255.append(str(item.mask))
        return (image, mask) if keep else None

    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(check, items))
    problems = [result for result in results if isinstance(result, str)]
    masks = sorted(colours)
    for position in unlike_most([colours[mask] for mask in masks]):
        problems.append(f'{masks[position]}: its palette holds colours at other indices than most masks do')
    _raise_problems(problems, split)
    _check_values(np.flatnonzero(present).tolist(), classes, split, warn)
    if of_0_255 and warn is not None:
        warn(
            f'{split.mask_folder}: {len(of_0_255)} of {len(masks)} masks hold 0 and 255 alone, such as '
            f'{Path(min(of_0_255)).name}; 255 is ignored: if it means an object there, mmseg-ext remap --map 255=1 '
            '--keep-others'
        )
    return [result for result in results if isinstance(result, tuple)]


def _check_values(values: Sequence[int], classes: Classes, split: Split, warn: Callable[[str], None] | None) -> None:
    """Refuse masks that together teach nothing, and warn of classes that none of them shows."""
    if not values:
        return
    ignored = classes.ignore_index
    if list(values) == [ignored]:
        problem = f'every pixel of every mask is ignored ({ignored}): there is nothing to learn or to score'
        raise InputError(split.mask_folder, problem, 'draw the masks, or convert them: mmseg-ext remap')
    if classes.holds_0_255(values):
        raise InputError(
            split.mask_folder,
            'all masks hold 0 and 255 alone, and 255 is the ignored value; are these masks 0/255?',
            f'convert them: mmseg-ext remap {split.root} --labels {split.labels} --to {split.labels}_remapped '
            '--map 0=0 255=1',
        )
    absent = classes.absent(values)
    if absent and warn is not None:
        named = ', '.join(classes.names[value] for value in absent[:MAX_NAMED_CLASSES])
        more = f' and {len(absent) - MAX_NAMED_CLASSES} more classes' if len(absent) > MAX_NAMED_CLASSES else ''
        warn(f'{split.mask_folder}: no mask shows {named}{more}')


def _mask_problem(
    item: Item, image: NDArray[np.uint8], shape: tuple[int, ...], values: Sequence[int], classes: Classes
) -> str | None:
    if image.shape[:2] != shape:
        return (
            f'{item.mask}: mask is {shape[1]}×{shape[0]} pixels, its image {item.image} is '
            f'{image.shape[1]}×{image.shape[0]} (width×height)'
        )
    try:
        classes.check_values(values, str(item.mask))
    except InputError as error:
        return f'{error.subject}: {error.problem}'
    return None


def _raise_problems(problems: Sequence[str], split: Split) -> None:
    """Raise one `InputError` for a list of problems, if there are any: the first five, the count, the audit's command.

    Raises:
        InputError: There are problems.
    """
    if not problems:
        return
    named = '; '.join(problems[:MAX_NAMED_PROBLEMS])
    more = f'; and {len(problems) - MAX_NAMED_PROBLEMS} more' if len(problems) > MAX_NAMED_PROBLEMS else ''
    option = f' --labels {split.labels}' if split.labels else ''
    raise InputError(f'{named}{more}', remedy=f'see all: mmseg-ext audit {split.root}{option}')
