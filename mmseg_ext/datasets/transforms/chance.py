"""What several transforms draw alike."""

from __future__ import annotations

import math

import numpy as np


def log_uniform(low: float, high: float) -> float:
    """A number of ``low`` to ``high`` (> 0), each factor equally probable, by NumPy's global generator."""
    return math.exp(np.random.uniform(math.log(low), math.log(high)))
