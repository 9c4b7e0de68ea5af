"""Class names, colours and the ignored value of a data set: ``dataset.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.errors import InputError, one_line
from mmseg_ext.files import write_text

FILE_NAME = 'dataset.yaml'


@dataclass(frozen=True)
class Classes:
    """The names, colours and ignored value of a data set's masks.

    Attributes:
        names: Class names; the position is the value in the mask.
        palette: One RGB colour (0–255) per class.
        ignore_index: The mask value that means "unknown": not trained on, not counted.

    >>> classes = Classes(('background', 'cat'), ((0, 0, 0), (220, 60, 60)))
    >>> classes.unknown_values(np.array([[0, 1], [7, 255]], np.uint8))
    [7]
    >>> classes.count_pixels(np.array([[0, 1], [1, 255]], np.uint8)).tolist()
    [1, 2]
    """

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    ignore_index: int = 255

    @classmethod
    def from_mapping(cls, content: Any, source: str) -> Classes:
        """Check the content of a ``dataset.yaml``.

        Args:
            content: A mapping with ``classes``, ``palette`` and, optionally, ``ignore_index``.
            source: Its name in errors.

        Raises:
            InputError: A field is missing or holds something else.
        """
        if not isinstance(content, Mapping):
            raise InputError(source, f'must hold `classes:` and `palette:`, found {type(content).__name__}')
        names = content.get('classes')
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise InputError(source, f'`classes:` must be a list of names, found {names!r}')
        if len(set(names)) != len(names):
            raise InputError(source, f'`classes:` names a class twice: {names!r}')
        palette = content.get('palette')
        if not isinstance(palette, list) or len(palette) != len(names) or not all(_is_colour(c) for c in palette):
            raise InputError(source, f'`palette:` must be {len(names)} colours [r, g, b] of 0–255, found {palette!r}')
        ignore_index = content.get('ignore_index', 255)
        if not isinstance(ignore_index, int) or not len(names) <= ignore_index <= 255:
            raise InputError(
                source, f'`ignore_index:` must be a whole number from {len(names)} to 255, found {ignore_index!r}'
            )
        return cls(tuple(names), tuple((c[0], c[1], c[2]) for c in palette), ignore_index)

    @classmethod
    def read(cls, root: str | Path) -> Classes:
        """Read ``root/dataset.yaml``.

        Raises:
            InputError: The file is missing, is no YAML, or lacks a field.
        """
        import yaml

        path = Path(root) / FILE_NAME
        try:
            content = yaml.safe_load(path.read_text(encoding='utf-8'))
        except FileNotFoundError:
            raise InputError(
                path, 'not found', 'it names the classes (`classes:`, `palette:`, `ignore_index:`), see README'
            ) from None
        except OSError as error:
            raise InputError(path, f'cannot be read ({error.strerror})') from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise InputError(path, f'is not valid YAML ({one_line(error)})') from error
        return cls.from_mapping(content, str(path))

    def write(self, root: str | Path) -> None:
        """Write ``root/dataset.yaml`` atomically."""
        import yaml

        content = {
            'classes': list(self.names),
            'palette': [list(colour) for colour in self.palette],
            'ignore_index': self.ignore_index,
        }
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None)
        write_text(Path(root) / FILE_NAME, text)

    def unknown_values(self, mask: NDArray[np.uint8]) -> list[int]:
        """Return the values of a mask (any shape, uint8) that are neither a class nor ignored, in ascending order."""
        values = np.flatnonzero(np.bincount(mask.reshape(-1), minlength=256))
        return [int(value) for value in values if value >= len(self.names) and value != self.ignore_index]

    def count_pixels(self, mask: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Count the pixels of each class in a mask (any shape, uint8): shape (K,). Other values are not counted."""
        return np.bincount(mask.reshape(-1), minlength=256)[: len(self.names)].astype(np.int64)

    def check(self, mask: NDArray[np.uint8], source: str | Path) -> None:
        """Refuse a mask that holds a value which is neither a class nor ignored.

        Raises:
            InputError: It does; the message names the values and the known ones.
        """
        if unknown := self.unknown_values(mask):
            known = ', '.join(f'{value} {name}' for value, name in enumerate(self.names))
            raise InputError(
                source,
                f'holds class id {", ".join(map(str, unknown))}, known are {known} and {self.ignore_index} (ignored)',
                'correct the mask or dataset.yaml',
            )


def _is_colour(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(v, int) and 0 <= v <= 255 for v in value)
