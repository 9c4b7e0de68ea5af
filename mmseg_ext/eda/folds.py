"""Folds for cross-validation that keep near-duplicates together."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Hashable, Mapping

import numpy as np


def assign_folds(
    strata: Mapping[str, Hashable], folds: int, seed: int = 0, groups: Mapping[str, Hashable] | None = None
) -> dict[str, int]:
    """Assign files to folds of nearly equal size and mix, by scikit-learn's `StratifiedGroupKFold`.

    Strata with fewer members than folds cannot be spread evenly and count as one.

    Args:
        strata: Stem → what shall be spread evenly over the folds, such as the classes in its mask.
        folds: Number of folds, at least 2.
        seed: Seed of the shuffle.
        groups: Stem → group, for files that must stay in one fold, such as two copies of one photograph.

    Returns:
        Stem → fold, from 0; in the order of ``strata``.

    Raises:
        ValueError: Fewer than 2 folds, or fewer groups than folds.

    >>> folds = assign_folds({'a': 'cat', 'b': 'cat', 'c': 'dog', 'd': 'dog'}, folds=2)
    >>> sorted(folds), folds['a'] != folds['b'], folds['c'] != folds['d']
    (['a', 'b', 'c', 'd'], True, True)
    """
    from sklearn.model_selection import StratifiedGroupKFold  # slow to import

    group_of = _number({stem: (groups or {}).get(stem, ('alone', stem)) for stem in strata})
    group_count = len(np.unique(group_of))
    if not 2 <= folds <= group_count:
        raise ValueError(f'folds must be from 2 to the number of groups ({group_count}), got {folds}')
    sizes = Counter(strata.values())
    stratum_of = _number({stem: ('rare',) if sizes[name] < folds else (name,) for stem, name in strata.items()})
    fold_of = np.zeros(len(strata), np.int64)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'The least populated class')  # the rare strata together may still be few
        for fold, (_, members) in enumerate(splitter.split(stratum_of, stratum_of, group_of)):
            fold_of[members] = fold
    return dict(zip(strata, fold_of.tolist(), strict=True))


def _number(names: Mapping[str, Hashable]) -> np.ndarray:
    """Replace each value by its number in the order of first appearance, shape (N,)."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names.values()))}
    return np.array([numbers[name] for name in names.values()])
