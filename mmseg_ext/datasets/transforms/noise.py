"""Noise of sensor and light."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmseg_ext.datasets.transforms.chance import log_uniform
from mmseg_ext.datasets.transforms.linear_light import from_light, to_light
from mmseg_ext.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomGaussianNoise(BaseTransform):
    """Add Gaussian noise to every value of the image, with a probability; the mask stays.

    Values are rounded and clipped, so that the mean stays but for values within some σ of 0 or 255.

    Args:
        prob: Probability, 0–1.
        sigma: Range of the standard deviation in grey levels.
    """

    def __init__(self, prob: float = 0.2, sigma: tuple[float, float] = (2.0, 12.0)) -> None:
        if not 0 <= prob <= 1 or not 0 <= sigma[0] <= sigma[1]:
            raise ValueError(
                f'RandomGaussianNoise: needs 0 <= prob <= 1 and 0 <= sigma[0] <= sigma[1], got {prob}, {sigma}'
            )
        self.prob = prob
        self.sigma = sigma

    @cache_randomness
    def _draw(self) -> tuple[float, int] | None:
        if np.random.random() >= self.prob:
            return None
        return np.random.uniform(*self.sigma), np.random.randint(2**31 - 1)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add noise to ``img``."""
        drawn = self._draw()
        if drawn is not None:
            noise = np.random.default_rng(drawn[1]).standard_normal(results['img'].shape, dtype=np.float32)
            noisy = results['img'] + noise * np.float32(drawn[0])
            results['img'] = np.rint(noisy).clip(0, 255).astype(np.uint8)
        return results


@TRANSFORMS.register_module()
class RandomShotNoise(BaseTransform):
    """Let every value be a count of photons (Poisson), with a probability; the mask stays.

    The count is proportional to the light and not to the grey level (`mmseg_ext.datasets.transforms.linear_light`);
    its mean is the light that was there.

    Args:
        prob: Probability, 0–1.
        photons: Range of the count that white stands for, drawn evenly on a logarithmic scale. 100 is a bad mobile
            phone in a dim room, 2000 a noise that is hardly seen.
    """

    def __init__(self, prob: float = 0.2, photons: tuple[float, float] = (100.0, 2000.0)) -> None:
        if not 0 <= prob <= 1 or not 0 < photons[0] <= photons[1]:
            raise ValueError(
                f'RandomShotNoise: needs 0 <= prob <= 1 and 0 < photons[0] <= photons[1], got {prob}, {photons}'
            )
        self.prob = prob
        self.photons = photons

    @cache_randomness
    def _draw(self) -> tuple[float, int] | None:
        if np.random.random() >= self.prob:
            return None
        return log_uniform(*self.photons), np.random.randint(2**31 - 1)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``img`` by a count."""
        drawn = self._draw()
        if drawn is not None:
            photons, seed = drawn
            counts = np.random.default_rng(seed).poisson(to_light(results['img']) * photons)
            results['img'] = from_light(counts / photons)
        return results
