"""Random draws that several transforms share, from NumPy's global generator."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def log_uniform(low: float, high: float) -> float:
    """Draw a number from ``low`` to ``high`` (both > 0) evenly on a logarithmic scale.

    >>> np.random.seed(0)
    >>> round(log_uniform(0.1, 10), 3)
    1.252
    """
    return math.exp(np.random.uniform(math.log(low), math.log(high)))


def draw_with_seed(
    prob: float, draw: Callable[[float, float], float], limits: tuple[float, float]
) -> tuple[float, int] | None:
    """Draw a strength from ``limits`` and the seed of a generator of many numbers; None with probability 1 - ``prob``.

    `mmcv.transforms.utils.cache_randomness` then keeps two numbers for several images instead of an array.
    """
    if np.random.random() >= prob:
        return None
    return draw(*limits), np.random.randint(2**31 - 1)
