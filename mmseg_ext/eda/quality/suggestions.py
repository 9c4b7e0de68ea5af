"""Accepting the models' masks: a new label set in which the doubted masks are replaced or not trusted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import list_stems
from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.files import staged_folder

Mode = Literal['replace', 'ignore']


@dataclass(frozen=True)
class Accepted:
    """What was accepted: masks in the new label set, how many of them differ, and by how many pixels."""

    masks: int
    changed_masks: int
    changed_pixels: int


def accept_suggestions(
    root: str | Path,
    labels: str,
    split: str,
    suggestions: str | Path,
    stems: Collection[str],
    out: str,
    mode: Mode = 'replace',
) -> Accepted:
    """Write a new label set.

    Args:
        root: The data set.
        labels: The label set that is doubted; it stays as it is.
        split: Its split.
        suggestions: Folder of the models' masks, ``<stem>.png``.
        stems: Of which masks the suggestion is accepted; all others are copied.
        out: Name of the new label set. Splits that it does not hold yet may be added.
        mode: ``replace`` takes the models' mask; ``ignore`` marks the pixels on which the two differ as unknown, so
            that a training takes neither side.

    Returns:
        Counts.

    Raises:
        InputError: The new split exists, or a stem has no mask or no suggestion.
    """
    root, source, target = Path(root), Path(root) / labels / split, Path(root) / out / split
    if target.exists():
        raise InputError(f'{target}: exists already; choose another name')
    classes = Classes.read(root)
    masks, suggested = list_stems(source, ('.png',)), list_stems(suggestions, ('.png',))
    for stem in sorted(stems):
        if stem not in masks or stem not in suggested:
            missing = source if stem not in masks else suggestions
            raise InputError(f'{missing}: has no {stem}.png; check the list of stems')
    changed_masks = changed_pixels = 0
    with staged_folder(target) as folder:
        for stem, path in masks.items():
            if stem not in stems:
                shutil.copyfile(path, folder / path.name)
                continue
            mask, model = read_mask(path), read_mask(suggested[stem])
            if mask.shape != model.shape:
                raise InputError(f'{suggested[stem]}: is {model.shape}, the mask is {mask.shape} (height, width)')
            differs = mask != model
            new = np.where(differs, np.uint8(classes.ignore_index) if mode == 'ignore' else model, mask)
            write_mask(folder / path.name, new.astype(np.uint8), classes.palette)
            changed_masks += bool(differs.any())
            changed_pixels += int(differs.sum())
    return Accepted(len(masks), changed_masks, changed_pixels)


@dataclass(frozen=True)
class Ranking:
    """What was ranked: label set, split, and the stems, the most suspicious first."""

    labels: str
    split: str
    stems: tuple[str, ...]


def read_ranking(folder: str | Path) -> Ranking:
    """Read what was ranked from a folder that ``tools/rank_labels.py`` wrote.

    Raises:
        InputError: ``ranking.json`` is missing or holds something else.
    """
    settings, rows = _read(folder)
    return Ranking(settings['labels'], settings['split'], tuple(row['stem'] for row in rows))


def read_ranking_rows(folder: str | Path) -> list[dict[str, Any]]:
    """Read the rows of such a folder: scores and errors of each mask, the most suspicious first.

    Raises:
        InputError: ``ranking.json`` is missing or holds something else.
    """
    return _read(folder)[1]


def _read(folder: str | Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    path = Path(folder) / 'ranking.json'
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        settings, rows = content['settings'], content['rows']
        if not {'labels', 'split'} <= settings.keys() or not rows or not all('stem' in row for row in rows):
            raise ValueError('settings or rows are incomplete')
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror}); name the folder of a ranking') from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f'{path}: is no ranking of tools/rank_labels.py ({error!r})') from error
    return settings, rows


def read_stems(path: str | Path) -> tuple[str, ...]:
    """Read a list of stems, one a line; empty lines are left out.

    Raises:
        InputError: The file is missing, or is no text.
    """
    try:
        lines = Path(path).read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: list of stems cannot be read ({error})') from error
    return tuple(line.strip() for line in lines if line.strip())
