"""Masks with foreign values (other ids, colours, 16 bits, palettes in another order) as class indices."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import INDEX_MODES, Mask, grey_step, open_mask, palette_of
from mmseg_ext.errors import InputError

SUFFIXES = ('.png', '.tif', '.tiff', '.bmp', '.gif')  # of formats that keep values as they are
LOSSY_SUFFIXES = ('.jpg', '.jpeg', '.jfif', '.webp')
IGNORED = 'ignored'
HEX_COLOUR = re.compile(r'#([0-9a-fA-F]{6})')
RGB_COLOUR = re.compile(r'(\d{1,3}),(\d{1,3}),(\d{1,3})')

Keys = NDArray[np.int64]
IS_IGNORED, OUTSIDE = -1, -2  # instead of the colour of an index: the ignored value, and one that the palette lacks


@dataclass(frozen=True)
class Remapping:
    """A table from the values of foreign masks to class indices.

    Attributes:
        table: Value, or colour as 0xRRGGBB, → class index or ignored value.
        by_colour: Whether colours are looked up instead of values: those of an RGB mask, or of a palette.
        keep: Values that stay as they are where the table does not name them.
        ignored: The value that an index into a palette keeps, since its colour means nothing.
    """

    table: Mapping[int, int]
    by_colour: bool = False
    keep: Collection[int] = field(default=())
    ignored: int = 255

    def target(self, key: int) -> int | None:
        """Return what a value or colour becomes; None where the table does not name it."""
        if key in self.table:
            return self.table[key]
        if self.by_colour and key == IS_IGNORED:
            return self.ignored
        return key if key in self.keep else None

    def name(self, key: int) -> str:
        """Write a value or colour as ``--map`` takes it."""
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
            InputError: The file is missing, damaged, too large, of a lossy format, or of the other kind than asked for.
        """
        if Path(path).suffix.lower() in LOSSY_SUFFIXES:
            raise InputError(path, 'is in a lossy format, which changes values along borders', 'export it as PNG')
        with open_mask(path) as file:
            if file.mode in INDEX_MODES:
                values = np.asarray(file, np.uint8) // grey_step(file)
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
                return numbers.astype(np.int64)
            if 'A' in file.mode and np.asarray(file.getchannel('A')).min() < 255:
                raise InputError(path, 'is partly transparent', 'export it without transparency')
            if not self.by_colour and file.mode in ('LA', 'PA'):
                return np.asarray(file.getchannel(0), np.int64)
            red, green, blue = (
                channel.astype(np.int64) for channel in np.moveaxis(np.asarray(file.convert('RGB')), 2, 0)
            )
            if self.by_colour:
                return red << 16 | green << 8 | blue
            if not (np.array_equal(red, green) and np.array_equal(red, blue)):
                raise InputError(path, f'holds colours (mode {file.mode})', 'map them with `by_colour=True`')
            return red  # a grey mask, written as three equal channels

    def _colours_of(self, palette: Sequence[Sequence[int]]) -> Keys:
        """Return the colour of each of 256 indices; `IS_IGNORED` for the ignored one, unless it has its own colour."""
        colours = np.full(256, OUTSIDE, np.int64)
        colours[: len(palette)] = [pack(colour) for colour in palette]
        colour = colours[self.ignored]
        if colour not in self.table or np.count_nonzero(colours == colour) > 1:  # as in a padded palette
            colours[self.ignored] = IS_IGNORED
        return colours


def pack(colour: Sequence[int]) -> int:
    """Write an RGB colour (0–255) as one number.

    >>> hex(pack((220, 60, 1)))
    '0xdc3c01'
    """
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def make_remapping(
    classes: Classes,
    pairs: Iterable[str] = (),
    *,
    old: Classes | None = None,
    by_colour: bool = False,
    reduce_zero_label: bool = False,
    keep_others: bool = False,
) -> Remapping:
    """Make a table.

    Args:
        classes: Of the data set: what the values become.
        pairs: ``FROM=TO``. FROM is a value, a class of ``old``, or with ``by_colour`` a colour (``#dc3c3c`` or
            ``220,60,60``); TO is a class of the data set by name or value, or ``ignored``.
        old: Classes of the masks as they are: classes of the same name become one another, and the ignored value.
        by_colour: Look up colours: those of ``dataset.yaml``, and of ``pairs``.
        reduce_zero_label: 0 is "unlabelled": it becomes the ignored value, and every other value one less.
        keep_others: Values that nothing names stay, where they are a class or the ignored value.

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
    named: set[int] = set()
    for pair in pairs:
        source, equals, target = pair.rpartition('=')
        if not equals or not source or not target:
            raise InputError(f'`table`: {pair}', 'must be FROM=TO, such as 255=1')
        key = _source(source, old or classes, by_colour)
        if key in named:
            raise InputError(f'`table`: {pair}', f'{source} is named twice')
        named.add(key)
        table[key] = _target(target, classes)
    if not table:
        raise InputError('`table`', 'nothing says what the values become', 'name them: `table`, such as 0=0 255=1')
    keep = [*range(len(classes.names)), classes.ignore_index] if keep_others and not by_colour else []
    return Remapping(table, by_colour, keep, classes.ignore_index)


def _source(text: str, old: Classes, by_colour: bool) -> int:
    if by_colour:
        if match := HEX_COLOUR.fullmatch(text):
            return int(match[1], 16)
        match = RGB_COLOUR.fullmatch(text)
        if match is None or max(map(int, match.groups())) > 255:
            raise InputError(f'`table`: {text}', 'is no colour', 'write it as #dc3c3c or 220,60,60')
        return pack([int(value) for value in match.groups()])
    if text == IGNORED:
        return old.ignore_index
    return _class(text, old) if not text.isdecimal() else int(text)


def _target(text: str, classes: Classes) -> int:
    if text == IGNORED:
        return classes.ignore_index
    value = int(text) if text.isdecimal() else _class(text, classes)
    if value >= len(classes.names) and value != classes.ignore_index:
        raise InputError(
            f'`table`: {text}', f'is no class: dataset.yaml names 0 to {len(classes.names) - 1}', 'add the class there'
        )
    return value


def _class(text: str, classes: Classes) -> int:
    names = [_plain(name) for name in classes.names]
    if _plain(text) not in names:
        raise InputError(f'`table`: {text}', f'is none of the classes {", ".join(classes.names)}')
    return names.index(_plain(text))


def _plain(name: str) -> str:
    """Write a name in one of the two ways in which Unicode writes accents."""
    return unicodedata.normalize('NFC', name)
