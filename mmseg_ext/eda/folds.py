"""Folds for cross-validation that keep near-duplicates together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping

import numpy as np


def assign_folds(
    strata: Mapping[str, Hashable], folds: int, seed: int = 0, groups: Mapping[str, Hashable] | None = None
) -> dict[str, int]:
    """Deal files to folds of nearly equal size and mix.

    Args:
        strata: Stem → what shall be spread evenly over the folds, such as the classes in its mask.
        folds: How many, at least 2.
        seed: Of the shuffle.
        groups: Stem → group, for files that must not be parted, such as two copies of one photograph.

    Returns:
        Stem → fold, from 0; in the order of ``strata``.

    Raises:
        ValueError: Fewer than 2 folds, or fewer groups than folds.
    """
    members: dict[Hashable, list[str]] = defaultdict(list)
    for stem in strata:
        members[(groups or {}).get(stem, ('alone', stem))].append(stem)
    if not 2 <= folds <= len(members):
        raise ValueError(f'folds must be from 2 to the number of groups ({len(members)}), got {folds}')
    order = list(members.values())
    np.random.default_rng(seed).shuffle(order)
    # The largest first, so that they can still be balanced; equal strata one after another, so that they are dealt out.
    order.sort(key=lambda stems: (-len(stems), repr(strata[stems[0]])))
    sizes = [0] * folds
    mix = [Counter[Hashable]() for _ in range(folds)]
    fold_of: dict[str, int] = {}
    for stems in order:
        best = min(range(folds), key=lambda fold: (sizes[fold], mix[fold][strata[stems[0]]], fold))
        sizes[best] += len(stems)
        mix[best].update(strata[stem] for stem in stems)
        fold_of.update(dict.fromkeys(stems, best))
    return {stem: fold_of[stem] for stem in strata}
