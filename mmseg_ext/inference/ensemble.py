"""Ensembles: several networks whose class probabilities are averaged, and the YAML file that lists them.

The file, with paths relative to its folder:

    members:
    - model: a.onnx
      weight: 2
    - config: work_dirs/b/b.py
      checkpoint: work_dirs/b/best_mDice_iter_400.pth
      size: 384
      tta: true

``weight`` (1), ``size``, ``mode`` and ``tta`` are optional and mean what they mean for a `Predictor`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from mmseg_ext.errors import InputError
from mmseg_ext.files import write_text
from mmseg_ext.inference.network import MAX_SIDE, Mode, Network
from mmseg_ext.inference.views import STRIDE, Views
from mmseg_ext.reading import names_file, read_yaml

ONNX_SUFFIX = '.onnx'
ENSEMBLE_SUFFIXES = ('.yaml', '.yml')
PATTERN = 'see mmseg-ext ensemble --help'


@dataclass(frozen=True)
class Member:
    """A network of an ensemble.

    Attributes:
        network: The network.
        views: The views in which it sees an image.
        weight: Its weight in the average, above 0.
        name: For messages; empty for the only one.
    """

    network: Network
    views: Views
    weight: float = 1.0
    name: str = ''


@dataclass(frozen=True)
class Entry:
    """A member as the file states it.

    Attributes:
        model: An ONNX model, or a config: its file or its name.
        checkpoint: Weights of the config; None for an ONNX model.
        weight: Weight in the average, above 0.
        size: Longest side of its view in pixels; by default that of the model.
        mode: ``whole`` or ``slide``; by default that of the model.
        tta: Whether its views are those of test-time augmentation.
    """

    model: Path
    checkpoint: Path | None = None
    weight: float = 1.0
    size: int | None = None
    mode: Mode | None = None
    tta: bool = False

    @property
    def name(self) -> str:
        """The file that holds its weights."""
        return str(self.checkpoint or self.model)


def check_member_classes(members: Sequence[Member]) -> None:
    """Refuse networks of other classes, or of the same ones in another order.

    Raises:
        InputError: The first member that differs, with both lists of names.
    """
    first = members[0]
    for member in members[1:]:
        mine, others = (one.network.info.classes.names for one in (member, first))
        if mine != others:
            raise InputError(
                member.name or 'ensemble',
                f'its classes are {", ".join(mine)}, but {first.name or "the first model"} has {", ".join(others)}',
                'the members of an ensemble need the same classes in the same order',
            )


def mean_threshold(members: Sequence[Member]) -> float | None:
    """Average the thresholds of networks with one output, as their probabilities are averaged; None without any."""
    thresholds = [member.network.info.threshold for member in members]
    if all(threshold is None for threshold in thresholds):
        return None
    total = sum(
        member.weight * (0.5 if threshold is None else threshold)
        for member, threshold in zip(members, thresholds, strict=True)
    )
    return total / sum(member.weight for member in members)


def is_ensemble(path: str | Path) -> bool:
    """Return whether a file is an ensemble: a YAML file, but not a config, which has a `model`.

    A missing or damaged YAML file counts as one; `read_ensemble` says what is wrong with it.
    """
    if Path(path).suffix.lower() not in ENSEMBLE_SUFFIXES:
        return False
    try:
        content = read_yaml(path)
    except InputError:
        return True
    return not (isinstance(content, Mapping) and 'model' in content)


def read_ensemble(path: str | Path) -> list[Entry]:
    """Read an ensemble.

    Raises:
        InputError: The file is missing, is no YAML, or does not list models.
    """
    path = Path(path)
    content = read_yaml(path, 'write it with mmseg-ext ensemble')
    members = content.get('members') if isinstance(content, Mapping) else None
    if not isinstance(members, list) or not members or set(content) != {'members'}:
        raise InputError(path, 'must hold `members:`, a list of models, and nothing else', PATTERN)
    return [_read_entry(member, path, number) for number, member in enumerate(members, 1)]


def write_ensemble(path: str | Path, entries: Sequence[Entry]) -> None:
    """Write an ensemble atomically, with paths relative to its folder.

    Raises:
        InputError: The file cannot be written.
    """
    import yaml

    folder = Path(path).parent.resolve()
    text = yaml.safe_dump({'members': [_as_mapping(entry, folder) for entry in entries]}, sort_keys=False)
    write_text(Path(path), text)


def _as_mapping(entry: Entry, folder: Path) -> dict[str, Any]:
    def relative(path: Path) -> str:
        return Path(os.path.relpath(path.resolve(), folder)).as_posix() if path.exists() else str(path)

    content: dict[str, Any] = {'model' if entry.checkpoint is None else 'config': relative(entry.model)}
    if entry.checkpoint is not None:
        content['checkpoint'] = relative(entry.checkpoint)
    defaults = Entry(entry.model)
    changed = {key: getattr(entry, key) for key in ('weight', 'size', 'mode', 'tta')}
    return content | {key: value for key, value in changed.items() if value != getattr(defaults, key)}


def _read_entry(content: Any, path: Path, number: int) -> Entry:
    subject = f'{path}: member {number}'
    if not isinstance(content, Mapping) or not ({'model'} <= set(content) or {'config', 'checkpoint'} <= set(content)):
        raise InputError(subject, 'must hold `model:` (.onnx), or `config:` and `checkpoint:`', PATTERN)
    known = {'model'} if 'model' in content else {'config', 'checkpoint'}
    unknown = set(content) - known - {'weight', 'size', 'mode', 'tta'}
    if unknown:
        raise InputError(subject, f'holds {", ".join(sorted(map(str, unknown)))}, which is not allowed there', PATTERN)
    for key in known:
        if not isinstance(content[key], str) or not content[key]:
            raise InputError(subject, f'`{key}:` must be a path, found {content[key]!r}')
    weight, size, mode, tta = (content.get(key) for key in ('weight', 'size', 'mode', 'tta'))
    if weight is not None and not (_is_number(weight) and 0 < weight <= sys.float_info.max):
        raise InputError(subject, f'`weight:` must be a number above 0, found {weight!r}')
    if size is not None and not (isinstance(size, int) and _is_number(size) and STRIDE <= size <= MAX_SIDE):
        raise InputError(subject, f'`size:` must be a whole number from {STRIDE} to {MAX_SIDE}, found {size!r}')
    if mode is not None and mode not in get_args(Mode):
        raise InputError(subject, f'`mode:` must be one of {", ".join(get_args(Mode))}, found {mode!r}')
    if tta is not None and not isinstance(tta, bool):
        raise InputError(subject, f'`tta:` must be true or false, found {tta!r}')
    options: dict[str, Any] = {'weight': float(weight or 1), 'size': size, 'mode': mode, 'tta': bool(tta)}
    if 'model' in content:
        model = path.parent / content['model']
        if model.suffix.lower() != ONNX_SUFFIX:
            raise InputError(subject, f'`model:` must end in {ONNX_SUFFIX}, found {content["model"]}', PATTERN)
        return Entry(model, **options)
    config = path.parent / content['config']
    return Entry(
        config if names_file(config) else Path(content['config']), path.parent / content['checkpoint'], **options
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
