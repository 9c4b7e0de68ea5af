"""Which files show the same photograph, so that a division of the data does not part them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mmseg_ext.eda.audit.duplicates import similarity
from mmseg_ext.eda.audit.near_pairs import near_pairs
from mmseg_ext.eda.audit.photo_hash import HASH_BYTES, photo_hash
from mmseg_ext.eda.audit.rules import read_rules
from mmseg_ext.eda.images import read_image


def group_near_duplicates(images: Mapping[str, Path]) -> dict[str, str]:
    """Find the photographs that stand in more than one file, by the audit's rule for ``duplicate_image``.

    Args:
        images: Stem → file.

    Returns:
        Stem → the first stem of its photograph, for the files that share one.

    Raises:
        InputError: A photograph cannot be read.
    """
    stems = list(images)
    thresholds = read_rules()['duplicate_image'].thresholds
    hashes = np.frombuffer(b''.join(photo_hash(read_image(images[stem])) for stem in stems), np.uint8)
    group: dict[str, str] = {}
    for left, right in near_pairs(hashes.reshape(-1, HASH_BYTES), thresholds['distance']):
        first, second = stems[left], stems[right]
        if group.get(first, first) == group.get(second, second):
            continue
        if similarity(images[first], images[second]) >= thresholds['correlation']:
            kept, gone = sorted((group.get(first, first), group.get(second, second)), key=stems.index)
            group.update({stem: kept for stem, old in group.items() if old == gone} | {first: kept, second: kept})
            group[gone] = kept
    return group
