"""Checks of a training's data: every file readable, image and mask of one size, every value a class or ignored.

A few seconds before a training replace an opaque failure (a CUDA assert, a worker's traceback) hours later. They do not
grow with the data set: see `PairCheck`. The audit checks far more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes, mask_values, unlike_most
from mmseg_ext.data.dataset import (
    IMAGE_SUFFIXES,
    LAYOUT,
    MASK_SUFFIX,
    DataSet,
    Item,
    LabelSet,
    Split,
    found_instead,
    list_names,
)
from mmseg_ext.data.headers import read_stored_header
from mmseg_ext.data.images import pixel_limit, read_header, read_image
from mmseg_ext.data.masks import Colour, read_palette_mask
from mmseg_ext.errors import InputError

Decoded = tuple[NDArray[np.uint8], NDArray[np.uint8] | None]

MAX_NAMED_PROBLEMS = 5
MAX_NAMED_CLASSES = 10
PAIRS_AT_ONCE = 500  # pairs decoded before a training
HEADERS_A_TASK = 200  # per task of a thread
ABOUT_255 = '255 is ignored: if it means an object here, use mmseg-ext remap --map 255=1 --keep-others'


def pair_files(split: Split, masks_optional: bool = False) -> list[Item]:
    """List a split's images with their masks, sorted by stem, each with its pair.

    Args:
        split: The split; without a label set, only its images are listed.
        masks_optional: A label set without a folder for this split means "no masks" instead of an error.

    Raises:
        InputError: A folder is missing or empty, an image has no mask, or a mask no image.
    """
    images = list_names(split.image_folder, IMAGE_SUFFIXES)
    _require_split(split.image_folder)
    _require(split.image_folder, bool(images), IMAGE_SUFFIXES)
    if split.labels is None or (masks_optional and not split.has_masks):
        return [Item(split, stem, name) for stem, name in images.items()]
    masks = list_names(split.mask_folder, (MASK_SUFFIX,))
    if not split.mask_folder.parent.is_dir():
        DataSet(split.root).label_set(split.labels)  # names the existing ones
    _require_split(split.mask_folder)
    _require(split.mask_folder, bool(masks), (MASK_SUFFIX,))
    problems = [f'{split.image_folder / images[stem]}: image without mask' for stem in images.keys() - masks.keys()]
    problems += [f'{split.mask_folder / masks[stem]}: mask without image' for stem in masks.keys() - images.keys()]
    _raise_problems(sorted(problems), split)
    return [Item(split, stem, name, masks[stem]) for stem, name in images.items()]


def _require_split(folder: Path) -> None:
    """Refuse a split that a folder of images or masks lacks, and name the splits that it has."""
    if folder.is_dir():
        return
    others = ', '.join(LabelSet(folder.parent).splits()) if folder.parent.is_dir() else ''
    raise InputError(folder, 'folder not found', f'choose `split` from {others}' if others else LAYOUT)


def _require(folder: Path, filled: bool, suffixes: tuple[str, ...]) -> None:
    if not filled:
        raise InputError(
            folder,
            f'folder holds no {"/".join(suffixes)} file{found_instead(folder)}',
            'put the files there or choose another split',
        )


class PairCheck:
    """Check of a split's pairs: readable, image and mask of one size, every value a class or ignored.

    All headers are read at once, and all pixels too if the split has few pairs. With many pairs, pixels are decoded of
    a sample, of each pair whose headers leave a doubt, and of all pairs if the sample does not rule out what only all
    masks together can show. `decode` checks the others when they are first read, so that none goes unchecked.

    Also refused are masks that together hold nothing but 0 and 255, or nothing but ignored pixels, and palettes
    with the colours of ``dataset.yaml``, or of most other masks, at other indices.

    Args:
        items: Result of `pair_files`.
        classes: Names and ignored value of the data set.
        split: Named in the errors.
        warn: Called with one line if no mask shows a class, or if some masks hold only 0 and 255.
    """

    def __init__(
        self, items: Sequence[Item], classes: Classes, split: Split, warn: Callable[[str], None] | None = None
    ) -> None:
        self.items = items
        self._classes = classes
        self._split = split
        self._warn = warn or _ignore
        self._warned_of_0_255 = False

    def look_at_headers(self) -> Headers:
        """Read the sizes and palettes of all pairs."""
        return _look_at_headers(self.items, self._split, len(self._classes.names))

    def check_at_once(
        self,
        headers: Headers,
        keep: Callable[[int, Decoded], None] | None = None,
        *,
        pairs: int = PAIRS_AT_ONCE,
        workers: int = 4,
    ) -> NDArray[np.bool_]:
        """Decode and check a sample, evenly spread over the split, and whatever cannot wait.

        Args:
            headers: Result of `look_at_headers`.
            keep: Called by several threads with the position and the arrays of each decoded pair.
            pairs: Size of the sample; a split with no more pairs is checked as a whole.
            workers: Threads (the decoders release the interpreter lock).

        Returns:
            Shape (number of items,): which pairs have been checked.

        Raises:
            InputError: One error for all problems, naming the first five files.
        """
        count = len(self.items)
        sample = np.linspace(0, count - 1, pairs).round().astype(int) if count > pairs else np.arange(count)
        chosen = sorted({*sample.tolist(), *headers.doubtful}) if headers.palettes_agree else range(count)
        found = _Found()
        self._check_several(chosen, found, keep, workers)
        checked = np.zeros(count, bool)
        checked[chosen] = True
        # If one mask holds another value, they cannot all be masks of 0 and 255, or all ignored.
        if found.colours and not checked.all() and set(found.values()) <= {0, self._classes.ignore_index}:
            self._check_several(np.flatnonzero(~checked).tolist(), found, keep, workers)
            checked[:] = True
        masks = sorted(found.colours)
        for position in unlike_most([found.colours[mask] for mask in masks]):
            found.problems.append(f'{masks[position]}: its palette order differs from that of most masks')
        _raise_problems(found.problems, self._split)
        self._check_values(found, bool(checked.all()))
        return checked

    def decode(self, position: int) -> Decoded:
        """Decode and check a pair that was not checked at once.

        Returns:
            Image RGB (H, W, 3) and mask (H, W) or None, both uint8.

        Raises:
            InputError: It cannot be used; worded as in `check_at_once`.
        """
        item, found = self.items[position], _Found()
        decoded = self._check(item, found)
        if isinstance(decoded, str):
            raise _problems([decoded], self._split)
        if found.of_0_255 and not self._warned_of_0_255:
            self._warned_of_0_255 = True
            self._warn(f'{item.mask}: holds only 0 and 255; {ABOUT_255}')
        return decoded

    def _check_several(
        self, positions: Sequence[int], found: _Found, keep: Callable[[int, Decoded], None] | None, workers: int
    ) -> None:
        def check(position: int) -> str | None:
            decoded = self._check(self.items[position], found)
            if isinstance(decoded, str):
                return decoded
            if keep is not None:
                keep(position, decoded)
            return None

        with ThreadPoolExecutor(workers) as pool:
            found.problems += [problem for problem in pool.map(check, positions) if problem is not None]

    def _check(self, item: Item, found: _Found) -> Decoded | str:
        """Decode a pair and note its content; if something is wrong, return the problem instead."""
        assert item.image is not None
        try:
            image = read_image(item.image)
            mask, palette = (None, None) if item.mask is None else read_palette_mask(item.mask)
        except InputError as error:
            return f'{error.subject}: {error.problem}'
        if mask is not None:
            values = mask_values(mask)
            found.present[values] = True
            problem = _mask_problem(item, image, mask.shape, values, palette, self._classes)
            if problem:
                return problem
            found.colours[str(item.mask)] = self._classes.used_colours(values, palette)
            if self._classes.holds_0_255(values):
                found.of_0_255.append(str(item.mask))
        return image, mask

    def _check_values(self, found: _Found, is_all: bool) -> None:
        """Refuse masks that together teach nothing, and warn about classes that none of them shows."""
        values, split = found.values(), self._split
        if not values:
            return
        ignored = self._classes.ignore_index
        if values == [ignored]:
            problem = f'every pixel of every mask is ignored ({ignored}): there is nothing to learn or to score'
            raise InputError(split.mask_folder, problem, 'draw the masks, or convert them: mmseg-ext remap')
        if self._classes.holds_0_255(values):
            raise InputError(
                split.mask_folder,
                'all masks hold only 0 and 255, and 255 is the ignored value; are these 0/255 masks?',
                f'convert them: mmseg-ext remap {split.root} --labels {split.labels} --to {split.labels}_remapped '
                '--map 0=0 255=1',
            )
        count = len(found.colours)
        so_far = '' if is_all else ' checked so far'
        if absent := self._classes.absent(values):
            named = ', '.join(self._classes.names[value] for value in absent[:MAX_NAMED_CLASSES])
            more = f' and {len(absent) - MAX_NAMED_CLASSES} more classes' if len(absent) > MAX_NAMED_CLASSES else ''
            self._warn(f'{split.mask_folder}: no mask{so_far and f" of the {count}{so_far}"} shows {named}{more}')
        if found.of_0_255:
            self._warned_of_0_255 = True
            self._warn(
                f'{split.mask_folder}: {len(found.of_0_255)} of {count} masks{so_far} '
                f'hold only 0 and 255, such as {Path(min(found.of_0_255)).name}; {ABOUT_255}'
            )


@dataclass
class _Found:
    """Content of the pairs checked so far; several threads add to it."""

    problems: list[str] = field(default_factory=list)
    present: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(256, bool))
    colours: dict[str, dict[int, Colour]] = field(default_factory=dict)
    of_0_255: list[str] = field(default_factory=list)

    def values(self) -> list[int]:
        return [int(value) for value in np.flatnonzero(self.present)]


@dataclass(frozen=True)
class Headers:
    """Content of the headers of a split's files.

    Attributes:
        pixels: Pixels of each image, shape (number of items,), int64; 0 if its header cannot be read.
        doubtful: Positions of the pairs that only decoding can judge.
        palettes_agree: Whether no two masks can hold one colour at two values.
    """

    pixels: NDArray[np.int64]
    doubtful: tuple[int, ...]
    palettes_agree: bool


def _look_at_headers(items: Sequence[Item], split: Split, classes: int, workers: int = 8) -> Headers:
    """Read the headers of a split's pairs; a file without a readable header is doubtful, not yet refused.

    Args:
        items: Result of `pair_files`.
        split: Their split.
        classes: Number of classes.
        workers: Threads, to hide the latency of a network disk.
    """
    image_folder = str(split.image_folder)
    mask_folder = str(split.mask_folder) if split.labels else ''
    limit = pixel_limit()

    def look(item: Item) -> tuple[int, bool, bytes]:
        """Return the number of pixels, whether only decoding can judge the pair, and the palette of the mask."""
        assert item.image_name is not None
        path = os.path.join(image_folder, item.image_name)
        image = read_stored_header(path)
        if image is None:
            return _count_pixels(path), True, b''
        pixels = image.height * image.width
        if pixels > limit:
            return 0, True, b''
        if item.mask_name is None:
            return pixels, False, b''
        mask = read_stored_header(os.path.join(mask_folder, item.mask_name))
        if mask is None or not mask.holds_indices:
            return pixels, True, b''
        size = (mask.height, mask.width)
        fits = size == (image.height, image.width) or (image.has_exif and size == (image.width, image.height))
        return pixels, not fits, mask.palette

    with ThreadPoolExecutor(workers) as pool:  # by hundreds, since handing over one takes longer than reading it
        parts = [items[start : start + HEADERS_A_TASK] for start in range(0, len(items), HEADERS_A_TASK)]
        looks = [found for part in pool.map(lambda part: [look(item) for item in part], parts) for found in part]
    pixels = np.array([count for count, _, _ in looks], np.int64)
    doubtful = tuple(position for position, (_, doubt, _) in enumerate(looks) if doubt)
    return Headers(pixels, doubtful, _agree({palette for _, _, palette in looks}, classes))


def _count_pixels(path: str) -> int:
    """Count the pixels of an image of any format by its header; 0 if it cannot be read."""
    try:
        height, width = read_header(path).size
    except InputError:
        return 0
    return height * width if height * width <= pixel_limit() else 0


def _agree(palettes: Collection[bytes], classes: int) -> bool:
    """Return whether no colour has two values, within one palette or across palettes."""
    value_of: dict[bytes, int] = {}
    return all(
        value_of.setdefault(palette[3 * value : 3 * value + 3], value) == value
        for palette in palettes
        for value in range(min(classes, len(palette) // 3))
    )


def _ignore(line: str) -> None:
    """Warn nobody."""


def _mask_problem(
    item: Item,
    image: NDArray[np.uint8],
    shape: tuple[int, ...],
    values: Sequence[int],
    palette: Sequence[Colour] | None,
    classes: Classes,
) -> str | None:
    if image.shape[:2] != shape:
        return (
            f'{item.mask}: mask is {shape[1]}×{shape[0]} pixels, its image {item.image} is '
            f'{image.shape[1]}×{image.shape[0]} (width×height)'
        )
    try:
        classes.check_values(values, str(item.mask), palette)
    except InputError as error:
        return f'{error.subject}: {error.problem}'
    return None


def _raise_problems(problems: Sequence[str], split: Split) -> None:
    """Raise one `InputError` for a list of problems, if there are any.

    Raises:
        InputError: There are problems.
    """
    if problems:
        raise _problems(problems, split)


def _problems(problems: Sequence[str], split: Split) -> InputError:
    """Make one error from a list of problems: the first five, the count, the audit's command."""
    named = '; '.join(problems[:MAX_NAMED_PROBLEMS])
    more = f'; and {len(problems) - MAX_NAMED_PROBLEMS} more' if len(problems) > MAX_NAMED_PROBLEMS else ''
    option = f' --labels {split.labels}' if split.labels else ''
    return InputError(f'{named}{more}', remedy=f'see all: mmseg-ext audit {split.root}{option}')
