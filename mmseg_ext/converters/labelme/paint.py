"""Painting of LabelMe shapes into a mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.labelme.document import IGNORED_LABEL
from mmseg_ext.data.labelme.shapes import Rule, ShapeRegion, check_work, shape_region
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError, raise_all

Order = Literal['list', 'area']

UNPAINTED = -1
MAX_KEPT = 100_000_000  # pixels, and so bytes


class PaintRules(NamedTuple):
    """Rules by which shapes become pixels.

    Attributes:
        ignore_labels: Labels whose shapes are left out.
        order: ``list`` paints a later shape over an earlier one, ``area`` a smaller one over a larger one.
        rule: Which pixels a shape covers (`shape_region`).
        skip_degenerate: Leave out shapes that are damaged or cover no area, instead of refusing them.
    """

    ignore_labels: Collection[str] = ()
    order: Order = 'list'
    rule: Rule = 'outline'
    skip_degenerate: bool = False


@dataclass
class Painting:
    """Mask painted from the shapes of a file.

    Attributes:
        mask: The mask, shape (H, W), uint8; ``base`` where there is no shape.
        owner: List position of the shape visible at each pixel, -1 where there is none. Shape (H, W), int32.
        overlaps: Number of pixels where a shape hid another class: (hidden class, class on top) → pixels. Background
            and ignored pixels do not count, since they are meant to erase and to be covered.
        painted: Label → shapes painted.
        ignored: Label → shapes left out by their label.
        degenerate: Shapes left out because they are damaged or cover no area: position in the list → reason.
        covered: Positions of shapes that later ones hide completely, so that none of their pixels has their class.
        outside: Positions of shapes without a pixel in the image.
        cropped: Positions of shapes whose part beyond the image was cut off.
    """

    mask: Mask
    owner: NDArray[np.int32]
    overlaps: Counter[tuple[str, str]] = field(default_factory=Counter)
    painted: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    degenerate: dict[int, str] = field(default_factory=dict)
    covered: list[int] = field(default_factory=list)
    outside: list[int] = field(default_factory=list)
    cropped: list[int] = field(default_factory=list)


def paint_shapes(
    shapes: Sequence[Mapping[str, Any]],
    size: tuple[int, int],
    values: Mapping[str, int],
    source: str,
    rules: PaintRules | None = None,
    base: int = 0,
) -> Painting:
    """Paint shapes on background, each within its box.

    Args:
        shapes: The shapes of a LabelMe file.
        size: Height and width of the image.
        values: Label → value in the mask (`label_values`).
        source: Name of the file in errors.
        rules: How shapes become pixels.
        base: Value where there is no shape (`Classes.unlabelled`).

    Raises:
        InputError: A label is unknown, a shape is damaged or covers no area, or the shapes are too large to be painted;
            all such shapes are named.
    """
    rules = rules or PaintRules()
    painting = Painting(np.full(size, base, np.uint8), np.full(size, UNPAINTED, np.int32))
    drawn = _Drawn(shapes, size, rules.rule)
    areas = _check_shapes(drawn, values, source, rules, painting)
    order = sorted(areas, key=lambda position: -areas[position]) if rules.order == 'area' else list(areas)
    names = {value: name for name, value in list(values.items())[::-1]}
    erasers = {base} | {value for label, value in values.items() if label == IGNORED_LABEL}
    for position in order:
        label = shapes[position]['label']
        value, region = values[label], drawn[position]
        mask, covered = painting.mask[region.place], region.pixels
        if value not in erasers:
            hidden = np.bincount(mask[covered], minlength=256)
            hidden[[value, *erasers]] = 0
            for other in np.flatnonzero(hidden):
                painting.overlaps[names[int(other)], label] += int(hidden[other])
        mask[covered] = value
        painting.owner[region.place][covered] = position
        painting.painted[label] += 1
    for position, area in areas.items():
        value, region = values[shapes[position]['label']], drawn[position]
        if area and value not in erasers and not (painting.mask[region.place][region.pixels] == value).any():
            painting.covered.append(position)
    return painting


class _Drawn:
    """Pixels of the shapes by position. Those of the first shapes are kept, the others are drawn on demand."""

    def __init__(self, shapes: Sequence[Mapping[str, Any]], size: tuple[int, int], rule: Rule) -> None:
        self.shapes = shapes
        self._size, self._rule = size, rule
        self._kept: dict[int, ShapeRegion] = {}
        self._room = MAX_KEPT

    def __getitem__(self, position: int) -> ShapeRegion:
        region = self._kept.get(position)
        if region is None:
            region = shape_region(self.shapes[position], *self._size, self._rule)
            if region.pixels.size <= self._room:
                self._room -= region.pixels.size
                self._kept[position] = region
        return region


def _check_shapes(
    drawn: _Drawn,
    values: Mapping[str, int],
    source: str,
    rules: PaintRules,
    painting: Painting,
) -> dict[int, int]:
    """Find the shapes to paint: position → pixels. The others go to the painting, with the reasons.

    Raises:
        InputError: As for `paint_shapes`.
    """
    areas: dict[int, int] = {}
    problems: list[InputError] = []
    height, width = painting.mask.shape
    check_work(drawn.shapes, height, width, source)
    for position, shape in enumerate(drawn.shapes):
        label = shape['label']
        if label in rules.ignore_labels:
            painting.ignored[label] += 1
            continue
        if label not in values:
            problem = f'shape {position + 1} has the unknown label {label!r}'
            remedy = f'rename it to one of {", ".join(values)}, or leave such shapes out with `ignore_labels`'
            problems.append(InputError(source, problem, remedy))
            continue
        try:
            region = drawn[position]
        except InputError as error:
            if rules.skip_degenerate:
                painting.degenerate[position] = error.problem
            else:
                subject = f'{source}: shape {position + 1} ({label})'
                problems.append(InputError(subject, error.problem, error.remedy))
            continue
        areas[position] = _note_place(region, position, painting)
    raise_all(problems)
    return areas


def _note_place(region: ShapeRegion, position: int, painting: Painting) -> int:
    """Note where a shape lies, and return its number of pixels."""
    area = int(np.count_nonzero(region.pixels))
    if not area:
        painting.outside.append(position)
    elif region.beyond:
        painting.cropped.append(position)
    return area
