"""Elastic deformation: a smooth random displacement of every pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from numpy.typing import NDArray

from mmseg_ext.datasets.transforms.sampling import draw_with_seed
from mmseg_ext.registry import TRANSFORMS


def displacement_field(
    shape: tuple[int, int], amplitude: float, sigma: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw a smooth random field: Gaussian noise, smoothed with a Gaussian (Simard et al. 2003, section 2).

    The effect of Simard's factor α depends on σ; here the result is scaled to a standard deviation in pixels.

    Args:
        shape: (height, width) in pixels.
        amplitude: Standard deviation of the displacement in x and of that in y, in pixels.
        sigma: Standard deviation of the smoothing, in pixels: how far pixels move together.
        rng: Random generator of the noise.

    Returns:
        Shape (H, W, 2), float32: displacement in x and in y, in pixels.
    """
    # A field this smooth needs no value at every pixel: a coarser grid of sigma >= 4 steps is drawn and enlarged.
    step = max(1, int(sigma // 4))
    width = sigma / step
    margin = math.ceil(4 * width)  # near a border the smoothing would see less noise: it is kept outside the field
    rows, columns = math.ceil(shape[0] / step), math.ceil(shape[1] / step)
    noise = rng.standard_normal((rows + 2 * margin, columns + 2 * margin, 2), dtype=np.float32)
    kernel = cv2.getGaussianKernel(2 * margin + 1, width)
    smooth = cv2.sepFilter2D(noise, -1, kernel, kernel)[margin : margin + rows, margin : margin + columns]
    field = cv2.resize(smooth, (columns * step, rows * step), interpolation=cv2.INTER_CUBIC)
    scale = amplitude / float((kernel**2).sum())  # the sum is the standard deviation after both passes
    return np.ascontiguousarray(field[: shape[0], : shape[1]] * np.float32(scale))


def remap(
    array: NDArray[Any], source: NDArray[np.float32], interpolation: int, fill: Sequence[float] | float
) -> NDArray[Any]:
    """Sample ``array`` at the x and y of ``source`` (H, W, 2) for each output pixel; ``fill`` outside the array."""
    result: NDArray[Any] = cv2.remap(
        array, source, None, interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
    )
    return result


@TRANSFORMS.register_module()
class RandomElastic(BaseTransform):
    """Deform image and mask by one smooth random field, with a probability.

    Beyond the image's border the image is filled with ``pad_val`` and the mask with ``seg_pad_val``. After a
    ``mmseg_ext.RandomScaleRotateShift`` the image would be interpolated a second time, which blurs it
    (docs/augmentation.md says how much) and moves the mask's border by up to another half pixel. Give the arguments as
    ``elastic`` to that transform instead: it then does both in one interpolation.

    Args:
        prob: Probability, 0–1.
        amplitude: Range of the standard deviation of the displacement in x and y, in pixels. Above a third of
            ``sigma`` the field begins to fold.
        sigma: How far pixels move together: standard deviation of the field's smoothing, in pixels.
        pad_val: BGR fill (0–255) of the image; ImageNet's mean colour by default.
        seg_pad_val: Fill of the mask: the ignored value.
    """

    def __init__(
        self,
        prob: float = 0.5,
        amplitude: tuple[float, float] = (1.0, 5.0),
        sigma: float = 24.0,
        pad_val: Sequence[float] = (103.53, 116.28, 123.675),
        seg_pad_val: int = 255,
    ) -> None:
        if not 0 <= prob <= 1 or not 0 <= amplitude[0] <= amplitude[1] <= sigma / 3 or sigma <= 0:
            raise ValueError(
                'RandomElastic: needs 0 <= prob <= 1 and 0 <= amplitude[0] <= amplitude[1] <= sigma / 3, '
                f'got {prob}, {amplitude}, {sigma}'
            )
        self.prob = prob
        self.amplitude = amplitude
        self.sigma = sigma
        self.pad_val = tuple(pad_val)
        self.seg_pad_val = seg_pad_val

    @cache_randomness
    def _draw(self) -> tuple[float, int] | None:
        return draw_with_seed(self.prob, np.random.uniform, self.amplitude)

    def source(self, shape: tuple[int, int]) -> NDArray[np.float32] | None:
        """Draw where the pixels of an image of (height, width) ``shape`` come from: (H, W, 2), x and y; or None."""
        drawn = self._draw()
        if drawn is None:
            return None
        amplitude, seed = drawn
        field = displacement_field(shape, amplitude, self.sigma, np.random.default_rng(seed))
        field += np.stack(np.meshgrid(*(np.arange(side, dtype=np.float32) for side in shape[::-1])), -1)
        return field

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Deform ``img`` (linear) and every mask of ``seg_fields`` (nearest) with the same field."""
        source = self.source(results['img'].shape[:2])
        if source is not None:
            results['img'] = remap(results['img'], source, cv2.INTER_LINEAR, self.pad_val)
            for key in results.get('seg_fields', []):
                results[key] = remap(results[key], source, cv2.INTER_NEAREST, self.seg_pad_val)
        return results
