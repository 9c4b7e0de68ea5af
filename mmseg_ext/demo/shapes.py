"""Outlines in the plane: arrays of points of shape (N, 2), x to the right and y down."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]

RIGHT: Points = np.array([1.0, 1.0])  # points times LEFT are the points mirrored at the y axis
LEFT: Points = np.array([-1.0, 1.0])


def ellipse(cx: float, cy: float, rx: float, ry: float, angle: float = 0.0, count: int = 40) -> Points:
    """An ellipse as a closed outline; ``angle`` in degrees, clockwise on the screen."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    points = np.stack([rx * np.cos(t), ry * np.sin(t)], axis=1)
    return rotate(points, angle) + np.array([cx, cy])


def rotate(points: ArrayLike, angle: float, centre: Sequence[float] = (0.0, 0.0)) -> Points:
    """Turn points about a centre by ``angle`` degrees, clockwise on the screen."""
    a = np.deg2rad(angle)
    matrix = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return np.asarray((np.asarray(points, dtype=np.float64) - centre) @ matrix + centre, dtype=np.float64)


def curve(points: ArrayLike, closed: bool = True, steps: int = 8) -> Points:
    """A Catmull-Rom spline through the points (Catmull & Rom 1974), ``steps`` samples a segment."""
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
    """A closed smooth outline from its right half, given from where it leaves the y axis to where it returns."""
    right = np.asarray(half, dtype=np.float64)
    return curve(np.concatenate([right, right[-2:0:-1] * LEFT]))


def pointed(points: Points, tip: int) -> Points:
    """A closed smooth outline with one sharp corner, at the point of index ``tip``."""
    order = np.roll(points, -tip, axis=0)
    return curve(np.concatenate([order, order[:1]]), closed=False)


def limb(spine: ArrayLike, widths: ArrayLike, steps: int = 8) -> Points:
    """A tapering limb: a smooth spine with a half-width at each point and round ends, as a closed outline."""
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
    """A smooth random closed outline about a centre, radius varying by ``roughness``."""
    t = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 2 * np.pi)
    r = radius * (1 + roughness * rng.uniform(-1, 1, count))
    return curve(np.stack([r * np.cos(t), r * np.sin(t)], axis=1)) + np.asarray(centre, dtype=np.float64)
