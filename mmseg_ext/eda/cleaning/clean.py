"""Cleaning of one mask: the rules in turn, until none changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.cleaning.geometry import GROUND, Map, border_length
from mmseg_ext.eda.cleaning.rules import RULES
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.eda.regions import find_regions


@dataclass(frozen=True)
class Change:
    """What one application of a rule did to a mask.

    Attributes:
        rule: Name of the rule.
        pixels: How many pixels it changed.
        regions_before: Regions of all classes but the ground before the rule.
        regions_after: The same after the rule.
    """

    rule: str
    pixels: int
    regions_before: int
    regions_after: int


@dataclass(frozen=True)
class CleanedMask:
    """A cleaned mask, shape (H, W), uint8, and what was done to it, in order."""

    mask: Mask
    changes: tuple[Change, ...]


def clean_mask(
    mask: Mask,
    *,
    ignore_index: int = 255,
    rules: Sequence[str] = tuple(RULES),
    limits: Thresholds | None = None,
) -> CleanedMask:
    """Mend a mask by geometric rules.

    The rules are applied in the order of `RULES`, again and again until a whole round changes nothing. What a rule
    returns is kept only if it shortens the borders between classes. So the rounds come to an end, and a second
    cleaning with the same rules and thresholds finds nothing to do.

    Args:
        mask: Shape (H, W), uint8; class 0 is the ground.
        ignore_index: The value of unknown pixels, which stay as they are; no other pixel becomes unknown.
        rules: Names of the rules to apply (`RULES`).
        limits: When a rule acts.

    Returns:
        The mended mask (the same values if nothing was to be done) and the changes.

    Raises:
        ValueError: The mask is not of shape (H, W) and type uint8, or a rule is unknown.
    """
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise ValueError(f'mask must be (H, W) uint8, got {mask.shape} {mask.dtype}')
    if unknown := set(rules) - set(RULES):
        raise ValueError(f'no such rule: {", ".join(sorted(unknown))}')
    limits = limits or Thresholds()
    known = mask != ignore_index
    changes: list[Change] = []
    length = border_length(mask, known)
    rounds_start = -1
    while rounds_start != len(changes):
        rounds_start = len(changes)
        for name in [name for name in RULES if name in rules]:
            mended = RULES[name](mask, known, limits)
            shorter = border_length(mended, known)
            if shorter < length:
                pixels = int(np.count_nonzero(mended != mask))
                changes.append(Change(name, pixels, count_regions(mask, known), count_regions(mended, known)))
                mask, length = mended, shorter
    return CleanedMask(mask, tuple(changes))


def count_regions(mask: Mask, known: Map) -> int:
    """Regions of all classes but the ground."""
    values = np.unique(mask[known & (mask != GROUND)])
    return sum(len(find_regions(known & (mask == value))) for value in values)
