"""Noise textures, float32: smooth fields, fibres and fur."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

TILE_PX = 256
TILE_ANGLES = 12  # over 180 degrees


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 1) -> Field:
    """Make fractal value noise of shape (H, W) in about −1…1; ``cell`` is the size of its largest features."""
    total = np.zeros(shape, np.float32)
    weight = 1.0
    norm = 0.0
    for _ in range(octaves):
        grid = (max(2, round(shape[0] / cell) + 1), max(2, round(shape[1] / cell) + 1))
        coarse = rng.uniform(-1, 1, grid).astype(np.float32)
        total += weight * cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
        norm += weight
        weight *= 0.55
        cell = max(1.0, cell / 2)
    return total / np.float32(norm)


def fibres(rng: np.random.Generator, shape: tuple[int, int], angle: float, along: float, across: float) -> Field:
    """Make periodic noise stretched along a direction: mean 0, standard deviation 1, clipped to ±2.5.

    Args:
        rng: Random generator.
        shape: (H, W).
        angle: Direction of the fibres in degrees, clockwise from the x axis.
        along: Correlation length along the fibres in pixels.
        across: Correlation length across them in pixels.
    """
    spectrum = np.fft.rfft2(rng.standard_normal(shape, dtype=np.float32))
    v = np.fft.fftfreq(shape[0])[:, None]
    u = np.fft.rfftfreq(shape[1])[None, :]
    a = np.deg2rad(angle)
    lengthwise, crosswise = u * np.cos(a) + v * np.sin(a), v * np.cos(a) - u * np.sin(a)
    spectrum *= np.exp(-0.5 * (2 * np.pi) ** 2 * ((lengthwise * along) ** 2 + (crosswise * across) ** 2) / 4)
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, s=shape).astype(np.float32)
    return np.asarray(np.clip(noise / max(float(noise.std()), 1e-6), -2.5, 2.5), np.float32)


@lru_cache(maxsize=64)
def _fur_tile(angle_index: int, length: int) -> Field:
    """Make one periodic tile of fur. Tiles do not depend on the seed; the place where they are cut does."""
    rng = np.random.default_rng([angle_index, length])
    return fibres(rng, (TILE_PX, TILE_PX), angle_index * 180 / TILE_ANGLES, along=length, across=max(0.7, length / 11))


def fur(top: int, left: int, shape: tuple[int, int], angle: float, length: float) -> Field:
    """Cut a window (H, W) from endless fur at ``angle`` degrees with hairs of about ``length`` pixels."""
    lengths = np.array([4, 6, 9, 13, 19, 28])
    nearest = int(lengths[np.argmin(np.abs(np.log(lengths / max(length, 1.0))))])
    tile = _fur_tile(round(angle % 180 / (180 / TILE_ANGLES)) % TILE_ANGLES, nearest)
    rows = np.arange(top, top + shape[0]) % TILE_PX
    columns = np.arange(left, left + shape[1]) % TILE_PX
    return np.take(np.take(tile, rows, axis=0), columns, axis=1)


def smoothstep(values: Field, low: float, high: float) -> Field:
    """Map values to 0 below ``low``, 1 above ``high``, and smoothly in between.

    >>> smoothstep(np.array([-1, 1, 5], np.float32), 0, 2).tolist()
    [0.0, 0.5, 1.0]
    """
    t = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
