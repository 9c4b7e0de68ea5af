"""The named thresholds of the cleaning rules."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from mmseg_ext.errors import InputError

NO_LIMIT = 1.0  # fine detail that no outline reaches


@dataclass(frozen=True)
class Thresholds:
    """When a rule acts. Lengths are relative to an object or the image wherever an object has a scale.

    The defaults were chosen on synthetic masks and on geometry, see ``docs/cleaning.md``.

    Attributes:
        staircase_step: Side in pixels of the smallest squares that are taken for a staircase.
        staircase_share: Share (0–1) of the border that must lie on the grid of such squares.
        cut_width: Width of the widest cut, as a share of the object's diagonal.
        cut_pieces: Pieces of at least 1 % of the object that the cuts must divide it into.
        cut_straight: Share (0–1) of the gap between the pieces that straight cuts must explain.
        hollow_share: Share (0–1) of a filled object that its holes must take.
        hollow_depth: Largest half-width of the rim, as a share of the filled object's.
        pinhole_area: Holes of fewer pixels are pinholes.
        noise_area: Regions of fewer pixels are noise.
        noise_count: Smallest number of isolated noise regions that are taken for stray clicks.
        noise_isolation: Distance to any other region from which one is isolated, as a share of the image's shorter
            side.
        scrap_share: Regions below this share of the mask's largest are scraps.
        fine_detail: One-pixel gaps per pixel of border up to which an outline counts as smooth. ``noise`` (of fewer
            than ``noise_count``), ``scraps``, ``slivers`` and ``mixed`` act only on masks with smooth outlines; with
            `NO_LIMIT` they act on all masks.
        pinhole_detail: The same for ``pinholes``, which are one-pixel gaps themselves.
        sliver_width: Width in pixels of the widest sliver.
        sliver_contact: Share (0–1) of a sliver's border that must lie along one other class.
        mixed_share: Regions below this share of their object are absorbed by the class that surrounds them.
        mixed_contact: Share (0–1) of such a region's border that must lie along that class.
    """

    staircase_step: int = 3
    staircase_share: float = 0.98
    cut_width: float = 0.04
    cut_pieces: int = 6
    cut_straight: float = 0.9
    hollow_share: float = 0.25
    hollow_depth: float = 0.6
    pinhole_area: int = 10
    noise_area: int = 10
    noise_count: int = 3
    noise_isolation: float = 0.05
    scrap_share: float = 0.01
    fine_detail: float = 0.01
    pinhole_detail: float = 0.005
    sliver_width: int = 2
    sliver_contact: float = 0.4
    mixed_share: float = 0.05
    mixed_contact: float = 0.75

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            lowest = 2 if field.name in ('staircase_step', 'cut_pieces') else 0
            highest = math.inf if field.type == 'int' else 1
            if not lowest <= value <= highest:
                wanted = f'from {lowest} to 1' if highest == 1 else f'{lowest} or more'
                raise InputError(f'`{field.name}={value}`', f'must be {wanted}')

    def thorough(self) -> Thresholds:
        """Return the same thresholds, but with tiny regions and holes cleaned at finely detailed outlines too."""
        return replace(self, fine_detail=NO_LIMIT, pinhole_detail=NO_LIMIT)

    def changed(self, pairs: Sequence[str]) -> Thresholds:
        """Return the same thresholds with some changed, given as ``NAME=VALUE``.

        Raises:
            InputError: An unknown name, or a value of the wrong type or range.

        >>> Thresholds().changed(['noise_area=25']).noise_area
        25
        """
        known = {field.name: int if field.type == 'int' else float for field in fields(self)}
        values: dict[str, float] = {}
        for pair in pairs:
            name, equals, text = pair.partition('=')
            if not equals or name not in known:
                raise InputError(f'`pairs={pair}`', f'must be NAME=VALUE with NAME one of {", ".join(known)}')
            try:
                values[name] = known[name](text)
                replace(self, **{name: values[name]})  # type: ignore[arg-type]
            except ValueError:
                kind = 'a whole number' if known[name] is int else 'a number'
                raise InputError(f'`pairs={pair}`', f'must be {kind}') from None
            except InputError as error:
                raise InputError(f'`pairs={pair}`', error.problem) from None
        return replace(self, **values)  # type: ignore[arg-type]
