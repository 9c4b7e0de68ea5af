"""Class names, colours, background and ignored value of a data set: ``dataset.yaml``."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError
from mmseg_ext.files import write_text
from mmseg_ext.reading import is_printable, read_yaml

FILE_NAME = 'dataset.yaml'
IGNORE_INDEX = 255  # unless dataset.yaml names another value
EXAMPLE = 'write a line such as `classes: [background, cat]`'


@dataclass(frozen=True)
class Classes:
    """The names, colours and ignored value of a data set's masks.

    Attributes:
        names: Class names; the position is the value in the mask.
        palette: One RGB colour (0–255) per class.
        ignore_index: The mask value that means "unknown": not trained on, not counted.
        background: 0, the first class, or None if every class of the data set has objects.
        own_palette: Whether the colours are the data set's own; otherwise they come from `default_palette`.

    >>> classes = Classes(('background', 'cat'), ((0, 0, 0), (220, 60, 60)))
    >>> classes.unknown_values(np.array([[0, 1], [7, 255]], np.uint8))
    [7]
    >>> classes.count_pixels(np.array([[0, 1], [1, 255]], np.uint8)).tolist()
    [1, 2]
    """

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    ignore_index: int = IGNORE_INDEX
    background: int | None = 0
    own_palette: bool = field(default=True, compare=False)

    @classmethod
    def from_mapping(cls, content: Any, source: str) -> Classes:
        """Check the content of a ``dataset.yaml``.

        Args:
            content: A mapping with ``classes`` and, optionally, ``palette``, ``ignore_index`` and ``background``: the
                first class, or None for none.
            source: Its name in errors.

        Raises:
            InputError: A field is missing or has a wrong value.
        """
        if not isinstance(content, Mapping):
            found = 'is empty' if content is None else f'must hold `classes:`, found a {type(content).__name__}'
            raise InputError(source, found, EXAMPLE)
        names = content.get('classes')
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise InputError(source, f'`classes:` must be a list of names, found {names!r}', EXAMPLE)
        if unprintable := [name for name in names if not is_printable(name)]:
            problem = f'`classes:` must be single-line names, found {unprintable[0]!r}'
            raise InputError(source, problem, 'leave out control characters and line breaks')
        if len(set(names)) != len(names):
            raise InputError(source, f'`classes:` lists a class twice: {names!r}', 'give each its own name')
        if (palette := content.get('palette')) is None:
            palette = default_palette(len(names))
        if not isinstance(palette, list) or len(palette) != len(names) or not all(_is_colour(c) for c in palette):
            problem = f'`palette:` must be {len(names)} colours [r, g, b] of 0–255, found {palette!r}'
            raise InputError(source, problem, 'give one colour per class, or leave `palette:` out')
        ignore_index = content.get('ignore_index', IGNORE_INDEX)
        if not isinstance(ignore_index, int) or not len(names) <= ignore_index <= 255:
            raise InputError(
                source,
                f'`ignore_index:` must be a whole number from {len(names)} to 255, found {ignore_index!r}',
                'use a value that is not a class, or leave it out for 255',
            )
        background = content.get('background', names[0])
        if background not in (None, names[0]):
            raise InputError(
                source,
                f'`background:` must be the first class, {names[0]}, or null where no class is background, '
                f'found {background!r}',
                'put it first in `classes:` and in the masks, for example with mmseg-ext remap',
            )
        return cls(
            tuple(unicodedata.normalize('NFC', name) for name in names),
            tuple((c[0], c[1], c[2]) for c in palette),
            ignore_index,
            background=None if background is None else 0,
            own_palette=content.get('palette') is not None,
        )

    def as_mapping(self) -> dict[str, Any]:
        """Return the content of a ``dataset.yaml`` as plain values."""
        content: dict[str, Any] = {
            'classes': list(self.names),
            'palette': [list(colour) for colour in self.palette],
            'ignore_index': self.ignore_index,
        }
        return content if self.background is not None else {**content, 'background': None}

    @classmethod
    def read(cls, root: str | Path) -> Classes:
        """Read ``root/dataset.yaml``.

        Raises:
            InputError: The file is missing, is not YAML, or lacks a field.
        """
        path = Path(root) / FILE_NAME
        if not path.exists():
            raise InputError(path, 'not found', f'it must list the classes: {EXAMPLE}')
        return cls.from_mapping(read_yaml(path), str(path))

    def write(self, root: str | Path) -> None:
        """Write ``root/dataset.yaml`` atomically."""
        import yaml

        text = yaml.safe_dump(self.as_mapping(), sort_keys=False, allow_unicode=True, default_flow_style=None)
        write_text(Path(root) / FILE_NAME, text)

    def find_background(self, background: str | None) -> int | None:
        """Return the index of the class without objects by its name; None for ``none``.

        Without a name (None), the background of ``dataset.yaml`` is returned.

        Raises:
            InputError: It is neither a class nor ``none``.
        """
        if background is None:
            return self.background
        if background in self.names:
            return self.names.index(background)
        if background == 'none':
            return None
        raise InputError(f'`background={background}`', f'must be none or one of the classes {", ".join(self.names)}')

    @property
    def object_classes(self) -> tuple[int, ...]:
        """Classes that have objects: all but the background."""
        return tuple(value for value in range(len(self.names)) if value != self.background)

    @property
    def unlabelled(self) -> int:
        """Value where nothing is drawn: the background, or the ignored value if there is none."""
        return self.ignore_index if self.background is None else self.background

    def unknown_values(self, mask: NDArray[np.uint8]) -> list[int]:
        """Return the values of a mask (any shape, uint8) that are neither a class nor ignored, in ascending order."""
        return self._unknown(mask_values(mask))

    def _unknown(self, values: Iterable[int]) -> list[int]:
        return [value for value in values if value >= len(self.names) and value != self.ignore_index]

    def count_pixels(self, mask: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Count the pixels of each class in a mask (any shape, uint8): shape (K,). Other values are not counted."""
        return np.bincount(mask.reshape(-1), minlength=256)[: len(self.names)].astype(np.int64)

    def holds_0_255(self, values: Collection[int]) -> bool:
        """Return whether masks with these values are masks of 0 and 255, whose objects would be ignored.

        >>> Classes(('background', 'cat'), ((0, 0, 0), (220, 60, 60))).holds_0_255({0, 255})
        True
        """
        return len(self.names) > 1 and self.ignore_index == 255 and set(values) == {0, 255}

    def absent(self, values: Collection[int]) -> list[int]:
        """List the classes missing from masks that together hold these values; empty if everything is ignored."""
        absent = [value for value in range(len(self.names)) if value not in values]
        return absent if len(absent) < len(self.names) else []

    def misplaced_colours(
        self, values: Iterable[int], palette: Sequence[tuple[int, int, int]] | None
    ) -> dict[int, int]:
        """Find the values of a palette PNG that have the colour of another class: its classes have another order.

        Args:
            values: The values in the mask.
            palette: Colour of each value in the file; None for a grey mask.

        Returns:
            Value → the class whose colour it has. Empty if ``dataset.yaml`` states no palette, or if the colours
            in use do not tell the values apart.
        """
        if not self.own_palette or len(set(self.palette)) < len(self.palette):
            return {}
        class_of = {colour: value for value, colour in enumerate(self.palette)}
        return _elsewhere(self.used_colours(values, palette), class_of)

    def used_colours(
        self, values: Iterable[int], palette: Sequence[tuple[int, int, int]] | None
    ) -> dict[int, tuple[int, int, int]]:
        """Return value → colour of a mask, arguments as in `misplaced_colours`; empty if two values share a colour."""
        if palette is None:
            return {}
        used = {value: palette[value] for value in values if value != self.ignore_index and value < len(palette)}
        # In a padded palette, black means "not used".
        return used if len(set(used.values())) == len(used) else {}

    def check(
        self, mask: NDArray[np.uint8], source: str | Path, palette: Sequence[tuple[int, int, int]] | None = None
    ) -> None:
        """Refuse a mask with a value that is neither a class nor ignored, or that has the colour of another class.

        Raises:
            InputError: It has such a value; the message names these values and the known ones.
        """
        self.check_values(mask_values(mask), source, palette)

    def check_values(
        self, values: Collection[int], source: str | Path, palette: Sequence[tuple[int, int, int]] | None = None
    ) -> None:
        """Refuse the values of a mask, as `check` does.

        Raises:
            InputError: One of them is neither a class nor ignored, or has the colour of another class.
        """
        if unknown := self._unknown(values):
            known = ', '.join(f'{value} {name}' for value, name in enumerate(self.names))
            raise InputError(
                source,
                f'holds class id {", ".join(map(str, unknown))}, known: {known} and {self.ignore_index} (ignored)',
                'correct the mask or dataset.yaml',
            )
        if self.misplaced_colours(values, palette):
            raise InputError(
                source,
                f'its palette holds the colours of {FILE_NAME} in another order',
                'convert it: mmseg-ext remap --by-palette (docs/remap.md)',
            )


def mask_values(mask: NDArray[np.uint8]) -> list[int]:
    """Return the values that occur in a mask (any shape, uint8), in ascending order.

    >>> mask_values(np.array([[0, 7], [7, 255]], np.uint8))
    [0, 7, 255]
    """
    return [int(value) for value in np.flatnonzero(np.bincount(mask.reshape(-1), minlength=256))]


def default_palette(count: int) -> list[list[int]]:
    """Return distinct colours for up to 256 classes: those of PASCAL VOC, beginning with black.

    The bits of a class's number go to red, green and blue in turn, to the highest bits first.

    >>> default_palette(4)
    [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    """
    return [
        [sum((value >> (3 * place + channel) & 1) << (7 - place) for place in range(3)) for channel in range(3)]
        for value in range(count)
    ]


def unlike_most(used: Sequence[Mapping[int, tuple[int, int, int]]]) -> dict[int, dict[int, int]]:
    """Find the masks whose palettes hold colours at other values than most masks do, as if made file by file.

    Args:
        used: Colours of each mask, from `Classes.used_colours`.

    Returns:
        Position of the mask → value → the value of its colour in most of the others.

    >>> black, red = (0, 0, 0), (255, 0, 0)
    >>> unlike_most([{0: black, 1: red}, {0: red, 1: black}, {0: black}, {}, {0: black, 1: red}])
    {1: {0: 1, 1: 0}}
    """
    values_of: defaultdict[tuple[int, int, int], Counter[int]] = defaultdict(Counter)
    for colours in used:
        for value, colour in colours.items():
            values_of[colour][value] += 1
    usual = {colour: counts.most_common(1)[0][0] for colour, counts in values_of.items()}
    found = {position: _elsewhere(colours, usual) for position, colours in enumerate(used)}
    return {position: others for position, others in found.items() if others}


def _elsewhere(used: Mapping[int, tuple[int, int, int]], usual: Mapping[tuple[int, int, int], int]) -> dict[int, int]:
    """Return the values whose colour usually has another value, and that value."""
    return {value: usual[colour] for value, colour in used.items() if usual.get(colour, value) != value}


def _is_colour(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(v, int) and 0 <= v <= 255 for v in value)
