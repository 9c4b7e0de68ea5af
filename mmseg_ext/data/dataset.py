"""Data set on disk: ``img/<split>/<stem>.jpg``, ``<label set>/<split>/<stem>.png``, ``dataset.yaml``."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmseg_ext.data.classes import Classes
from mmseg_ext.errors import InputError
from mmseg_ext.reading import is_printable, names_folder, read_entries, unprintable_name

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')
MASK_SUFFIX = '.png'
SHAPES_SUFFIX = '.json'
# Suffixes of images and arrays that are not read; a file with another suffix is not a picture at all.
UNREAD_SUFFIXES = (
    '.avif', '.dcm', '.gif', '.heic', '.heif', '.jfif', '.jp2', '.mat', '.nii', '.npy', '.npz', '.pbm', '.pgm', '.ppm',
    '.tga',
)  # fmt: skip
IMAGES, SHAPES = 'img', 'labelme'  # folders of a data set that are not label sets
USUAL_SPLITS = ('train', 'val', 'test')
LAYOUT = 'a data set has img/<split>/ and <label set>/<split>/, see README'

Key = tuple[str, str]  # split, stem


@dataclass(frozen=True, slots=True)
class Item:
    """Image with its mask and its LabelMe document. Only names are stored, since a data set can hold 10⁵ of them.

    Attributes:
        split: Its split.
        stem: Stem of its files.
        image_name: File name of the image; None if there is only a mask.
        mask_name: File name of the mask, or None.
        shapes_name: File name of the LabelMe document, or None.
    """

    split: Split
    stem: str
    image_name: str | None
    mask_name: str | None = None
    shapes_name: str | None = None

    @property
    def key(self) -> Key:
        """Split name and stem."""
        return self.split.name, self.stem

    @property
    def image(self) -> Path | None:
        """Path of the image, or None."""
        return None if self.image_name is None else self.split.image_folder / self.image_name

    @property
    def mask(self) -> Path | None:
        """Path of the mask, or None."""
        return None if self.mask_name is None else self.split.mask_folder / self.mask_name

    @property
    def shapes(self) -> Path | None:
        """Path of the LabelMe document, or None."""
        return None if self.shapes_name is None else self.split.shapes_folder / self.shapes_name


@dataclass(frozen=True, slots=True)
class Problem:
    """Problem in the file names of a split.

    Attributes:
        check: ``stray_file``, ``nested_folder``, ``unread_format``, ``ambiguous_stem``, ``unpaired_image`` or
            ``unpaired_mask``.
        stem: Stem of the file; for a file that is not read, its name.
        message: One sentence.
    """

    check: str
    stem: str
    message: str


@dataclass(frozen=True, slots=True)
class Split:
    """Split of a data set, with the masks of one label set or none.

    Attributes:
        root: The data set.
        name: Name of the split.
        labels: Name of the label set; None for images alone.
    """

    root: Path
    name: str
    labels: str | None = None

    @property
    def image_folder(self) -> Path:
        """Folder of the images."""
        return self.root / IMAGES / self.name

    @property
    def mask_folder(self) -> Path:
        """Folder of the masks.

        Raises:
            ValueError: The split was opened without a label set.
        """
        if self.labels is None:
            raise ValueError(f'split {self.name} was opened without a label set')
        return either_form(self.root / self.labels) / self.name

    @property
    def shapes_folder(self) -> Path:
        """Folder of the LabelMe documents."""
        return self.root / SHAPES / self.name

    @property
    def has_masks(self) -> bool:
        """Whether the label set has a folder for this split."""
        return self.labels is not None and names_folder(self.mask_folder)

    def images(self) -> dict[str, Path]:
        """Return stem → image, sorted by stem; empty if there is no folder."""
        return list_stems(self.image_folder, IMAGE_SUFFIXES) if names_folder(self.image_folder) else {}

    def masks(self) -> dict[str, Path]:
        """Return stem → mask, sorted by stem; empty if there is no folder."""
        return list_stems(self.mask_folder, (MASK_SUFFIX,)) if self.has_masks else {}

    def items(self) -> list[Item]:
        """Pair images and masks by stem, sorted by stem.

        Raises:
            InputError: The split has neither images nor masks, or two files share a stem.
        """
        images, masks = self.images(), self.masks()
        if not images and not masks:
            also = '' if self.labels is None else f' nor {self.labels}/{self.name}'
            raise InputError(self.root, f'no files in img/{self.name}{also}', 'choose another split')
        return [
            Item(self, stem, *(found[stem].name if stem in found else None for found in (images, masks)))
            for stem in sorted(images.keys() | masks.keys())
        ]

    def scan(self) -> tuple[list[Item], list[Problem]]:
        """List the split's files and the problems in their names, instead of refusing the split.

        Returns:
            The items sorted by stem (if files share a stem, the first), and the problems.

        Raises:
            InputError: The split has neither images nor masks, or a folder cannot be read.
        """
        images, stray_images = _list_folder(self.image_folder, IMAGE_SUFFIXES)
        masks, stray_masks = _list_folder(self.mask_folder, (MASK_SUFFIX,)) if self.labels is not None else ({}, [])
        shapes, _ = _list_folder(self.shapes_folder, (SHAPES_SUFFIX,))
        if not images and not masks:
            found = found_instead(self.image_folder)
            raise InputError(self.image_folder, f'holds no image{found}', 'put the files there or choose other splits')
        problems = [_stray(self.image_folder, IMAGE_SUFFIXES, name) for name in stray_images]
        problems += [_stray(self.mask_folder, (MASK_SUFFIX,), name) for name in stray_masks]
        items = []
        for stem in sorted(images.keys() | masks.keys()):
            for kept, *others in (found.get(stem, ['']) for found in (images, masks)):
                problems += [
                    Problem('ambiguous_stem', stem, f'{name} has the same stem as {kept}; keep one of the two')
                    for name in others
                ]
            if self.has_masks and stem not in masks:
                message = f'img/{self.name}/{images[stem][0]} has no mask in {self.labels}'
                problems.append(Problem('unpaired_image', stem, message))
            if stem not in images:
                message = f'{self.labels}/{self.name}/{masks[stem][0]} has no image'
                problems.append(Problem('unpaired_mask', stem, message))
            first = [found[stem][0] if stem in found else None for found in (images, masks, shapes)]
            items.append(Item(self, stem, *first))
        return items, problems


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Folder with one folder per split: masks, or LabelMe documents.

    Attributes:
        folder: The folder, which gives the label set its name.
        suffix: Suffix of its files.
    """

    folder: Path
    suffix: str = MASK_SUFFIX

    def splits(self, wanted: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return the splits of the label set in the usual order, or the wanted ones in theirs.

        Raises:
            InputError: The folder or a wanted split does not exist.
        """
        if not names_folder(self.folder):
            raise InputError(self.folder, 'no such folder', 'check the name')
        found = _in_usual_order(_subfolders(self.folder))
        return found if wanted is None else _choose(wanted, found, self.folder)

    def path(self, split: str, stem: str) -> Path:
        """Return where the file of a stem is, or would be."""
        return either_form(self.folder / split / f'{stem}{self.suffix}')

    def files(self, splits: Sequence[str] | None = None) -> dict[Key, Path]:
        """Find all files as (split, stem) → path, sorted within their split.

        Args:
            splits: Which splits; all by default.

        Raises:
            InputError: The folder or a split is missing, or holds no such file; also as in `list_stems`.
        """
        files = {
            (split, stem): path
            for split in self.splits(splits)
            for stem, path in list_stems(self.folder / split, (self.suffix,)).items()
        }
        if not files:
            holds = ''.join(found_instead(self.folder / split) for split in self.splits(splits)[:1])
            raise InputError(
                self.folder,
                f'holds no file <split>/<stem>{self.suffix}{holds}',
                'give the folder that contains the splits',
            )
        return files


class DataSet:
    """Data set on disk.

    Args:
        root: Its folder.

    Raises:
        InputError: There is no such folder.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).expanduser()
        if not names_folder(self.root):
            raise InputError(self.root, 'folder not found', LAYOUT)

    def __repr__(self) -> str:
        """Name the folder, its splits and its label sets."""
        try:
            splits, labels = self.splits(), self.label_sets()
        except InputError:
            return f'DataSet({str(self.root)!r})'
        return f'DataSet({str(self.root)!r}: splits {", ".join(splits)}; label sets {", ".join(labels) or "none"})'

    @cached_property
    def classes(self) -> Classes:
        """Names, colours and ignored value, from ``dataset.yaml``.

        Raises:
            InputError: The file is missing or wrong.
        """
        return Classes.read(self.root)

    def label_sets(self) -> tuple[str, ...]:
        """Return the names of the folders that may hold masks, sorted."""
        return tuple(sorted(set(_subfolders(self.root)) - {IMAGES, SHAPES}))

    def new_label_set(self, name: str, source: str | None = None) -> LabelSet:
        """Name a label set that need not exist.

        Args:
            name: Its name.
            source: The label set that it is made from, which is never changed.

        Raises:
            InputError: The name is not valid for a folder of masks in the data set, or it is ``source``.
        """
        if name == source:
            raise InputError(f'`to={name}`', 'is the source itself, which is never changed', 'choose another name')
        return self._label_set(name, 'to')

    def label_set(self, name: str, argument: str = 'labels') -> LabelSet:
        """Open a label set.

        Args:
            name: Its name.
            argument: Name of the argument in messages.

        Raises:
            InputError: The name is not a label set's, or there is no such folder.
        """
        masks = self._label_set(name, argument)
        if not names_folder(masks.folder):
            others = ', '.join(self.label_sets())
            remedy = f'choose `{argument}` from {others}' if others else f'there is no other; {LAYOUT}'
            raise InputError(self.root / name, 'label set not found', remedy)
        return masks

    def _label_set(self, name: str, argument: str) -> LabelSet:
        if name != Path(name).name or name.startswith('.') or name in ('', IMAGES, SHAPES):
            raise InputError(
                f'`{argument}={name!r}`', f'must be the name of a label set, a folder of masks in {self.root}'
            )
        return LabelSet(either_form(self.root / name))

    def splits(self, labels: str | None = None, wanted: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return the splits that have images or masks: train, val and test first, then the others by name.

        Args:
            labels: A label set whose splits count too.
            wanted: Return these, without repetition, instead of all.

        Raises:
            InputError: There is no such label set or split, or no split at all.
        """
        folders = [self.root / IMAGES] if (self.root / IMAGES).is_dir() else []
        if labels is not None:
            folders.append(self.label_set(labels).folder)
        found = _in_usual_order({name for folder in folders for name in _subfolders(folder)})
        if not found:
            raise InputError(self.root / IMAGES, f'holds no split{found_instead(self.root / IMAGES)}', LAYOUT)
        return found if wanted is None else _choose(wanted, found, self.root)

    def split(self, name: str, labels: str | None = None) -> Split:
        """Open a split; it is not checked for files until they are listed."""
        return Split(self.root, name, labels)

    def items(self, labels: str | None = None, splits: Sequence[str] | None = None) -> list[Item]:
        """List the items of some splits (all by default), by split and stem.

        Raises:
            InputError: There is no such label set or split, or two files share a stem.
        """
        return [item for name in self.splits(labels, splits) for item in self.split(name, labels).items()]


def list_stems(folder: str | Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """List the files of a folder with one of the suffixes, as stem → path, sorted by stem. Hidden files are left out.

    Accents in stems are composed (Unicode NFC), so an image and a mask whose names look the same are a pair.

    Raises:
        InputError: The folder cannot be read, a name cannot be printed, or two files share a stem (``a.jpg`` and
            ``a.png``), which is ambiguous.
    """
    folder = Path(folder)
    return {stem: folder / name for stem, name in list_names(folder, suffixes).items()}


def list_names(folder: Path, suffixes: tuple[str, ...]) -> dict[str, str]:
    """List files like `list_stems`, but as stem → file name, which is faster; empty if there is no folder."""
    listed, strays = _list_folder(folder, suffixes)
    for name in strays:
        if not is_printable(name) and os.path.splitext(name)[1].lower() in suffixes:
            raise unprintable_name(folder / name)
    for names in listed.values():
        if len(names) > 1:
            raise InputError(folder / names[1], f'has the same stem as {names[0]}', 'keep one of the two')
    return {stem: listed[stem][0] for stem in sorted(listed)}


def choose_files(files: Iterable[Key], queue: str | Path) -> list[Key]:
    """Choose the files that a queue names, in its order.

    Args:
        files: All files, as (split, stem).
        queue: A text file: one ``stem`` or ``split/stem`` per line; empty lines do not count, nor do lines that begin
            with ``#`` and name no file.

    Raises:
        InputError: The queue cannot be read, names no file, or names one that does not exist or is in two splits.
    """
    queue = Path(queue)
    by_name: dict[str, list[Key]] = {}
    for split, stem in files:
        by_name.setdefault(stem, []).append((split, stem))
        by_name.setdefault(f'{split}/{stem}', []).append((split, stem))
    chosen: dict[Key, None] = {}
    for number, line in read_entries(queue, by_name).items():
        name = unicodedata.normalize('NFC', line)
        matches = by_name.get(name, [])
        if len(matches) != 1:
            problem = f'is in {" and ".join(split for split, _ in matches)}' if matches else 'has no mask'
            raise InputError(queue, f'line {number}: {name!r} {problem}', 'write split/stem of a file that exists')
        chosen[matches[0]] = None
    if not chosen:
        raise InputError(queue, 'lists no files', 'write one stem per line')
    return list(chosen)


def _in_usual_order(splits: Iterable[str]) -> tuple[str, ...]:
    def rank(split: str) -> int:
        return USUAL_SPLITS.index(split) if split in USUAL_SPLITS else len(USUAL_SPLITS)

    return tuple(sorted(splits, key=lambda split: (rank(split), split)))


def _choose(wanted: Sequence[str], found: Sequence[str], place: Path) -> tuple[str, ...]:
    if not found:
        raise InputError(place, 'holds no folder of a split', 'give the folder that contains the splits')
    if not wanted:
        raise InputError('`splits`', 'lists no splits', f'choose from {",".join(found)}')
    for split in wanted:
        if split not in found:
            raise InputError(place, f'no split {split!r}', f'choose `splits` from {",".join(found)}')
    return tuple(dict.fromkeys(wanted))


def _subfolders(folder: Path) -> list[str]:
    names = sorted(entry.name for entry in _entries(folder) if os.path.isdir(entry.path))
    for name in names:
        if not is_printable(name):
            raise unprintable_name(folder / name)
    return names


def _list_folder(folder: Path, suffixes: tuple[str, ...]) -> tuple[dict[str, list[str]], list[str]]:
    """List the files with one of the suffixes by stem, and the names of everything else; hidden files are left out.

    A name that cannot be printed, which no table could hold, is listed with everything else.
    """
    found: dict[str, list[str]] = {}
    strays: list[str] = []
    for entry in _entries(folder) if names_folder(folder) else ():
        stem, suffix = os.path.splitext(entry.name)
        if suffix.lower() in suffixes and is_printable(entry.name) and _is_file(entry):
            found.setdefault(unicodedata.normalize('NFC', stem), []).append(entry.name)
        else:
            strays.append(entry.name)
    for names in found.values():
        names.sort()
    return found, sorted(strays)


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a file or a link to one; most need no further disk access."""
    return entry.is_file(follow_symlinks=False) or os.path.isfile(entry.path)


def either_form(path: Path) -> Path:
    """Return a path in the form of its accents (Unicode NFC or NFD) in which its last part exists.

    macOS and some archives decompose names, keyboards compose them: both look the same.
    """
    if path.name.isascii() or os.path.exists(path):
        return path
    others = (path.with_name(unicodedata.normalize(form, path.name)) for form in ('NFC', 'NFD'))
    return next((other for other in others if os.path.exists(other)), path)


def found_instead(folder: Path) -> str:
    """Count a folder's content by suffix, to report it if nothing is read: ``; it holds 12 .tif, 1 folder``."""
    if not names_folder(folder):
        return ''
    kinds = Counter(
        'folder' if os.path.isdir(entry.path) else os.path.splitext(entry.name)[1] for entry in _entries(folder)
    )
    counted = [
        f'{count} {kind or "without suffix"}{"s" * (kind == "folder" and count > 1)}' for kind, count in kinds.items()
    ]
    return f'; it holds {", ".join(sorted(counted))}' if counted else ''


def _stray(folder: Path, suffixes: Sequence[str], name: str) -> Problem:
    """Say why a file or folder in a folder of images or masks is not read."""
    path, place = folder / name, f'{folder.parent.name}/{folder.name}/{name}'
    if not is_printable(name):
        shown = ascii(name)[1:-1]
        message = f'{folder.parent.name}/{folder.name}/{shown} is not read: its name cannot be printed; rename it'
        return Problem('unread_format', shown, message)
    if os.path.isdir(path):
        pictures = sum(
            os.path.splitext(file)[1].lower() in IMAGE_SUFFIXES for _, _, files in os.walk(path) for file in files
        )
        if not pictures:
            return Problem('stray_file', name, f'{place} is not a data set file')
        message = (
            f'{place} is a folder with {pictures} image{"s" * (pictures > 1)}, and folders in a split are not read'
        )
        return Problem('nested_folder', name, message)
    if not os.path.isfile(path):
        kind = 'a broken link' if os.path.islink(path) else 'not a regular file'
        return Problem('unread_format', name, f'{place} is not read: it is {kind}')
    suffix = os.path.splitext(name)[1].lower()
    if suffix in (*IMAGE_SUFFIXES, *UNREAD_SUFFIXES):
        remedy = '; mmseg-ext remap reads .tif and .bmp too and writes .png' if MASK_SUFFIX in suffixes[:1] else ''
        return Problem('unread_format', name, f'{place} is not read: only {", ".join(suffixes)} are{remedy}')
    return Problem('stray_file', name, f'{place} is not a data set file')


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry for entry in entries if not entry.name.startswith('.'))
    except OSError as error:
        raise InputError(folder, f'cannot be listed ({error.strerror})', 'correct its permissions') from error
