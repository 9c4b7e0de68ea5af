"""Photographs as a camera would have taken them with less light."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmseg_ext.datasets.transforms.chance import log_uniform
from mmseg_ext.datasets.transforms.linear_light import from_light, to_light
from mmseg_ext.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomLowLight(BaseTransform):
    """Take the photograph again with a part of its light, with a probability; the mask stays.

    Grey levels become light, less of it reaches the sensor, which counts photons (Poisson) and adds its read noise
    (Gaussian), and the count becomes grey levels again (the noise model of Foi et al. 2008). A photograph keeps its
    relative contrast and loses most of its grey levels: dark on dark, as fur in a room at night. What the mean grey
    level becomes stands in docs/augmentation.md.

    Args:
        prob: Probability, 0–1.
        exposure: Range of the share of light that is left, drawn evenly on a logarithmic scale: 0.5 is one stop less.
        photons: Photons that the sensor counts at white of the photograph as it was.
        read_noise: Standard deviation of the sensor's own noise, in photons.
    """

    def __init__(
        self,
        prob: float = 0.3,
        exposure: tuple[float, float] = (0.08, 0.5),
        photons: float = 2000.0,
        read_noise: float = 2.0,
    ) -> None:
        if not 0 <= prob <= 1 or not 0 < exposure[0] <= exposure[1] <= 1 or photons <= 0 or read_noise < 0:
            raise ValueError(
                'RandomLowLight: needs 0 <= prob <= 1, 0 < exposure[0] <= exposure[1] <= 1, photons > 0 and '
                f'read_noise >= 0, got {prob}, {exposure}, {photons}, {read_noise}'
            )
        self.prob = prob
        self.exposure = exposure
        self.photons = photons
        self.read_noise = read_noise

    @cache_randomness
    def _draw(self) -> tuple[float, int] | None:
        if np.random.random() >= self.prob:
            return None
        return log_uniform(*self.exposure), np.random.randint(2**31 - 1)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Darken ``img``."""
        drawn = self._draw()
        if drawn is not None:
            exposure, seed = drawn
            generator = np.random.default_rng(seed)
            light = to_light(results['img']) * exposure
            counts = generator.poisson(light * self.photons) + np.float32(self.read_noise) * generator.standard_normal(
                light.shape, dtype=np.float32
            )
            results['img'] = from_light(counts / self.photons)
        return results
