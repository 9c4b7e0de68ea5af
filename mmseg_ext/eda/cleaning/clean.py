"""Cleaning of one mask: the rules by name, applied in turn until none changes anything.

A rule takes ``(mask, known, limits)`` and returns the cleaned mask, shape (H, W), uint8, or the mask itself:

- ``mask``: shape (H, W), uint8; class 0 is the background; never changed in place.
- ``known``: shape (H, W), bool, False where the mask holds the ignored value; no rule changes such a pixel.
- ``limits``: the named thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmseg_ext.data import Mask
from mmseg_ext.eda.cleaning.geometry import BACKGROUND, Map, border_length
from mmseg_ext.eda.cleaning.large_parts import cuts, hollow, staircase
from mmseg_ext.eda.cleaning.mixed_classes import mixed, slivers
from mmseg_ext.eda.cleaning.small_regions import noise, pinholes, scraps
from mmseg_ext.eda.cleaning.thresholds import Thresholds
from mmseg_ext.eda.regions import find_regions

Rule = Callable[[Mask, Map, Thresholds], Mask]

# The rules that restore large parts come first: a piece that a cut separates from its object is no noise.
RULES: dict[str, Rule] = {
    'staircase': staircase,
    'cuts': cuts,
    'hollow': hollow,
    'pinholes': pinholes,
    'noise': noise,
    'scraps': scraps,
    'slivers': slivers,
    'mixed': mixed,
}
# The others take a region for a mistake because it is small or thin, which is also what a tumour in a liver, a lane
# marking or an animal far away is.
DEFAULT_RULES = ('staircase', 'cuts', 'hollow', 'pinholes', 'noise')


@dataclass(frozen=True)
class Change:
    """Effect of one application of a rule to a mask.

    Attributes:
        rule: Name of the rule.
        pixels: How many pixels it changed.
        regions_before: Regions of all classes but the background before the rule.
        regions_after: The same after the rule.
    """

    rule: str
    pixels: int
    regions_before: int
    regions_after: int


@dataclass(frozen=True)
class CleanedMask:
    """A cleaned mask, shape (H, W), uint8, and the changes made to it, in order."""

    mask: Mask
    changes: tuple[Change, ...]


def clean_mask(
    mask: Mask,
    *,
    ignore_index: int = 255,
    rules: Sequence[str] = DEFAULT_RULES,
    limits: Thresholds | None = None,
) -> CleanedMask:
    """Clean a mask by geometric rules.

    The rules are applied in the order of `RULES`, again and again until a whole round changes nothing. What a rule
    returns is kept only if it shortens the borders between classes and removes no class from the mask, unless all of it
    would be noise. So the rounds come to an end, and a second cleaning with the same rules and thresholds changes
    nothing.

    Args:
        mask: Shape (H, W), uint8; class 0 is the background.
        ignore_index: The value of unknown pixels, which stay as they are; no other pixel becomes unknown.
        rules: Names of the rules to apply (`RULES`).
        limits: When a rule acts.

    Returns:
        The cleaned mask (the same values if no rule applied) and the changes.

    Raises:
        ValueError: The mask is not of shape (H, W) and type uint8, or a rule is unknown.

    >>> mask = np.zeros((40, 40), np.uint8)
    >>> mask[5:35, 5:35] = 1
    >>> mask[20, 20] = 0
    >>> cleaned = clean_mask(mask)
    >>> int(cleaned.mask[20, 20]), cleaned.changes
    (1, (Change(rule='pinholes', pixels=1, regions_before=1, regions_after=1),))
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
            candidate = RULES[name](mask, known, limits)
            shorter = border_length(candidate, known)
            if shorter < length and not _loses_class(mask, candidate, known, limits.noise_area):
                pixels = int(np.count_nonzero(candidate != mask))
                changes.append(Change(name, pixels, count_regions(mask, known), count_regions(candidate, known)))
                mask, length = candidate, shorter
    return CleanedMask(mask, tuple(changes))


def count_regions(mask: Mask, known: Map) -> int:
    """Count the regions of all classes but the background."""
    values = np.unique(mask[known & (mask != BACKGROUND)])
    return sum(len(find_regions(known & (mask == value))) for value in values)


def _loses_class(before: Mask, after: Mask, known: Map, noise_area: int) -> bool:
    """Return whether a class but the background, of at least some pixels, is in a mask no more."""
    counts = np.bincount(before[known & (before != BACKGROUND)], minlength=256)
    return bool(set(np.flatnonzero(counts >= noise_area)) - set(np.unique(after[known])) - {BACKGROUND})
