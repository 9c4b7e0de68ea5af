"""What a cheap camera does to a scene: uneven light, a colour cast, blur, noise."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def photograph(rng: np.random.Generator, scene: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Take the picture.

    Args:
        rng: Source of chance.
        scene: Shape (S, S, 3), float32, RGB, about 0–255.

    Returns:
        Shape (S, S, 3), uint8, RGB.
    """
    lit = scene * _light(rng, scene.shape[0])[..., None] * _cast(rng)
    blur = rng.uniform(0, 0.9)
    if blur > 0.35:
        lit = cv2.GaussianBlur(lit, (0, 0), blur)
    noisy = lit + np.float32(rng.uniform(1, 5)) * rng.standard_normal(lit.shape, dtype=np.float32)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _light(rng: np.random.Generator, size: int) -> NDArray[np.float32]:
    """Brighter on one side, darker in the corners: factors of shape (S, S)."""
    axis = np.arange(size, dtype=np.float32) / np.float32(size) - np.float32(0.5)
    y, x = axis[:, None], axis[None, :]
    angle = rng.uniform(0, 2 * np.pi)
    slope = np.float32(rng.uniform(0.1, 0.5))
    gradient = 1 + slope * (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)))
    vignette = 1 - np.float32(rng.uniform(0, 0.6)) * (x * x + y * y)
    return np.asarray(gradient * vignette, np.float32)


def _cast(rng: np.random.Generator) -> NDArray[np.float32]:
    """White balance and exposure: one factor a channel."""
    exposure = rng.choice([0.7, 0.9, 1.02, 1.15], p=[0.08, 0.22, 0.4, 0.3])
    return np.asarray(rng.uniform(0.94, 1.06, 3) * exposure, np.float32)
