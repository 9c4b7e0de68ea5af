"""Which files a data set's splits hold, and which of them miss their other half."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mmseg_ext.data.layout import IMAGE_SUFFIXES, MASK_SUFFIX
from mmseg_ext.errors import InputError

USUAL_ORDER = ('train', 'val', 'test')
Trouble = tuple[str, str, str]  # check, stem, message


class Item(NamedTuple):
    """An image with what belongs to it: names of files in the split's folders, None where there is no such file."""

    split: str
    stem: str
    image: str | None
    mask: str | None
    shapes: str | None


def find_splits(root: Path, labels: str, splits: Sequence[str] | None = None) -> tuple[str, ...]:
    """The splits to audit: those named, or all that have images or masks (train, val, test, then by name).

    Raises:
        InputError: The label set or a named split does not exist.
    """
    if labels != Path(labels).name or labels in ('', 'img', 'labelme'):
        raise InputError(f'--labels {labels!r}: must be the name of a label set, a folder of masks in {root}')
    if not (root / 'img').is_dir():
        raise InputError(f'{root / "img"}: folder not found; a data set has img/<split>/ and <label set>/<split>/')
    if not (root / labels).is_dir():
        others = sorted(path.name for path in root.iterdir() if path.is_dir() and path.name not in ('img', 'labelme'))
        raise InputError(f'{root / labels}: label set not found; --labels may be {", ".join(others) or "none here"}')
    known = {path.name for folder in ('img', labels) for path in (root / folder).iterdir() if path.is_dir()}
    known = {name for name in known if not name.startswith('.')}
    if splits is None:
        if not known:
            raise InputError(f'{root / "img"}: holds no split; images stand in img/<split>/')
        return tuple(sorted(known, key=lambda s: (USUAL_ORDER.index(s) if s in USUAL_ORDER else len(USUAL_ORDER), s)))
    for split in splits:
        if split not in known:
            raise InputError(f'{root}: no split {split!r}; --splits may be {",".join(sorted(known))}')
    return tuple(dict.fromkeys(splits))


def list_items(root: Path, labels: str, split: str) -> tuple[list[Item], list[Trouble]]:
    """List a split's files.

    Returns:
        The items sorted by stem, and the troubles that the names alone show.

    Raises:
        InputError: The split holds neither images nor masks, or a folder cannot be read.
    """
    troubles: list[Trouble] = []
    images, strays = _list_folder(root / 'img' / split, IMAGE_SUFFIXES)
    masks, more_strays = _list_folder(root / labels / split, (MASK_SUFFIX,))
    shapes, _ = _list_folder(root / 'labelme' / split, ('.json',))
    if not images and not masks:
        raise InputError(f'{root / "img" / split}: holds no image; put the files there or name other splits')
    for folder, names in ((f'img/{split}', strays), (f'{labels}/{split}', more_strays)):
        troubles += [('stray_file', name, f'{folder}/{name} is no file of a data set') for name in names]
    labelled = (root / labels / split).is_dir()
    items = []
    for stem in sorted(images.keys() | masks.keys()):
        for kept, *others in (found.get(stem, ['']) for found in (images, masks)):
            message = f'shares its stem with {kept}; keep one of the two'
            troubles += [('ambiguous_stem', stem, f'{name} {message}') for name in others]
        if labelled and stem not in masks:
            troubles.append(('unpaired_image', stem, f'img/{split}/{images[stem][0]} has no mask in {labels}'))
        if stem not in images:
            troubles.append(('unpaired_mask', stem, f'{labels}/{split}/{masks[stem][0]} has no image'))
        first = [found[stem][0] if stem in found else None for found in (images, masks, shapes)]
        items.append(Item(split, stem, *first))
    return items, troubles


def _list_folder(folder: Path, suffixes: tuple[str, ...]) -> tuple[dict[str, list[str]], list[str]]:
    """The files with one of the suffixes by stem, and the names of all else; hidden files are left out."""
    found: dict[str, list[str]] = {}
    strays: list[str] = []
    for entry in _entries(folder):
        stem, suffix = os.path.splitext(entry.name)
        if suffix.lower() in suffixes and entry.is_file():
            found.setdefault(stem, []).append(entry.name)
        else:
            strays.append(entry.name)
    for names in found.values():
        names.sort()
    return found, sorted(strays)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    if not folder.is_dir():
        return
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not entry.name.startswith('.'))
    except OSError as error:
        raise InputError(f'{folder}: folder cannot be read ({error.strerror}); mend its permissions') from error
