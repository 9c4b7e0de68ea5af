"""The files of a data set that statistics are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.layout import IMAGE_SUFFIXES, MASK_SUFFIX, Classes, list_stems
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.errors import InputError

USUAL_ORDER = ('train', 'val', 'test')


@dataclass(frozen=True)
class Item:
    """An image, its mask, or both.

    Attributes:
        split: Name of the split.
        stem: The files' stem.
        image: The image, or None where only a mask is there.
        mask: The mask, or None where only an image is there.
    """

    split: str
    stem: str
    image: Path | None
    mask: Path | None


def find_splits(root: str | Path, labels: str) -> tuple[str, ...]:
    """The splits that have images or masks: train, val and test first, then the others by name.

    Raises:
        InputError: The root or the label set is missing, or neither it nor ``img`` holds a split.
    """
    root = Path(root)
    for folder in (root, root / labels):
        if not folder.is_dir():
            raise InputError(f'{folder}: folder not found; a data set has img/<split>/ and <label set>/<split>/')
    found = {
        path.name for name in ('img', labels) if (root / name).is_dir() for path in (root / name).iterdir()
        if path.is_dir() and not path.name.startswith('.')
    }  # fmt: skip
    if not found:
        raise InputError(f'{root}: neither img nor {labels} holds a split; a data set has <label set>/<split>/')
    return tuple(sorted(found, key=lambda name: (_rank(name), name)))


def _rank(split: str) -> int:
    return USUAL_ORDER.index(split) if split in USUAL_ORDER else len(USUAL_ORDER)


def list_items(root: str | Path, labels: str, splits: Sequence[str]) -> list[Item]:
    """The images and masks of some splits, sorted by split (as given) and stem.

    Raises:
        InputError: A split has neither images nor masks.
    """
    root = Path(root)
    items: list[Item] = []
    for split in splits:
        images = _list(root / 'img' / split, IMAGE_SUFFIXES)
        masks = _list(root / labels / split, (MASK_SUFFIX,))
        if not images and not masks:
            raise InputError(f'{root}: no files in img/{split} nor {labels}/{split}; name another split')
        items += [Item(split, stem, images.get(stem), masks.get(stem)) for stem in sorted(images.keys() | masks.keys())]
    return items


def list_masks(root: str | Path, labels: str, split: str) -> list[Path]:
    """The masks of a split, sorted by stem.

    Raises:
        InputError: The folder is missing or holds none.
    """
    folder = Path(root) / labels / split
    masks = _list(folder, (MASK_SUFFIX,))
    if not masks:
        raise InputError(f'{folder}: no masks (*{MASK_SUFFIX}) there; name another label set or split')
    return list(masks.values())


def _list(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    return list_stems(folder, suffixes) if folder.is_dir() else {}


def read_class_mask(path: Path, classes: Classes) -> tuple[Mask, NDArray[np.int64]]:
    """Read a mask and count its pixels.

    Returns:
        The mask of shape (H, W), and the pixels of each class, shape (K,); ignored pixels are not counted.

    Raises:
        InputError: The mask cannot be read, or holds a value that is neither a class nor ignored.
    """
    mask = read_mask(path)
    counts = np.bincount(mask.reshape(-1), minlength=256)
    counts[classes.ignore_index] = 0  # never a class: `Classes` refuses that
    unknown = np.flatnonzero(counts[len(classes.names) :]) + len(classes.names)
    if len(unknown):
        raise InputError(
            f'{path}: holds class id {", ".join(map(str, unknown))}, known are 0 to {len(classes.names) - 1} and '
            f'{classes.ignore_index} (ignored); mend the mask or dataset.yaml'
        )
    return mask, counts[: len(classes.names)].astype(np.int64)
