"""Images of train set aside for validation, without a leak."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mmseg_ext.data import DataSet, read_mask
from mmseg_ext.eda.audit.duplicates import group_near_duplicates
from mmseg_ext.eda.audit.findings import counted
from mmseg_ext.eda.folds import assign_folds
from mmseg_ext.errors import InputError
from mmseg_ext.progress import track

FOLDS = 5  # a fifth of the images


def set_aside(root: str | Path, labels: str, seed: int = 0) -> tuple[list[str], list[str], int]:
    """Divide the train split into images to train on and images to validate on, about four to one.

    Images of one photograph (the audit's rule for near-duplicates) stay on one side; the mix of classes is kept; of the
    possible parts the one is taken that leaves most classes on both sides.

    Args:
        root: The data set.
        labels: Label set with a mask for each image.
        seed: Seed of the division.

    Returns:
        The stems to train on, those to validate on, and how many images have a near-duplicate.

    Raises:
        InputError: There are fewer than two photographs.
    """
    data = DataSet(root)
    split = data.split('train', labels)
    groups = group_near_duplicates(split.images())
    classes = {
        stem: frozenset(np.flatnonzero(data.classes.count_pixels(read_mask(path))).tolist())
        for stem, path in track(split.masks().items(), 'reading classes')
    }
    photographs = len({groups.get(stem, ('alone', stem)) for stem in classes})
    if photographs < 2:
        raise InputError(
            split.image_folder,
            f'holds one photograph in {counted(len(classes), "image")}, so none is left to validate on',
            'add images, or img/val with masks',
        )
    strata = {stem: tuple(sorted(shown)) for stem, shown in classes.items()}
    fold_of = assign_folds(strata, min(FOLDS, photographs), seed, groups)
    val = _best_fold(fold_of, classes)
    chosen = [stem for stem in classes if fold_of[stem] == val]
    return [stem for stem in classes if fold_of[stem] != val], chosen, len(groups)


def _best_fold(fold_of: Mapping[str, int], classes: Mapping[str, frozenset[int]]) -> int:
    def shown(fold: int, inside: bool) -> int:
        return len(frozenset().union(*(classes[stem] for stem in classes if (fold_of[stem] == fold) == inside)))

    return max(sorted(set(fold_of.values())), key=lambda fold: (shown(fold, False), shown(fold, True)))
