"""Figures: drawings made of outlined parts and strokes, and the outlines they are made of.

Outlines are arrays of points of shape (N, 2), x to the right and y down, in a unit of the figure's own choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]

RIGHT: Points = np.array([1.0, 1.0])  # points * LEFT mirrors them at the y axis
LEFT: Points = np.array([-1.0, 1.0])


@dataclass(frozen=True)
class Part:
    """Filled outline.

    Attributes:
        outline: Shape (N, 2).
        role: Key of the coat whose fill it is painted with.
        axis: Direction of its hairs, degrees clockwise from the x axis.
        fur: Length of its hairs: 0 smooth and crisp, 1 shaggy.
        relief: Strength of its shading, 0 flat.
        contact: Darkness of its rim shadow on the parts below, 0 none.
        tone: Brightness factor (the far legs are in the shade).
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
    """Line on a figure. A ``free`` one (a whisker) also shows beyond the outline, and is no part of the mask."""

    line: Points
    role: str
    width: float
    opacity: float = 1.0
    free: bool = False


@dataclass
class Figure:
    """Drawing of one animal or thing.

    Attributes:
        items: Parts and strokes, the farthest first.
        bust: Whether it is cut off below, so that it must reach out of the image.
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
        """Return a copy that is mirrored, then rotated (degrees, clockwise), scaled and moved."""

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
        """Return the corners (smallest, largest) of the bounding box, free strokes included."""
        points = np.concatenate([item.outline if isinstance(item, Part) else item.line for item in self.items])
        return points.min(axis=0), points.max(axis=0)


def ellipse(cx: float, cy: float, rx: float, ry: float, angle: float = 0.0, count: int = 40) -> Points:
    """Make an ellipse as a closed outline; ``angle`` in degrees, clockwise on the screen."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    points = np.stack([rx * np.cos(t), ry * np.sin(t)], axis=1)
    return rotate(points, angle) + np.array([cx, cy])


def rotate(points: ArrayLike, angle: float, centre: Sequence[float] = (0.0, 0.0)) -> Points:
    """Rotate points about a centre by ``angle`` degrees, clockwise on the screen."""
    a = np.deg2rad(angle)
    matrix = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return np.asarray((np.asarray(points, dtype=np.float64) - centre) @ matrix + centre, dtype=np.float64)


def curve(points: ArrayLike, closed: bool = True, steps: int = 8) -> Points:
    """Interpolate points by a Catmull-Rom spline (Catmull & Rom 1974) with ``steps`` samples per segment."""
    p = np.asarray(points, dtype=np.float64)
    if closed:
        p0, p1, p2, p3 = np.roll(p, 1, 0), p, np.roll(p, -1, 0), np.roll(p, -2, 0)
    else:
        padded = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
        p0, p1, p2, p3 = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = (np.arange(steps) / steps)[None, :, None]
    a, b, c, d = (q[:, None, :] for q in (p0, p1, p2, p3))
    spline = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    spline = spline.reshape(-1, 2)
    return spline if closed else np.concatenate([spline, p[-1:]])


def symmetric(half: Sequence[tuple[float, float]]) -> Points:
    """Make a closed smooth outline from its right half, whose first and last points lie on the y axis."""
    right = np.asarray(half, dtype=np.float64)
    return curve(np.concatenate([right, right[-2:0:-1] * LEFT]))


def pointed(points: Points, tip: int) -> Points:
    """Make a closed smooth outline with one sharp corner, at the point of index ``tip``."""
    order = np.roll(points, -tip, axis=0)
    return curve(np.concatenate([order, order[:1]]), closed=False)


def limb(spine: ArrayLike, widths: ArrayLike, steps: int = 8) -> Points:
    """Make a tapering limb as a closed outline: a smooth spine with a half-width at each point and round ends."""
    line = curve(spine, closed=False, steps=steps)
    w = np.asarray(widths, dtype=np.float64)
    half = np.interp(np.linspace(0, len(w) - 1, len(line)), np.arange(len(w)), w)
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    t = np.linspace(0, np.pi, 9)[1:-1, None]
    end = line[-1] + half[-1] * (normal[-1] * np.cos(t) + tangent[-1] * np.sin(t))
    start = line[0] - half[0] * (normal[0] * np.cos(t) + tangent[0] * np.sin(t))
    return np.concatenate([line + normal * half[:, None], end, (line - normal * half[:, None])[::-1], start])


def blob(rng: np.random.Generator, centre: ArrayLike, radius: float, roughness: float = 0.25, count: int = 9) -> Points:
    """Make a smooth random closed outline around a centre; its radius varies by the share ``roughness``."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 2 * np.pi)
    r = radius * (1 + roughness * rng.uniform(-1, 1, count))
    return curve(np.stack([r * np.cos(t), r * np.sin(t)], axis=1)) + np.asarray(centre, dtype=np.float64)
