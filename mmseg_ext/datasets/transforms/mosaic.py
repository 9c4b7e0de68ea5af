"""Mosaic augmentation: four images in one."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from numpy.typing import NDArray

from mmseg_ext.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Mosaic(BaseTransform):
    """Put a sample and three others of its data set into a 2×2 grid, with a probability.

    From YOLOv4 (Bochkovskiy et al. 2020, arXiv 2004.10934). It shows close-ups at the size of small objects,
    without empty borders. Every tile is a random square of its image, as large as the image allows. Use it in the
    pipeline of mmseg's ``MultiImageMixDataset``. (mmseg's own RandomMosaic sometimes draws an index past the end.)

    Args:
        tile: Side of one tile in pixels; the result is twice as wide and high.
        prob: Probability, 0–1. Otherwise the sample stays as it is.

    >>> black, white = ({'img': np.full((4, 6, 3), value, np.uint8)} for value in (0, 255))
    >>> mosaic = Mosaic(tile=1)({**black, 'mix_results': [white, black, white]})
    >>> mosaic['img'][..., 0]
    array([[  0, 255],
           [  0, 255]], dtype=uint8)
    """

    def __init__(self, tile: int = 256, prob: float = 1.0) -> None:
        if tile < 1 or not 0 <= prob <= 1:
            raise ValueError(f'Mosaic: needs tile >= 1 and 0 <= prob <= 1, got {tile}, {prob}')
        self.tile = tile
        self.prob = prob

    def get_indices(self, dataset: Any) -> list[int]:
        """Draw the indices of the three others; empty if the sample stays as it is."""
        if np.random.random() >= self.prob:
            return []
        return [int(index) for index in np.random.randint(0, len(dataset), 3)]

    @cache_randomness
    def _draw(self) -> NDArray[np.float64]:
        return np.random.random((4, 2))

    def _square(self, array: NDArray[Any], place: NDArray[np.float64], is_image: bool) -> NDArray[Any]:
        """Crop the largest square at ``place`` (x and y, 0–1 of the slack) and resize it to the tile."""
        height, width = array.shape[:2]
        side = min(height, width)
        left, top = (
            round(float(share) * slack) for share, slack in zip(place, (width - side, height - side), strict=True)
        )
        square = np.ascontiguousarray(array[top : top + side, left : left + side])
        # INTER_NEAREST samples at corners, which shifts a mask relative to its image by up to half a pixel.
        smooth = cv2.INTER_AREA if self.tile < side else cv2.INTER_LINEAR
        return cv2.resize(square, (self.tile, self.tile), interpolation=smooth if is_image else cv2.INTER_NEAREST_EXACT)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace ``img`` and every mask of ``seg_fields`` by the grid; the sample itself is its upper left tile."""
        others = results.get('mix_results', [])
        if not others:
            return results
        samples = [results, *others]
        places = self._draw()
        for key in ('img', *results.get('seg_fields', [])):
            pairs = zip(samples, places, strict=True)
            tiles = [self._square(sample[key], place, key == 'img') for sample, place in pairs]
            results[key] = np.vstack([np.hstack(tiles[:2]), np.hstack(tiles[2:])])
        results['img_shape'] = results['img'].shape[:2]
        return results
