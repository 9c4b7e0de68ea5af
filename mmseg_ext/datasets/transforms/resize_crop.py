"""mmsegmentation's usual random resize, crop and flip in one transform."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from numpy.typing import NDArray

from mmseg_ext.registry import TRANSFORMS

# cv2.resize takes a quarter of cv2.warpAffine's time per pixel, but also computes all pixels around the crop.
MAX_RESIZED = 4.0  # pixels of the resized image for one of the crop
CROP_TRIES = 10  # as in mmsegmentation's RandomCrop


@TRANSFORMS.register_module()
class RandomResizeCropFlip(BaseTransform):
    """Resize, crop and flip image and mask in one go; of a mask, only the pixels of the crop are computed.

    It has the same distribution as mmcv's ``RandomResize(scale, ratio_range, keep_ratio=True)``, mmsegmentation's
    ``RandomCrop(crop_size, cat_max_ratio)`` and mmcv's ``RandomFlip(flip_prob)`` one after another, and draws
    random numbers in the same way. A resized image that is smaller than the crop stays smaller; the model's data
    preprocessor pads it. The shares of the classes are counted in the mask before the resize.

    Args:
        scale: (width, height) in pixels that the image is fitted into at ratio 1, with its own aspect ratio.
        ratio_range: Range of the ratio, drawn evenly.
        crop_size: (height, width) of the crop in pixels.
        cat_max_ratio: Largest share of one class in a crop; another crop is drawn up to ten times. 1 takes any crop.
        flip_prob: Probability of a horizontal flip.
        ignore_index: Value of pixels that count for no class.

    >>> crop = RandomResizeCropFlip((8, 8), (1, 1), (2, 3), flip_prob=0)
    >>> crop({'img': np.full((8, 8, 3), 7, np.uint8)})['img'][..., 0]
    array([[7, 7, 7],
           [7, 7, 7]], dtype=uint8)
    """

    def __init__(
        self,
        scale: tuple[int, int],
        ratio_range: tuple[float, float] = (0.5, 2.0),
        crop_size: tuple[int, int] = (512, 512),
        cat_max_ratio: float = 1.0,
        flip_prob: float = 0.5,
        ignore_index: int = 255,
    ) -> None:
        if not 0 < ratio_range[0] <= ratio_range[1] or min(crop_size) < 1 or not 0 <= flip_prob <= 1:
            raise ValueError(
                'RandomResizeCropFlip: needs 0 < ratio_range[0] <= ratio_range[1], a crop_size of at least 1 pixel and '
                f'0 <= flip_prob <= 1, got {ratio_range}, {crop_size}, {flip_prob}'
            )
        self.scale = scale
        self.ratio_range = ratio_range
        self.crop_size = crop_size
        self.cat_max_ratio = cat_max_ratio
        self.flip_prob = flip_prob
        self.ignore_index = ignore_index

    @cache_randomness
    def _draw_size(self, height: int, width: int) -> tuple[int, int]:
        """Draw (height, width) of the resized image."""
        low, high = self.ratio_range
        ratio = np.random.random_sample() * (high - low) + low
        sides = [int(side * ratio) for side in self.scale]
        factor = min(max(sides) / max(height, width), min(sides) / min(height, width))
        return int(height * factor + 0.5), int(width * factor + 0.5)

    @cache_randomness
    def _draw_offset(self, size: tuple[int, int], mask: NDArray[np.uint8] | None) -> tuple[int, int]:
        """Draw (top, left) of the crop in the resized image."""
        margins = [max(side - crop, 0) for side, crop in zip(size, self.crop_size, strict=True)]

        def draw() -> tuple[int, int]:
            return np.random.randint(0, margins[0] + 1), np.random.randint(0, margins[1] + 1)

        top, left = draw()
        if self.cat_max_ratio < 1 and mask is not None and any(margins):
            for _ in range(CROP_TRIES):
                if self._is_mixed(mask, size, top, left):
                    break
                top, left = draw()
        return top, left

    def _is_mixed(self, mask: NDArray[np.uint8], size: tuple[int, int], top: int, left: int) -> bool:
        """Return whether no class has more than its share of a crop."""
        height, width = mask.shape
        rows = slice(top * height // size[0], -(-(top + self.crop_size[0]) * height // size[0]))
        columns = slice(left * width // size[1], -(-(left + self.crop_size[1]) * width // size[1]))
        counts = cv2.calcHist([mask[rows, columns]], [0], None, [256], [0, 256]).ravel()
        counts[self.ignore_index] = 0
        return bool(np.count_nonzero(counts) > 1 and counts.max() < self.cat_max_ratio * counts.sum())

    @cache_randomness
    def _draw_flip(self) -> bool:
        return bool(np.random.random_sample() < self.flip_prob)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Warp ``img`` (linear) and every mask of ``seg_fields`` (nearest)."""
        image = results['img']
        height, width = image.shape[:2]
        size = self._draw_size(height, width)
        fields = results.get('seg_fields', [])
        top, left = self._draw_offset(size, results[fields[0]] if fields else None)
        flipped = self._draw_flip()
        shape = min(self.crop_size[0], size[0]), min(self.crop_size[1], size[1])
        window = slice(top, top + shape[0]), slice(left, left + shape[1])
        matrix = np.array([[size[1] / width, 0.0, 0.0], [0.0, size[0] / height, 0.0]])
        # Pixel centres lie at whole numbers: a source pixel x is at (x + 0.5) · scale - 0.5 in the resized image.
        matrix[:, 2] = (0.5 * matrix[0, 0] - 0.5 - left, 0.5 * matrix[1, 1] - 0.5 - top)
        if size[0] * size[1] <= MAX_RESIZED * shape[0] * shape[1]:
            image = np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR))[window]
        else:
            image = _warp(image, matrix, shape, cv2.INTER_LINEAR)
        results['img'] = np.asarray(cv2.flip(image, 1)) if flipped else np.ascontiguousarray(image)
        if flipped:
            matrix[0] = -matrix[0, 0], 0, shape[1] - 1 - matrix[0, 2]
        for key in fields:
            results[key] = _warp(results[key], matrix, shape, cv2.INTER_NEAREST)
        results |= {
            'img_shape': shape, 'scale': size[::-1], 'scale_factor': (size[1] / width, size[0] / height),
            'keep_ratio': True, 'flip': flipped, 'flip_direction': 'horizontal' if flipped else None,
        }  # fmt: skip
        return results


def _warp(array: NDArray[Any], matrix: NDArray[np.float64], shape: tuple[int, int], interpolation: int) -> NDArray[Any]:
    warped: NDArray[Any] = cv2.warpAffine(
        array, matrix, shape[::-1], flags=interpolation, borderMode=cv2.BORDER_REPLICATE
    )
    return warped
