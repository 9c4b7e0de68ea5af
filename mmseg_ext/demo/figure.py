"""Figures: drawings as an ordered list of outlined parts and strokes, in units of the figure's own choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from mmseg_ext.demo.shapes import Points, rotate


@dataclass(frozen=True)
class Part:
    """A filled outline.

    Attributes:
        outline: Shape (N, 2).
        role: What it is painted with: a key of the coat.
        axis: Direction its hairs lie in, degrees.
        fur: 0 smooth and crisp, 1 shaggy.
        relief: How round it looks in the light, 0 flat.
        contact: How dark a rim it throws on the parts below it, 0 none.
        tone: Brightness factor (the far legs stand in the shade).
    """

    outline: Points
    role: str
    axis: float = 90.0
    fur: float = 1.0
    relief: float = 1.0
    contact: float = 0.5
    tone: float = 1.0


@dataclass(frozen=True)
class Stroke:
    """A line on the figure. A ``free`` one (a whisker) also shows beyond its outline, and is no part of the mask."""

    line: Points
    role: str
    width: float
    opacity: float = 1.0
    free: bool = False


@dataclass
class Figure:
    """Parts and strokes, the farthest first.

    Attributes:
        items: The drawing.
        bust: Whether it is cut off below, so that it must reach out of the picture.
    """

    items: list[Part | Stroke] = field(default_factory=list)
    bust: bool = False

    def part(self, outline: ArrayLike, role: str, axis: float = 90.0, **look: float) -> None:
        """Add a part on top."""
        self.items.append(Part(np.asarray(outline, dtype=np.float64), role, axis, **look))

    def detail(self, outline: ArrayLike, role: str, relief: float = 0.0) -> None:
        """Add a smooth, crisp part (an eye, a nose) on top."""
        self.items.append(Part(np.asarray(outline, dtype=np.float64), role, fur=0.0, relief=relief, contact=0.0))

    def stroke(self, line: ArrayLike, role: str, width: float, opacity: float = 1.0, free: bool = False) -> None:
        """Add a line on top."""
        self.items.append(Stroke(np.asarray(line, dtype=np.float64), role, width, opacity, free))

    def add(self, other: Figure) -> None:
        """Add another figure on top."""
        self.items += other.items

    def transformed(
        self, scale: float = 1.0, angle: float = 0.0, mirror: bool = False, offset: Sequence[float] = (0.0, 0.0)
    ) -> Figure:
        """Mirror, turn (degrees, clockwise), scale and then move."""

        def move(points: Points) -> Points:
            flipped = points * (-1.0, 1.0) if mirror else points
            return rotate(flipped, angle) * scale + offset

        moved: list[Part | Stroke] = []
        for item in self.items:
            if isinstance(item, Part):
                axis = (180 - item.axis if mirror else item.axis) + angle
                moved.append(replace(item, outline=move(item.outline), axis=axis))
            else:
                moved.append(replace(item, line=move(item.line), width=item.width * scale))
        return Figure(moved, self.bust)

    def bounds(self) -> tuple[Points, Points]:
        """The corners (least, greatest) of the box around everything, free strokes included."""
        points = np.concatenate([item.outline if isinstance(item, Part) else item.line for item in self.items])
        return points.min(axis=0), points.max(axis=0)
