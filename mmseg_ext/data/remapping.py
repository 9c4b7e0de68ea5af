"""Masks with foreign values (other ids, colours, 16 bits, palettes in another order) as class indices."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import IGNORE_INDEX, Classes
from mmseg_ext.data.masks import INDEX_MODES, Mask, open_mask, palette_of, read_indices
from mmseg_ext.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = ('.png', '.tif', '.tiff', '.bmp', '.gif')  # of lossless formats
LOSSY_SUFFIXES = ('.jpg', '.jpeg', '.jfif', '.webp')
IGNORED = 'ignored'
TRANSPARENT_REMEDY = (
    'export it without transparency; if the opaque area is the mask, use --alpha of mmseg-ext remap or convert folder'
)
HEX_COLOUR = re.compile('#[0-9a-fA-F]{6}')
RGB_COLOUR = re.compile(r'(\d{1,3}),(\d{1,3}),(\d{1,3})')
RANGE = re.compile(r'(\d{1,5})-(\d{1,5})')
MAX_VALUE = 65535  # of a range
MAX_NUMBER = 2**31 - 1  # in a mask

Keys = NDArray[np.int64]
IS_IGNORED, OUTSIDE = -1, -2  # instead of the colour of an index: the ignored value, and one that the palette lacks
FIRST_RANGE = -3  # entry of the first range, which no mask holds; each further range has the next lower number


@dataclass(frozen=True)
class Remapping:
    """Table from the values of foreign masks to class indices.

    Attributes:
        table: Value, or colour as 0xRRGGBB, → class index or ignored value.
        by_colour: Whether colours are looked up instead of values: those of an RGB mask, or of a palette.
        keep: Values that stay as they are if the table does not name them.
        ignored: Palette index that keeps its value, since its colour means nothing.
        alpha: Whether the values come from the alpha channel (0 transparent, 255 opaque).
        ranges: First and last value, and their result if the table does not name them.
    """

    table: Mapping[int, int]
    by_colour: bool = False
    keep: Collection[int] = field(default=())
    ignored: int = IGNORE_INDEX
    alpha: bool = False
    ranges: Sequence[tuple[int, int, int]] = ()

    def target(self, key: int) -> int | None:
        """Return the result for a value or colour; None if the table does not name it."""
        if key in self.table:
            return self.table[key]
        if self.by_colour and key == IS_IGNORED:
            return self.ignored
        entry = key if key <= FIRST_RANGE else self.entry_of(key)
        if entry <= FIRST_RANGE:
            return self.ranges[FIRST_RANGE - entry][2]
        return key if key in self.keep else None

    def entry_of(self, key: int) -> int:
        """Return the entry of the table that applies to a value or colour: the value itself, or its range."""
        if key in self.table:
            return key
        return next((FIRST_RANGE - i for i, (first, last, _) in enumerate(self.ranges) if first <= key <= last), key)

    def name(self, key: int) -> str:
        """Write a value, range or colour as ``--map`` takes it."""
        if key <= FIRST_RANGE:
            return '{}-{}'.format(*self.ranges[FIRST_RANGE - key])
        if not self.by_colour:
            return str(key)
        return {IS_IGNORED: IGNORED, OUTSIDE: 'outside the palette'}.get(key, f'#{key:06x}')

    def apply(self, keys: Keys) -> Mask:
        """Convert values (H, W), all of which the table names, to class indices (H, W), uint8.

        >>> Remapping({0: 0, 1000: 1}).apply(np.array([[0, 1000]]))
        array([[0, 1]], dtype=uint8)
        """
        found, places = np.unique(keys, return_inverse=True)
        targets = [self.target(int(key)) for key in found]
        return np.array(targets, np.uint8)[places].reshape(keys.shape)

    def read(self, path: str | Path) -> Keys:
        """Read the values or colours of a mask of any kind.

        Returns:
            Shape (H, W): values, or colours as 0xRRGGBB, `IS_IGNORED` or `OUTSIDE`.

        Raises:
            InputError: The file is missing, damaged, too large, in a lossy format although no range is named, or of
                another kind than expected, or it holds numbers below 0 or above `MAX_NUMBER`.
        """
        if Path(path).suffix.lower() in LOSSY_SUFFIXES and not self.ranges:
            remedy = 'export it as PNG, or map ranges of values: `table` 0-127=0 128-255=1'
            raise InputError(path, 'is in a lossy format, which changes values along borders', remedy)
        with open_mask(path) as file:
            if self.alpha:
                return _alpha(file, path)
            if file.mode in INDEX_MODES:
                values = read_indices(file)
                palette = palette_of(file)
                if not self.by_colour:
                    return values.astype(np.int64)
                if palette is None:
                    raise InputError(path, 'has neither colours nor a palette', 'map its values with `table`')
                return self._colours_of(palette)[values]
            if file.mode.startswith(('I', 'F')):
                numbers = np.asarray(file)
                if self.by_colour:
                    raise InputError(path, f'holds numbers (mode {file.mode}), not colours', 'map them with `table`')
                if not np.array_equal(numbers, np.rint(numbers)):
                    raise InputError(path, 'holds numbers that are not whole', 'export it with class indices')
                for number in (numbers.min().item(), numbers.max().item()):
                    if not 0 <= number <= MAX_NUMBER:
                        problem = f'holds the value {number:.10g}, which is not between 0 and {MAX_NUMBER}'
                        raise InputError(path, problem, 'export it with other values')
                return numbers.astype(np.int64)
            if 'A' in file.mode and np.asarray(file.getchannel('A')).min() < 255:
                raise InputError(path, 'is partly transparent', TRANSPARENT_REMEDY)
            if not self.by_colour and file.mode in ('LA', 'PA'):
                return np.asarray(file.getchannel(0), np.int64)
            red, green, blue = (
                channel.astype(np.int64) for channel in np.moveaxis(np.asarray(file.convert('RGB')), 2, 0)
            )
            if self.by_colour:
                return red << 16 | green << 8 | blue
            if not (np.array_equal(red, green) and np.array_equal(red, blue)):
                raise InputError(path, f'holds colours (mode {file.mode})', 'map them with `by_colour=True`')
            return red  # a grey mask, stored as three equal channels

    def _colours_of(self, palette: Sequence[Sequence[int]]) -> Keys:
        """Return the colour of each of 256 indices; `IS_IGNORED` for the ignored one, unless it has its own colour."""
        colours = np.full(256, OUTSIDE, np.int64)
        colours[: len(palette)] = [pack(colour) for colour in palette]
        colour = colours[self.ignored]
        if colour not in self.table or np.count_nonzero(colours == colour) > 1:  # as in a padded palette
            colours[self.ignored] = IS_IGNORED
        return colours


def _alpha(file: Image.Image, path: str | Path) -> Keys:
    """Return the values of the alpha channel, shape (H, W), or of the palette's transparency."""
    if 'A' not in file.mode and 'transparency' not in file.info:
        raise InputError(path, f'has no alpha channel (mode {file.mode})', 'leave out `alpha`')
    return np.asarray(file.convert('RGBA').getchannel('A'), np.int64)


def pack(colour: Sequence[int]) -> int:
    """Write an RGB colour (0–255) as one number.

    >>> hex(pack((220, 60, 1)))
    '0xdc3c01'
    """
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def hex_colour(text: str) -> tuple[int, int, int] | None:
    """Parse an RGB colour (0–255) written as ``#rrggbb``; None for other text.

    >>> hex_colour('#dc3c01')
    (220, 60, 1)
    """
    text = text.strip()
    if not HEX_COLOUR.fullmatch(text):
        return None
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def make_remapping(
    classes: Classes,
    pairs: Iterable[str] = (),
    *,
    old: Classes | None = None,
    by_colour: bool = False,
    reduce_zero_label: bool = False,
    keep_others: bool = False,
    alpha: bool = False,
) -> Remapping:
    """Make a table.

    Args:
        classes: Classes of the data set, which the values become.
        pairs: ``FROM=TO``. FROM is a value, a range (``128-255``), a class of ``old``, or with ``by_colour`` a colour
            (``#dc3c3c`` or ``220,60,60``); TO is a class of the data set by name or value, or ``ignored``. A value
            named alone takes precedence over a range.
        old: Current classes of the masks. Each is mapped to the class of the same name, and ignored to ignored.
        by_colour: Look up colours: those of ``dataset.yaml``, and of ``pairs``.
        reduce_zero_label: 0 is "unlabelled": it becomes the ignored value, and every other value one less.
        keep_others: Values that nothing names stay if they are a class or the ignored value.
        alpha: Use the values of the alpha channel.

    Raises:
        InputError: A pair is wrong, names something twice, or nothing says how to convert.
    """
    table: dict[int, int] = {}
    if by_colour:
        for value, colour in enumerate(classes.palette):
            if table.setdefault(pack(colour), value) != value:
                raise InputError('`by_colour=True`', f'two classes of dataset.yaml have the colour {list(colour)}')
    if reduce_zero_label:
        table = {value + 1: value for value in range(len(classes.names))}
        table |= {0: classes.ignore_index, classes.ignore_index: classes.ignore_index}
    if old is not None:
        new = {_plain(name): value for value, name in enumerate(classes.names)}
        table |= {value: new[_plain(name)] for value, name in enumerate(old.names) if _plain(name) in new}
        table[old.ignore_index] = classes.ignore_index
    named: dict[int, int] = {}
    ranges: list[tuple[int, int, int]] = []
    for pair in pairs:
        source, equals, target = pair.rpartition('=')
        if not equals or not source or not target:
            raise InputError(f'`table`: {pair}', 'must be FROM=TO, such as 255=1')
        value = _target(target, classes)
        bounds = None if by_colour else _range(source, old or classes)
        if bounds:
            if any(bounds[0] <= last and first <= bounds[1] for first, last, _ in ranges):
                raise InputError(f'`table`: {pair}', f'values of {source} are mapped twice')
            ranges.append((*bounds, value))
            continue
        key = _source(source, old or classes, by_colour)
        if key in named:
            raise InputError(f'`table`: {pair}', f'{source} is mapped twice')
        named[key] = value
    table |= named
    if not table and not ranges:
        raise InputError('`table`', 'the values are not mapped', 'map them: `table`, such as 0=0 255=1')
    keep = [*range(len(classes.names)), classes.ignore_index] if keep_others and not by_colour else []
    return Remapping(table, by_colour, keep, classes.ignore_index, alpha, ranges)


def _range(text: str, old: Classes) -> tuple[int, int] | None:
    """Return the bounds of ``FIRST-LAST``, or None for other text or the name of a class."""
    match = RANGE.fullmatch(text)
    if match is None or text in old.names:
        return None
    first, last = map(int, match.groups())
    if not first <= last <= MAX_VALUE:
        raise InputError(f'`table`: {text}', f'is not a range of values from 0 to {MAX_VALUE}', 'such as 128-255')
    return first, last


def _source(text: str, old: Classes, by_colour: bool) -> int:
    if by_colour:
        if colour := hex_colour(text):
            return pack(colour)
        match = RGB_COLOUR.fullmatch(text)
        if match is None or max(map(int, match.groups())) > 255:
            raise InputError(f'`table`: {text}', 'is not a colour', 'write it as #dc3c3c or 220,60,60')
        return pack([int(value) for value in match.groups()])
    if text == IGNORED:
        _refuse_ambiguous(old)
        return old.ignore_index
    return _class(text, old) if not text.isdecimal() else int(text)


def _target(text: str, classes: Classes) -> int:
    if text == IGNORED:
        _refuse_ambiguous(classes)
        return classes.ignore_index
    value = int(text) if text.isdecimal() else _class(text, classes)
    if value >= len(classes.names) and value != classes.ignore_index:
        raise InputError(
            f'`table`: {text}', f'is not a class: dataset.yaml has 0 to {len(classes.names) - 1}', 'add the class there'
        )
    return value


def _refuse_ambiguous(classes: Classes) -> None:
    if IGNORED in classes.names:
        remedy = f'write {classes.names.index(IGNORED)} or {classes.ignore_index}'
        raise InputError(f'`table`: {IGNORED}', 'is a class and also means ignored pixels', remedy)


def _class(text: str, classes: Classes) -> int:
    names = [_plain(name) for name in classes.names]
    if _plain(text) not in names:
        raise InputError(f'`table`: {text}', f'is not one of the classes {", ".join(classes.names)}')
    return names.index(_plain(text))


def _plain(name: str) -> str:
    """Normalize a name to one of the two ways in which Unicode writes accents."""
    return unicodedata.normalize('NFC', name)
