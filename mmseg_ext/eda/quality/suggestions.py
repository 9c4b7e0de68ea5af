"""Suggested masks: what the models would draw, and a new label set in which doubtful masks are replaced."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from mmseg_ext.data import DataSet, Mask, list_stems, read_mask, write_mask
from mmseg_ext.data.dataset import MASK_SUFFIX
from mmseg_ext.eda.quality.evidence import Evidence
from mmseg_ext.errors import InputError
from mmseg_ext.files import staged_folder
from mmseg_ext.reading import read_entries

Mode = Literal['replace', 'ignore']


def suggest_mask(evidence: Evidence, threshold: float = 0.5) -> Mask:
    """Make the models' own mask; without a background, the most probable class of each pixel.

    Ignored pixels stay ignored. Where label and models both see an object, the pixel keeps the label's class: the
    models are worse at telling similar classes apart than the person who drew it.

    Args:
        evidence: Label and probabilities.
        threshold: A pixel is an object where the probability of any object exceeds this.

    Returns:
        Shape (H, W), uint8.
    """
    if evidence.background is None:
        return np.where(evidence.valid, evidence.probabilities.argmax(0), evidence.mask).astype(np.uint8)
    most_probable = (evidence.probabilities[1:].argmax(0) + 1).astype(np.uint8)
    suggested = np.where(evidence.object_probability > threshold, most_probable, np.uint8(0))
    suggested = np.where((suggested > 0) & evidence.labelled, evidence.mask, suggested)
    return np.where(evidence.valid, suggested, evidence.mask).astype(np.uint8)


@dataclass(frozen=True)
class Accepted:
    """Counts of an acceptance: masks in the new label set, how many of them differ, and by how many pixels."""

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
    """Write a new label set with some masks replaced by suggestions.

    Args:
        root: The data set.
        labels: The label set that is judged; it stays as it is.
        split: Its split.
        suggestions: Folder of the suggested masks, ``<stem>.png``.
        stems: The masks whose suggestion is accepted; all others are copied.
        out: Name of the new label set. Splits that it does not hold yet may be added.
        mode: ``replace`` takes the suggested mask; ``ignore`` marks the pixels on which the two differ as ignored, so
            that a training takes neither side.

    Raises:
        InputError: ``out`` cannot be the name of a new label set, its split exists, or a stem has no mask or no
            suggestion.
    """
    data = DataSet(root)
    source, target = data.label_set(labels).folder / split, data.new_label_set(out, labels).folder / split
    if target.exists():
        raise InputError(target, 'already exists', 'choose another name')
    classes = data.classes
    masks, suggested = list_stems(source, (MASK_SUFFIX,)), list_stems(suggestions, (MASK_SUFFIX,))
    for stem in sorted(stems):
        if stem not in masks or stem not in suggested:
            missing = source if stem not in masks else suggestions
            raise InputError(missing, f'has no {stem}{MASK_SUFFIX}', 'check the list of stems')
    changed_masks = changed_pixels = 0
    with staged_folder(target) as folder:
        for stem, path in masks.items():
            if stem not in stems:
                shutil.copyfile(path, folder / path.name)
                continue
            mask, suggestion = read_mask(path), read_mask(suggested[stem])
            if mask.shape != suggestion.shape:
                raise InputError(suggested[stem], f'is {suggestion.shape}, the mask is {mask.shape} (height, width)')
            differs = mask != suggestion
            new = np.where(differs, np.uint8(classes.ignore_index) if mode == 'ignore' else suggestion, mask)
            write_mask(folder / path.name, new.astype(np.uint8), classes.palette)
            changed_masks += bool(differs.any())
            changed_pixels += int(differs.sum())
    return Accepted(len(masks), changed_masks, changed_pixels)


def read_stems(path: str | Path, known: Collection[str] = ()) -> tuple[str, ...]:
    """Read a list of stems, one on each line; empty lines and comments are left out.

    Args:
        path: The list.
        known: Stems that are no comments although they begin with ``#``.

    Raises:
        InputError: The file is missing, or is no text.
    """
    return tuple(unicodedata.normalize('NFC', line) for line in read_entries(path, known).values())
