"""Folders of images and masks that are paired by their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.annotated import stem_of
from mmseg_ext.converters.naming import Naming
from mmseg_ext.converters.output import Converted, Sample, earlier_splits, write_data_set
from mmseg_ext.converters.report import Report, some
from mmseg_ext.converters.source import upright_image, upright_suffix
from mmseg_ext.converters.split import SPLIT_WORDS, SplitOptions, assign_splits, is_given
from mmseg_ext.data.dataset import IMAGE_SUFFIXES
from mmseg_ext.data.images import turn_upright
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError

IMAGE_FOLDERS = ('image', 'images', 'img', 'imgs', 'img_dir', 'input', 'inputs', 'jpegimages', 'photos')
MASK_FOLDERS = (
    'ann_dir', 'annotation', 'annotations', 'ground_truth', 'groundtruth', 'gt', 'label', 'labels', 'mask', 'masks',
    'seg', 'segmentation', 'segmentationclass', 'segmentations', 'target', 'targets',
)  # fmt: skip

MASK_WORDS = ('mask', 'gt', 'seg', 'label', 'ann', 'groundtruth', 'target')
NO_BACKGROUND = 'no class is named background: dataset.yaml has background: null; if the first one is, name it so'
Named = dict[str, list[tuple[Path, str | None]]]  # key → files, each with the split that a folder names


@dataclass(frozen=True)
class Pair:
    """Image and its mask.

    Attributes:
        image: The image file.
        mask: The mask file.
        key: Their common name, with folders.
        split: The split that a folder names, or None.
    """

    image: Path
    mask: Path
    key: str
    split: str | None = None


def find_pairs(
    images: str | Path, masks: str | Path, report: Report, image_suffix: str = '', mask_suffix: str = ''
) -> list[Pair]:
    """Pair the files of two folders, or of one, and of all folders in them, by their names.

    Names are compared without suffixes. Folder names that mean a split (``train``, ``val``, ``test``) become the
    splits; they and names that only describe the content (``images``, ``masks``) are left out of the comparison.

    Args:
        images: Folder of the images.
        masks: Folder of the masks; it may be the same.
        report: Gets an error for each image without a mask and the reverse, and for two files with one name.
        image_suffix: End of the name of an image, such as ``_img.tif``; by default the suffix of any image format.
        mask_suffix: End of the name of a mask, such as ``_gt.png``.

    Raises:
        InputError: A folder does not exist, or nothing in it fits.
    """
    shared = Path(images).resolve() == Path(masks).resolve()
    by_folder = shared and not image_suffix and not mask_suffix
    kinds = ((images, image_suffix, IMAGE_FOLDERS), (masks, mask_suffix, MASK_FOLDERS))
    found: list[Named] = []
    for position, (folder, suffix, plain) in enumerate(kinds):
        files = list_files(Path(folder), suffix)
        if by_folder:
            files = [file for file in files if _is_in(file, Path(folder), plain)]
        elif shared and not suffix:
            other = kinds[1 - position][1]
            files = [file for file in files if not file.name.casefold().endswith(other.casefold())]
        if not files:
            raise _nothing_found(Path(folder), suffix, by_folder)
        named: Named = {}
        for file in files:
            key, split = _key(file, Path(folder), suffix, plain)
            named.setdefault(key, []).append((file, split))
        found.append(named)
    return _match(found[0], found[1], report, Path(images))


def _match(images: Named, masks: Named, report: Report, folder: Path) -> list[Pair]:
    pairs = []
    for key in sorted(images.keys() | masks.keys()):
        here, there = images.get(key, []), masks.get(key, [])
        if len(here) > 1 or len(there) > 1:
            first, second, *_ = here if len(here) > 1 else there
            report.failed.append(
                InputError(second[0], f'has the same name as {first[0]}', 'keep one, or give a suffix')
            )
        elif not there:
            report.failed.append(InputError(here[0][0], f'has no mask named {key}', 'add it'))
        elif not here:
            report.failed.append(InputError(there[0][0], f'has no image named {key}', 'add it'))
        else:
            pairs.append(Pair(here[0][0], there[0][0], key, here[0][1] or there[0][1]))
    if not pairs:
        image, mask = min(images), min(masks)
        files = ([pair[0].name for found in named.values() for pair in found] for named in (images, masks))
        raise InputError(
            folder, f'no image has a mask of the same name: images such as {image!r}, masks such as {mask!r}',
            suggest_suffixes(*files) or 'give the endings that differ: `image_suffix` and `mask_suffix`',
        )  # fmt: skip
    return pairs


def suggest_suffixes(images: Sequence[str], masks: Sequence[str]) -> str:
    """Return, as a remedy, the suffixes that give most images and masks common names; empty if there are none.

    Args:
        images: File names of images.
        masks: File names of masks, or the same again if it is not known which are which.

    >>> suggest_suffixes(['a.jpg', 'b.jpg'], ['a_mask.png', 'b_mask.png'])
    'try `mask_suffix` _mask.png'
    >>> suggest_suffixes(['a.jpg', 'a.png', 'b.jpg', 'b.png'], ['a.jpg', 'a.png', 'b.jpg', 'b.png'])
    'try `image_suffix` .jpg and `mask_suffix` .png'
    """
    found: list[tuple[int, int, str, str]] = []
    for image_end, mask_end in product(_ends(images), _ends(masks)):
        if image_end == mask_end or _is_mask(image_end) > _is_mask(mask_end):
            continue
        keys = {name.removesuffix(image_end) for name in images if name.endswith(image_end)}
        shared = keys & {name.removesuffix(mask_end) for name in masks if name.endswith(mask_end)}
        found.append((len(shared), -len(image_end + mask_end), image_end, mask_end))
    count, _, image_end, mask_end = max(found, default=(0, 0, '', ''))
    if not count or 3 * count < min(len(images), len(masks)):
        return ''
    plain = image_end.startswith('.') and not mask_end.startswith('.')  # any image that is not a mask
    return f'try {"" if plain else f"`image_suffix` {image_end} and "}`mask_suffix` {mask_end}'


def _ends(names: Sequence[str]) -> list[str]:
    """List the ends of file names, beginning with a separator, that at least a third of them share."""
    counts: Counter[str] = Counter()
    for name in names:
        counts.update({name[match.start() :] for match in re.finditer(r'[._-]', name) if match.start()})
    return [end for end, count in counts.items() if 3 * count >= len(names) and len(end) > 1]


def _is_mask(end: str) -> int:
    """Return how strongly the end of a name suggests a mask: 2 by its word, 1 by PNG."""
    words = re.split(r'[._-]', end.casefold())
    return 2 if any(word.startswith(MASK_WORDS) for word in words) else int(words[-1] == 'png')


def _nothing_found(folder: Path, suffix: str, by_folder: bool) -> InputError:
    names = [path.name for path in list_files(folder)]
    remedy = _hint(folder)
    if by_folder and names:
        remedy = f'{suggest_suffixes(names, names) or "name the folders, or what ends the names"}; {remedy}'
    kind = f'*{suffix or "/".join(IMAGE_SUFFIXES)}'
    return InputError(folder, f'holds no file {kind}{" in a folder of its kind" if by_folder else ""}', remedy)


def list_files(folder: Path, suffix: str = '') -> list[Path]:
    """List the files of a folder and its subfolders whose names end in a suffix, sorted; by default all images.

    Raises:
        InputError: There is no such folder.
    """
    if not folder.is_dir():
        raise InputError(folder, 'folder not found')
    ends = (suffix.casefold(),) if suffix else IMAGE_SUFFIXES
    files = (path for path in folder.rglob('*') if path.name.casefold().endswith(ends) and path.is_file())
    return sorted(path for path in files if not any(part[0] == '.' for part in path.relative_to(folder).parts))


def _is_in(file: Path, folder: Path, names: Sequence[str]) -> bool:
    return any(part.casefold() in names for part in file.relative_to(folder).parts[:-1])


def _key(file: Path, folder: Path, suffix: str, plain: Sequence[str]) -> tuple[str, str | None]:
    *folders, name = file.relative_to(folder).parts
    splits = [SPLIT_WORDS[part.casefold()] for part in folders if part.casefold() in SPLIT_WORDS]
    kept = [part for part in folders if part.casefold() not in (*SPLIT_WORDS, *plain)]
    stem = name[: -len(suffix)] if suffix else name.rpartition('.')[0]
    return normalize('NFC', '/'.join([*splits[:1], *kept, stem])), splits[0] if splits else None


def _hint(folder: Path) -> str:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob('*') if path.is_file())
    return f'it holds {some(names, 3)}' if names else 'it holds no file at all'


def convert_pairs(
    pairs: Sequence[Pair],
    naming: Naming,
    read: Callable[[Path], Mask],
    root: str | Path,
    converter: str,
    settings: Mapping[str, Any],
    report: Report,
    *,
    split: SplitOptions | None = None,
    overwrite: bool = False,
) -> Converted:
    """Write a data set from images and masks.

    Args:
        pairs: The files.
        naming: Classes of the masks.
        read: Reads a mask file as class indices.
        root: Data set to write.
        converter: Name of the converter, for the record.
        settings: Everything else that the content depends on, as JSON values.
        report: Gets the counts and failed images.
        split: How images are assigned to splits if the pairs have none.
        overwrite: As in `write_data_set`.

    An image with an EXIF orientation is stored upright. Its mask is assumed to fit the upright image, unless only the
    stored pixels have its size.

    Raises:
        InputError: As in `write_data_set`; or an option cannot be used, or some pairs have a split and others none.
    """
    options = split or SplitOptions()
    remedy = 'move it into the folder of one, or list all splits with `list`'
    if not options.lists and is_given(((pair.image, pair.split) for pair in pairs), remedy):
        split_of = {pair.key: str(pair.split) for pair in pairs}
        stems = {pair.key: stem_of(pair.key + '.x', pair.split) for pair in pairs}
        used: dict[str, Any] = {}
    else:
        stems = {pair.key: stem_of(pair.key + '.x') for pair in pairs}
        there = {} if overwrite else earlier_splits(root)
        earlier = {key: there[stem] for key, stem in stems.items() if stem in there}
        split_of, used = assign_splits(list(stems), options, earlier), options.settings()
    if naming.classes.background is None:
        report.notes.append(NO_BACKGROUND)
    unlisted = [pair.key for pair in pairs if pair.key not in split_of]
    if unlisted:
        report.notes.append(f'{len(unlisted)} images are in none of the lists and left out: {some(unlisted)}')
    samples = [
        Sample(split_of[pair.key], stems[pair.key], upright_suffix(pair.image), partial(_make, pair, read))
        for pair in pairs
        if pair.key in split_of
    ]
    used = {'classes': list(naming.classes.names), **settings, **used}
    return write_data_set(
        root, naming.classes, samples, converter, used, overwrite, report, tolerant=True, count_masks=True
    )


def _make(pair: Pair, read: Callable[[Path], Mask]) -> tuple[NDArray[np.uint8] | Path, Mask]:
    (image, size, orientation), mask = upright_image(pair.image), read(pair.mask)
    if orientation >= 5 and mask.shape == size[::-1] != size:  # drawn on the stored pixels
        mask = turn_upright(mask, orientation)
    if mask.shape != size:
        sizes = f'{size[1]}×{size[0]} pixels, its mask {mask.shape[1]}×{mask.shape[0]} (width×height)'
        raise InputError(pair.image, f'is {sizes}', 'correct one of them')
    return image, mask
