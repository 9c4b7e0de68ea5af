"""Fills: the colours of a part at each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.demo.textures import Field, smooth_noise, smoothstep

Window = tuple[slice, slice]
Colour = tuple[float, float, float]


class Surface:
    """Coordinates and smooth noise of one figure's canvas, from which fills take their patterns.

    Args:
        shape: (H, W) of the canvas.
        unit: Pixels per unit of the figure.
        rng: Random generator.
    """

    def __init__(self, shape: tuple[int, int], unit: float, rng: np.random.Generator) -> None:
        self.unit = unit
        self.phase = rng.uniform(0, 10)
        self.coarse = smooth_noise(rng, shape, 1.3 * unit, octaves=2)
        self.medium = smooth_noise(rng, shape, 0.62 * unit, octaves=2)
        self.fine = smooth_noise(rng, shape, 0.3 * unit, octaves=2)

    def along(self, window: Window, angle: float) -> Field:
        """Compute the distance along a direction in units, for each pixel of the window."""
        a = np.deg2rad(angle)
        y = np.arange(window[0].start, window[0].stop, dtype=np.float32)[:, None] / np.float32(self.unit)
        x = np.arange(window[1].start, window[1].stop, dtype=np.float32)[None, :] / np.float32(self.unit)
        return x * np.float32(np.cos(a)) + y * np.float32(np.sin(a))


class Fill(Protocol):
    """Colours of a part."""

    def colour(self, surface: Surface, window: Window, axis: float) -> NDArray[np.float32]:
        """Compute the colours of a window (H, W) of a surface.

        Args:
            surface: The surface.
            window: Rows and columns.
            axis: Direction of the hairs, degrees.

        Returns:
            RGB 0–255, float32, broadcastable to (H, W, 3).
        """
        ...


def _mix(first: Colour | NDArray[np.float32], second: Colour, share: Field) -> NDArray[np.float32]:
    a, b = np.asarray(first, np.float32), np.asarray(second, np.float32)
    return np.asarray(a + (b - a) * share[..., None], np.float32)


@dataclass(frozen=True)
class Solid:
    """One slightly uneven colour."""

    base: Colour
    uneven: float = 0.08

    def colour(self, surface: Surface, window: Window, axis: float) -> NDArray[np.float32]:
        """Compute the colours; see `Fill`."""
        del axis
        return np.asarray(self.base, np.float32) * (1 + np.float32(self.uneven) * surface.medium[window])[..., None]


@dataclass(frozen=True)
class Stripes:
    """Wavy stripes across the axis of each part: tabby cats, brindle dogs."""

    base: Colour
    dark: Colour
    period: float = 0.42
    strength: float = 0.9

    def colour(self, surface: Surface, window: Window, axis: float) -> NDArray[np.float32]:
        """Compute the colours; see `Fill`."""
        wave = (
            surface.along(window, axis) / np.float32(self.period)
            + 0.55 * surface.medium[window]
            + np.float32(surface.phase)
        )
        stripe = smoothstep(np.sin(2 * np.pi * wave) + 0.6 * surface.coarse[window], 0.0, 0.7)
        return _mix(self.base, self.dark, np.float32(self.strength) * stripe)


@dataclass(frozen=True)
class Patches:
    """Large blotches of further colours on a base: calico and tortoiseshell cats, beagles, collies."""

    base: Colour
    others: Sequence[Colour]
    share: float = 0.0

    def colour(self, surface: Surface, window: Window, axis: float) -> NDArray[np.float32]:
        """Compute the colours; see `Fill`."""
        del axis
        first = smoothstep(surface.coarse[window], -self.share, 0.06 - self.share)
        mixed = _mix(self.base, self.others[0], first)
        if len(self.others) > 1:
            second = smoothstep(
                surface.medium[window] - 0.4 * surface.coarse[window], 0.12 - self.share, 0.2 - self.share
            )
            mixed = _mix(mixed, self.others[1], second)
        return mixed


@dataclass(frozen=True)
class Spots:
    """Small dark spots on a base: dalmatians, spotted cats."""

    base: Colour
    dark: Colour
    density: float = 0.3

    def colour(self, surface: Surface, window: Window, axis: float) -> NDArray[np.float32]:
        """Compute the colours; see `Fill`."""
        del axis
        return _mix(self.base, self.dark, smoothstep(surface.fine[window], self.density, self.density + 0.08))


@dataclass(frozen=True)
class Flat:
    """Exactly one colour: eyes, noses, tongues."""

    base: Colour

    def colour(self, surface: Surface, window: Window, axis: float) -> NDArray[np.float32]:
        """Compute the colours; see `Fill`."""
        del surface, window, axis
        return np.asarray(self.base, np.float32)
