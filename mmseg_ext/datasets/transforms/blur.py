"""Gaussian blur."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmseg_ext.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomBlur(BaseTransform):
    """Blur the image with a Gaussian, with a probability; the mask stays.

    Args:
        prob: Probability, 0–1.
        sigma: Range of the standard deviation in pixels.
    """

    def __init__(self, prob: float = 0.1, sigma: tuple[float, float] = (0.3, 1.5)) -> None:
        if not 0 <= prob <= 1 or not 0 < sigma[0] <= sigma[1]:
            raise ValueError(f'RandomBlur: needs 0 <= prob <= 1 and 0 < sigma[0] <= sigma[1], got {prob}, {sigma}')
        self.prob = prob
        self.sigma = sigma

    @cache_randomness
    def _draw(self) -> float | None:
        return np.random.uniform(*self.sigma) if np.random.random() < self.prob else None

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Blur ``img``."""
        sigma = self._draw()
        if sigma is not None:
            results['img'] = cv2.GaussianBlur(results['img'], (0, 0), sigma)
        return results
