"""The cleaning rules by name, in the order in which they are applied.

A rule takes ``(mask, known, limits)`` and returns the mended mask, shape (H, W), uint8, or the mask itself:

- ``mask``: shape (H, W), uint8; class 0 is the ground; never changed in place.
- ``known``: shape (H, W), bool, False where the mask holds the ignored value; no rule changes such a pixel.
- ``limits``: the named thresholds.
"""

from __future__ import annotations

from collections.abc import Callable

from mmseg_ext.data.masks import Mask
from mmseg_ext.eda.cleaning.classes import mixed, slivers
from mmseg_ext.eda.cleaning.cuts import cuts
from mmseg_ext.eda.cleaning.geometry import Map
from mmseg_ext.eda.cleaning.hollow import hollow
from mmseg_ext.eda.cleaning.small import noise, pinholes, scraps
from mmseg_ext.eda.cleaning.staircase import staircase
from mmseg_ext.eda.cleaning.thresholds import Thresholds

Rule = Callable[[Mask, Map, Thresholds], Mask]

# What restores large parts comes first: a piece that a cut parted from its object is no noise.
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
