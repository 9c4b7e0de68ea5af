"""Transforms that change the image and leave the mask: blur, noise, low light.

Noise of the sensor and darker exposures are computed in light, not in grey levels. The values of an image are sRGB
(IEC 61966-2-1): roughly the square root of the light. Cameras also map tones, which cannot be undone, so the result is
an approximation.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from numpy.typing import NDArray

from mmseg_ext.datasets.transforms.sampling import draw_with_seed, log_uniform
from mmseg_ext.registry import TRANSFORMS

_LIGHT_STEPS = 65535  # of the table from light to grey levels: 0.05 levels at black, where the curve is steepest


def _decode_srgb(value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _encode_srgb(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


_LIGHT_OF_LEVEL = _decode_srgb(np.arange(256) / 255).astype(np.float32)
_LEVEL_OF_LIGHT = np.rint(255 * _encode_srgb(np.arange(_LIGHT_STEPS + 1) / _LIGHT_STEPS)).astype(np.uint8)


def to_light(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Convert grey levels (any shape, uint8, sRGB) to light, 0 (black) to 1 (white), float32.

    Raises:
        TypeError: The image is not uint8.

    >>> to_light(np.array([0, 188, 255], np.uint8)).round(2)
    array([0. , 0.5, 1. ], dtype=float32)
    """
    if image.dtype != np.uint8:
        raise TypeError(
            f'light is computed from grey levels of 8 bits (uint8), got {image.dtype}: put RandomLowLight and '
            'RandomShotNoise before transforms that normalise the image or make it a float'
        )
    return _LIGHT_OF_LEVEL[image]


def from_light(light: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert light (any shape) to the nearest grey levels, uint8; values outside 0–1 are clipped.

    >>> from_light(np.array([0, 0.5, 1.5]))
    array([  0, 188, 255], dtype=uint8)
    """
    return _LEVEL_OF_LIGHT[np.rint(np.clip(light, 0, 1) * _LIGHT_STEPS).astype(np.uint16)]


@TRANSFORMS.register_module()
class RandomBlur(BaseTransform):
    """Blur the image with a Gaussian, with a probability; the mask stays.

    Args:
        prob: Probability, 0–1.
        sigma: Range of the standard deviation in pixels.

    >>> image = np.zeros((5, 5, 3), np.uint8)
    >>> image[2, 2] = 255
    >>> RandomBlur(prob=1, sigma=(1, 1))({'img': image})['img'][2, :, 0]
    array([11, 25, 40, 25, 11], dtype=uint8)
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


@TRANSFORMS.register_module()
class RandomGaussianNoise(BaseTransform):
    """Add Gaussian noise to every value of the image, with a probability; the mask stays.

    Values are rounded and clipped, so the mean stays except for values within a few σ of 0 or 255.

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
        return draw_with_seed(self.prob, np.random.uniform, self.sigma)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add noise to ``img``."""
        drawn = self._draw()
        if drawn is not None:
            sigma, seed = drawn
            noise = np.random.default_rng(seed).standard_normal(results['img'].shape, dtype=np.float32)
            noisy = results['img'] + noise * np.float32(sigma)
            results['img'] = np.rint(noisy).clip(0, 255).astype(np.uint8)
        return results


@TRANSFORMS.register_module()
class RandomShotNoise(BaseTransform):
    """Replace every value of the image by a photon count (Poisson), with a probability; the mask stays.

    The count is proportional to the light and not to the grey level; its mean is the light of the image.

    Args:
        prob: Probability, 0–1.
        photons: Range of the photon count of white, drawn evenly on a logarithmic scale. 100 is a bad mobile
            phone in a dim room; at 2000 the noise is hardly visible.
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
        return draw_with_seed(self.prob, log_uniform, self.photons)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``img`` by a count."""
        drawn = self._draw()
        if drawn is not None:
            photons, seed = drawn
            counts = np.random.default_rng(seed).poisson(to_light(results['img']) * photons)
            results['img'] = from_light(counts / photons)
        return results


@TRANSFORMS.register_module()
class RandomLowLight(BaseTransform):
    """Expose the image again with part of its light, with a probability; the mask stays.

    Grey levels become light; less of it reaches the sensor, which counts photons (Poisson) and adds its read noise
    (Gaussian); the count becomes grey levels again (noise model of Foi et al. 2008). The image keeps its relative
    contrast and loses most of its grey levels, like dark fur in a room at night. docs/augmentation.md lists the
    resulting mean grey levels.

    Args:
        prob: Probability, 0–1.
        exposure: Range of the share of light that is left, drawn evenly on a logarithmic scale: 0.5 is one stop less.
        photons: Photons that the sensor counts at white of the original image.
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
        return draw_with_seed(self.prob, log_uniform, self.exposure)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Darken ``img``."""
        drawn = self._draw()
        if drawn is not None:
            exposure, seed = drawn
            rng = np.random.default_rng(seed)
            light = to_light(results['img']) * exposure
            read_noise = np.float32(self.read_noise)
            # The order of the draws fixes the sample of a seed: the count first, then the read noise.
            counts = rng.poisson(light * self.photons) + read_noise * rng.standard_normal(light.shape, dtype=np.float32)
            results['img'] = from_light(counts / self.photons)
        return results
