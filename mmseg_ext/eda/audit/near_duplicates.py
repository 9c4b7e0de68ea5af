"""Which files show the same photograph, so that a division of the data does not part them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mmseg_ext.data.images import read_image
from mmseg_ext.eda.audit.duplicates import group_photographs
from mmseg_ext.eda.audit.photo_hash import photo_hash
from mmseg_ext.eda.audit.rules import RULES


def group_near_duplicates(images: Mapping[str, Path]) -> dict[str, str]:
    """Find the photographs that stand in more than one file, by the audit's rule for ``duplicate_image``.

    Args:
        images: Stem → file.

    Returns:
        Stem → the first stem of its photograph, for the files that share one.

    Raises:
        InputError: A photograph cannot be read.
    """
    stems, paths = list(images), list(images.values())
    hashes = [photo_hash(read_image(path)) for path in paths]
    groups = group_photographs(paths, hashes, **RULES['duplicate_image'].thresholds)
    return {stems[index]: stems[first] for first, others in groups for index in (first, *others)}
