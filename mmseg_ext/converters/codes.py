"""Translation of foreign masks, whose pixels hold other numbers or colours, into class indices."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.naming import Colour
from mmseg_ext.converters.source import not_text
from mmseg_ext.data.classes import IGNORE_INDEX, Classes
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, open_mask
from mmseg_ext.data.remapping import IS_IGNORED, LOSSY_SUFFIXES, OUTSIDE, Keys, Remapping, hex_colour, pack
from mmseg_ext.errors import InputError
from mmseg_ext.reading import load_text, read_yaml

LABEL_MAP = 'labelmap.txt'
GREY_MODES, COLOUR_MODES = ('1', 'L'), ('RGB', 'RGBA')  # of Pillow
MANY_COLOURS = 16  # unknown ones in a mask: more come from smoothed edges or a lossy format, not from a class
SMALL_SHARE = 0.1  # of a mask: fewer unknown pixels than that, of more colours than there are classes, are edges too
MAX_LISTED = 5

Table = list[tuple[str, Colour]]  # a class may have several colours


@dataclass(frozen=True)
class Translation:
    """Meaning of the pixels of foreign masks. The value 255 is ignored unless `known` names it or its colour.

    Attributes:
        known: Number, or packed RGB colour, → value in our masks.
        is_colour: Whether the pixels are colours.
        nearest: Map unknown colours or numbers, as at smoothed edges, to the nearest one of `known`.
        other: Value of unknown pixels; None refuses the mask.
        alpha: Whether the numbers come from the alpha channel.
    """

    known: dict[int, int]
    is_colour: bool
    nearest: bool = False
    other: int | None = None
    alpha: bool = False

    def read(self, path: Path) -> Mask:
        """Read a mask.

        Returns:
            Shape (H, W).

        Raises:
            InputError: It cannot be read, or holds unknown values; the message counts them.
        """
        codes = self._codes(path)
        mask = np.zeros(codes.shape, np.uint8)
        unknown = np.ones(codes.shape, bool)
        ignored = IS_IGNORED if self.is_colour else IGNORE_INDEX
        for code, value in {ignored: IGNORE_INDEX, **self.known}.items():
            here = codes == code
            mask[here] = value
            unknown &= ~here
        if not unknown.any():
            return mask
        found, inverse, counts = np.unique(codes[unknown], return_inverse=True, return_counts=True)
        if self.nearest and OUTSIDE not in found:
            mask[unknown] = self._nearest(found)[inverse]
        elif self.nearest:
            problem = 'holds an index outside its palette, to which no colour is the nearest'
            raise InputError(path, problem, 'correct the mask')
        elif self.other is not None:
            mask[unknown] = self.other
        else:
            raise InputError(path, *self._explain(found, counts, codes.size))
        return mask

    def _codes(self, path: Path) -> Keys:
        noun = 'colour' if self.is_colour else 'value'
        if path.suffix.lower() in LOSSY_SUFFIXES:
            if not self.nearest:
                problem = f'is in a lossy format, which changes {noun}s along borders'
                raise InputError(path, problem, f'export it as PNG, or use the nearest {noun}: `nearest=True`')
            pixels = read_image(path).astype(np.int64)
            return pixels[..., 0] << 16 | pixels[..., 1] << 8 | pixels[..., 2] if self.is_colour else pixels[..., 0]
        if self.alpha:
            return Remapping({}, alpha=True).read(path)
        mode = mode_of(path)
        if self.is_colour and mode in GREY_MODES:
            with open_mask(path) as file:
                return np.asarray(file.convert('L'), np.int64) * pack((1, 1, 1))
        if self.is_colour or mode not in COLOUR_MODES:
            return Remapping(self.known, by_colour=self.is_colour).read(path)
        codes = Remapping({}, by_colour=True).read(path)
        grey = codes & 255
        if (codes != grey * pack((1, 1, 1))).any():
            raise InputError(path, f'holds colours (mode {mode}), not class indices', 'use mmseg-ext convert colour')
        return grey

    def _nearest(self, found: Keys) -> NDArray[np.uint8]:
        """Return the value of the known code nearest to each unknown one; the first of equally near ones."""
        codes, values = np.array(list(self.known), np.int64), np.array(list(self.known.values()), np.uint8)
        best = np.empty(len(found), np.uint8)
        for start in range(0, len(found), 100_000):  # which bounds the memory
            part = slice(start, start + 100_000)
            apart = self._channels(found[part])[:, None] - self._channels(codes)[None]
            best[part] = values[(apart**2).sum(axis=2).argmin(axis=1)]
        return best

    def _explain(self, found: Keys, counts: NDArray[np.int64], pixels: int) -> tuple[str, str]:
        noun = 'colour' if self.is_colour else 'value'
        order = np.argsort(-counts, kind='stable')[:MAX_LISTED]
        listed = ', '.join(f'{self.name(int(found[i]))} {counts[i]:,} px' for i in order)
        rest = f' and {len(found) - len(order)} more' if len(found) > len(order) else ''
        plural = '' if len(found) == 1 else 's'
        problem = f'{counts.sum():,} px have {len(found)} {noun}{plural} of no class ({listed}{rest})'
        few = counts.sum() < SMALL_SHARE * pixels and len(found) > len(self.known)  # pixels of many colours
        if few or len(found) > MANY_COLOURS:
            remedy = f'export it without smoothing, or use the nearest {noun}: `nearest=True`'
            return f'{problem}, probably from smoothed edges', remedy
        return problem, f'define the {noun}{plural}, or give such pixels a class with `unknown`'

    def name(self, code: int) -> str:
        """Name a code in messages."""
        if self.is_colour and code == OUTSIDE:
            return 'an index outside the palette'
        return str(tuple(self._channels(np.array([code]))[0].tolist())) if self.is_colour else str(code)

    def _channels(self, codes: Keys) -> Keys:
        """Unpack colours, shape (N,), to (N, 3); numbers to (N, 1)."""
        return np.stack([codes >> 16, codes >> 8 & 255, codes & 255] if self.is_colour else [codes], axis=-1)


def mode_of(path: Path) -> str:
    """Return Pillow's mode of an image file.

    Raises:
        InputError: It cannot be read, or is too large.
    """
    with open_mask(path) as image:
        return image.mode


def read_table(path: str | Path) -> Table:
    """Read the colours of classes.

    Args:
        path: A ``labelmap.txt`` (``name:r,g,b:parts:actions``, as CVAT and Datumaro write it), a ``dataset.yaml``
            (`classes:` and `palette:`), or a CSV file with the columns name, r, g, b, or name and ``#rrggbb``.

    Raises:
        InputError: It cannot be read, or two classes share a colour.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if is_data_set(path):
        classes = Classes.from_mapping(read_yaml(path), str(path))
        table: Table = list(zip(classes.names, classes.palette, strict=True))
    else:
        try:
            text = load_text(path)
            table = _read_csv(path, text) if kind == '.csv' else _read_label_map(path, text)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise not_text(path, error) from error
    if not table:
        raise InputError(path, 'lists no classes')
    owners: dict[Colour, str] = {}
    for name, colour in table:
        if owners.setdefault(colour, name) != name:
            raise InputError(path, f'{owners[colour]} and {name} have the same colour {colour}', 'give each its own')
    return table


def is_data_set(path: str | Path) -> bool:
    """Return whether a table of colours is a ``dataset.yaml``."""
    return Path(path).suffix.lower() in ('.yaml', '.yml')


def _read_label_map(path: Path, text: str) -> Table:
    table: Table = []
    for number, line in enumerate(text.split('\n'), 1):
        if not line.strip() or line.lstrip().startswith('#'):
            continue
        name, *fields = line.split(':')
        colour = _colour(fields[0].split(',')) if fields else None
        if not name.strip() or colour is None:
            raise InputError(path, f'line {number} is not name:r,g,b:parts:actions: {line[:60]!r}', 'correct the line')
        table.append((name.strip(), colour))
    return table


def _read_csv(path: Path, text: str) -> Table:
    lines = text.split('\n')
    delimiter = max(',;\t', key=''.join(lines[:1]).count)  # spreadsheets of many countries write semicolons
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter) if any(row)]
    columns = [0, 1, 2, 3]
    if rows and {'r', 'g', 'b'} <= {cell.casefold() for cell in rows[0]}:
        head = [cell.casefold() for cell in rows.pop(0)]
        first = next((head.index(key) for key in ('name', 'class', 'label') if key in head), 0)
        columns = [first, *(head.index(key) for key in 'rgb')]
    elif rows and len(rows[0]) >= 2 and _colour(rows[0][1:]) is None:  # a head of other words
        rows.pop(0)
    table: Table = []
    for row in rows:
        cells = [row[column] for column in columns if column < len(row)]
        colour = _colour(cells[1:])
        if colour is None or not cells[0]:
            problem = f'the row {",".join(row)[:60]!r} is neither name,r,g,b nor name,#rrggbb'
            raise InputError(path, problem, 'correct the row')
        table.append((cells[0], colour))
    return table


def _colour(cells: Sequence[str]) -> Colour | None:
    if len(cells) == 1:
        return hex_colour(cells[0])
    values = [int(cell) for cell in cells if len(cell.strip()) <= 3 and cell.strip().isdecimal()]
    if len(cells) != 3 or len(values) != 3 or max(values) > 255:
        return None
    return values[0], values[1], values[2]
