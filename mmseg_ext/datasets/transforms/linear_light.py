"""Grey levels and the amount of light they stand for.

A photograph's values are sRGB (IEC 61966-2-1): roughly the square root of the light, so that a noise that a sensor adds
and a darker exposure have to be reckoned in light. Photographs have been tone-mapped as well, which cannot be undone;
what is reckoned here is an approximation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_STEPS = 65535  # of the table back: 0.05 grey levels at black, where the curve is steepest


def _decode(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _encode(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


_LIGHT = _decode(np.arange(256) / 255).astype(np.float32)
_LEVEL = np.rint(255 * _encode(np.arange(_STEPS + 1) / _STEPS)).astype(np.uint8)


def to_light(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Light of each value of an image of any shape, from 0 (black) to 1 (white).

    Raises:
        TypeError: The image is not uint8.
    """
    if image.dtype != np.uint8:
        raise TypeError(
            f'light is reckoned from grey levels of 8 bits (uint8), got {image.dtype}: RandomLowLight and '
            'RandomShotNoise stand before transforms that normalise the image or make it a float'
        )
    return _LIGHT[image]


def from_light(light: NDArray[Any]) -> NDArray[np.uint8]:
    """The nearest grey level for each amount of light; what lies outside 0–1 is clipped."""
    return _LEVEL[np.rint(np.clip(light, 0, 1) * _STEPS).astype(np.uint16)]
