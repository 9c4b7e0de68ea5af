"""Where a data set's files lie, and what its classes are called.

``ROOT/dataset.yaml`` (classes, palette, ignore_index), ``ROOT/img/<split>/<stem>.jpg|png`` and
``ROOT/<label set>/<split>/<stem>.png``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')
MASK_SUFFIX = '.png'


@dataclass(frozen=True)
class Classes:
    """The names, colours and ignored value of a data set's masks (``dataset.yaml``).

    Attributes:
        names: Class names; the position is the value in the mask.
        palette: One RGB colour (0–255) a class.
        ignore_index: The mask value that means "unknown": not trained on, not counted.
    """

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    ignore_index: int = 255

    @classmethod
    def from_mapping(cls, content: Any, source: str) -> Classes:
        """Check the content of a ``dataset.yaml``; ``source`` names it in errors (`InputError`)."""
        if not isinstance(content, Mapping):
            raise InputError(f'{source}: must hold `classes:` and `palette:`, found {type(content).__name__}')
        names = content.get('classes')
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise InputError(f'{source}: `classes` must be a list of names, found {names!r}')
        if len(set(names)) != len(names):
            raise InputError(f'{source}: `classes` names a class twice: {names!r}')
        palette = content.get('palette')
        if not isinstance(palette, list) or len(palette) != len(names) or not all(_is_colour(c) for c in palette):
            raise InputError(f'{source}: `palette` must be {len(names)} colours [r, g, b] of 0–255, found {palette!r}')
        ignore_index = content.get('ignore_index', 255)
        if not isinstance(ignore_index, int) or not len(names) <= ignore_index <= 255:
            raise InputError(
                f'{source}: `ignore_index` must be a whole number from {len(names)} to 255, found {ignore_index!r}'
            )
        return cls(tuple(names), tuple((c[0], c[1], c[2]) for c in palette), ignore_index)


def _is_colour(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(v, int) and 0 <= v <= 255 for v in value)


def read_classes(root: str | Path) -> Classes:
    """Read ``root/dataset.yaml``.

    Raises:
        InputError: The file is missing, is no YAML, or lacks a field.
    """
    import yaml

    path = Path(root) / 'dataset.yaml'
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except FileNotFoundError:
        raise InputError(
            f'{path}: not found; it names the classes (`classes:`, `palette:`, `ignore_index:`), see README'
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: is not valid YAML ({" ".join(str(error).split())})') from error
    return Classes.from_mapping(content, str(path))


def list_stems(folder: str | Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """The files of a folder with one of the suffixes, as stem → path, sorted by stem. Hidden files are left out.

    Raises:
        InputError: Two files share a stem (``a.jpg`` and ``a.png``): which one is meant cannot be told.
    """
    found: dict[str, Path] = {}
    for path in sorted(Path(folder).iterdir(), key=lambda p: (p.stem, p.suffix)):
        if path.suffix.lower() not in suffixes or path.name.startswith('.') or not path.is_file():
            continue
        if path.stem in found:
            raise InputError(f'{path}: shares its stem with {found[path.stem].name}; keep one of the two')
        found[path.stem] = path
    return found
