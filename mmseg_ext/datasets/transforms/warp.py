"""Scaling, rotation, shift and elastic deformation in one warp."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from numpy.typing import NDArray

from mmseg_ext.datasets.transforms.elastic import RandomElastic, remap
from mmseg_ext.datasets.transforms.sampling import log_uniform
from mmseg_ext.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomScaleRotateShift(BaseTransform):
    """Scale, rotate and shift image and mask in one warp to a fixed size, so that pixels are interpolated once.

    At scale 1, angle 0 and shift 0 the image is stretched to fill the output or, with ``keep_ratio``, resized as by
    ``Resize(scale=size, keep_ratio=True)``: its longer side fits the longer of ``size``, its shorter side the
    shorter. Beyond the image's border the image is filled with ``pad_val`` and the mask with ``seg_pad_val``.

    Args:
        size: (width, height) of the output, in pixels.
        scale: Range of the factor, drawn evenly on a logarithmic scale.
        rotate: Largest angle in degrees, to either side.
        shift: Largest shift as a share of the output's size, to either side in x and in y.
        stretch: Largest factor by which width grows against height, or the reverse; 1 keeps the aspect ratio.
        pad_val: BGR fill (0–255) of the image; ImageNet's mean colour by default.
        seg_pad_val: Fill of the mask: the ignored value.
        elastic: Arguments of `mmseg_ext.RandomElastic` except its fills, to deform the output in the same warp, in
            pixels of the output; None for no deformation.
        keep_ratio: Keep the image's own aspect ratio; for images of different shapes.

    >>> warp = RandomScaleRotateShift((4, 2), scale=(1, 1), rotate=0, shift=0)
    >>> warp({'img': np.full((6, 8, 3), 7, np.uint8)})['img'][..., 0]
    array([[7, 7, 7, 7],
           [7, 7, 7, 7]], dtype=uint8)
    """

    def __init__(
        self,
        size: tuple[int, int],
        scale: tuple[float, float] = (0.6, 1.9),
        rotate: float = 15.0,
        shift: float = 0.15,
        stretch: float = 1.0,
        pad_val: Sequence[float] = (103.53, 116.28, 123.675),
        seg_pad_val: int = 255,
        elastic: Mapping[str, Any] | None = None,
        keep_ratio: bool = False,
    ) -> None:
        if not 0 < scale[0] <= scale[1] or stretch < 1:
            raise ValueError(
                f'RandomScaleRotateShift: needs 0 < scale[0] <= scale[1] and stretch >= 1, got {scale}, {stretch}'
            )
        for name in {'pad_val', 'seg_pad_val'} & set(elastic or ()):
            raise ValueError(f'RandomScaleRotateShift: elastic takes no {name}; give it to the transform itself')
        self.size = (int(size[0]), int(size[1]))
        self.scale = scale
        self.rotate = rotate
        self.shift = shift
        self.stretch = stretch
        self.pad_val = tuple(pad_val)
        self.seg_pad_val = seg_pad_val
        self.keep_ratio = keep_ratio
        self.elastic = None if elastic is None else RandomElastic(**elastic)

    @cache_randomness
    def _draw(self) -> tuple[float, float, float, float, float]:
        scale = log_uniform(*self.scale)
        stretch = math.exp(np.random.uniform(-math.log(self.stretch), math.log(self.stretch)))
        angle = np.random.uniform(-self.rotate, self.rotate)
        shift_x, shift_y = np.random.uniform(-self.shift, self.shift, 2)
        return scale * math.sqrt(stretch), scale / math.sqrt(stretch), angle, shift_x, shift_y

    def matrix(self, shape: tuple[int, int]) -> NDArray[np.float64]:
        """Draw a 2×3 matrix from source pixels (x, y) to output pixels, for an image of (height, width) ``shape``."""
        scale_x, scale_y, angle, shift_x, shift_y = self._draw()
        width, height = self.size
        fill_x, fill_y = width / shape[1], height / shape[0]
        if self.keep_ratio:
            fill_x = fill_y = min(max(self.size) / max(shape), min(self.size) / min(shape))
        a, d = scale_x * fill_x, scale_y * fill_y
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([a, d])
        # Pixel centres lie at whole numbers, so the middle of an image of n pixels is (n - 1) / 2.
        source_centre = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
        target_centre = np.array([(width - 1) / 2 + shift_x * width, (height - 1) / 2 + shift_y * height])
        return np.column_stack([linear, target_centre - linear @ source_centre])

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Warp ``img`` (linear) and every mask of ``seg_fields`` (nearest) with the same matrix and field."""
        matrix = self.matrix(results['img'].shape[:2])
        field = None if self.elastic is None else self.elastic.source(self.size[::-1])
        if field is not None:  # the output is deformed, so the displaced positions are mapped back to the source
            inverse = cv2.invertAffineTransform(matrix)
            field = cv2.transform(field, inverse.astype(np.float32))
        results['img'] = self._warp(results['img'], matrix, field, cv2.INTER_LINEAR, self.pad_val)
        for key in results.get('seg_fields', []):
            results[key] = self._warp(results[key], matrix, field, cv2.INTER_NEAREST, self.seg_pad_val)
        results['img_shape'] = results['img'].shape[:2]
        return results

    def _warp(
        self,
        array: NDArray[Any],
        matrix: NDArray[np.float64],
        field: NDArray[np.float32] | None,
        interpolation: int,
        fill: Sequence[float] | float,
    ) -> NDArray[Any]:
        if field is not None:
            return remap(array, field, interpolation, fill)
        warped: NDArray[Any] = cv2.warpAffine(
            array, matrix, self.size, flags=interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
        )
        return warped
