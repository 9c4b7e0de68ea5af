"""mmsegmentation's photometric distortion, computed with tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from numpy.typing import NDArray

from mmseg_ext.registry import TRANSFORMS

_LEVELS = np.arange(256)
_HUES = 180  # OpenCV counts hue of 8 bits in steps of 2 degrees


@TRANSFORMS.register_module()
class PhotoMetricDistortion(BaseTransform):
    """Change brightness, contrast, saturation and hue of the image, each with probability 0.5; the mask stays.

    It has the same distribution as mmsegmentation's transform of that name and draws random numbers in the same way.
    Each change is a table of 256 grey levels (or of hue and saturation); successive tables are merged, and the image is
    converted to HSV and back at most once, so it is rounded once where mmsegmentation's transform rounds twice.

    Args:
        brightness_delta: Largest change of brightness in grey levels, to either side.
        contrast_range: Range of the factor of contrast.
        saturation_range: Range of the factor of saturation.
        hue_delta: Largest change of hue in steps of 2 degrees, to either side.

    Raises:
        ValueError: An argument is negative, or a range runs backwards.

    >>> np.random.seed(6)
    >>> PhotoMetricDistortion()({'img': np.full((1, 2, 3), 100, np.uint8)})['img'].tolist()
    [[[70, 70, 70], [70, 70, 70]]]
    """

    def __init__(
        self,
        brightness_delta: int = 32,
        contrast_range: Sequence[float] = (0.5, 1.5),
        saturation_range: Sequence[float] = (0.5, 1.5),
        hue_delta: int = 18,
    ) -> None:
        ranges = contrast_range, saturation_range
        if brightness_delta < 0 or hue_delta < 0 or not all(0 <= low <= high for low, high in ranges):
            raise ValueError(
                'PhotoMetricDistortion: needs deltas of at least 0 and ranges with 0 <= low <= high, '
                f'got {brightness_delta}, {hue_delta}, {contrast_range}, {saturation_range}'
            )
        self.brightness_delta = brightness_delta
        self.contrast_range = contrast_range
        self.saturation_range = saturation_range
        self.hue_delta = hue_delta

    @cache_randomness
    def _draw(self) -> tuple[float | None, bool, float | None, float | None, int | None]:
        """Draw brightness, whether contrast comes before colour, contrast, saturation and hue; None for no change."""
        brightness = _maybe(-self.brightness_delta, self.brightness_delta)
        contrast_first = np.random.randint(2) == 1
        contrast = _maybe(*self.contrast_range) if contrast_first else None
        saturation = _maybe(*self.saturation_range)
        is_turned = np.random.randint(2) == 1 and self.hue_delta > 0
        hue = np.random.randint(-self.hue_delta, self.hue_delta) if is_turned else None
        if not contrast_first:
            contrast = _maybe(*self.contrast_range)
        return brightness, contrast_first, contrast, saturation, hue

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change ``img``, uint8."""
        brightness, contrast_first, contrast, saturation, hue = self._draw()
        before = _table(_LEVELS, 1.0, brightness or 0.0)
        after = _LEVELS.astype(np.uint8)
        if contrast is not None:
            before, after = (_table(before, contrast), after) if contrast_first else (before, _table(after, contrast))
        image = results['img']
        if saturation is None and hue is None:
            image = _look_up(image, after[before])
        else:
            channels = np.empty((1, 256, 3), np.uint8)
            channels[0, :, 0] = (_LEVELS + (hue or 0)) % _HUES if hue is not None else _LEVELS
            channels[0, :, 1] = _table(_LEVELS, 1.0 if saturation is None else saturation)
            channels[0, :, 2] = _LEVELS
            hsv = cv2.cvtColor(_look_up(image, before), cv2.COLOR_BGR2HSV)
            image = _look_up(np.asarray(cv2.cvtColor(cv2.LUT(hsv, channels), cv2.COLOR_HSV2BGR)), after)
        results['img'] = image
        return results


def _maybe(low: float, high: float) -> float | None:
    return np.random.uniform(low, high) if np.random.randint(2) else None


def _table(levels: NDArray[Any], factor: float, offset: float = 0.0) -> NDArray[np.uint8]:
    """Multiply, add, clip and cut off the fraction, as mmsegmentation does for each pixel."""
    changed = levels.astype(np.float32) * np.float32(factor) + np.float32(offset)
    return np.clip(changed, 0, 255).astype(np.uint8)


def _look_up(image: NDArray[np.uint8], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image if np.array_equal(table, _LEVELS) else np.asarray(cv2.LUT(image, table), np.uint8)
