"""Loading of images and masks, from disk or from the data set's cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import read_mask
from mmseg_ext.registry import TRANSFORMS


@TRANSFORMS.register_module(name=['LoadImage', 'LoadImageFromFile'])
class LoadImage(BaseTransform):
    """Load ``img_path`` as ``img``: (H, W, 3), uint8, and BGR, as mmseg's transforms expect it.

    An ``img`` from the data set's cache is copied instead of read.

    mmseg's inferencer looks in the test pipeline for a ``LoadImageFromFile`` and replaces it with an
    ``InferencerLoader``. ``dict(type='LoadImageFromFile', _scope_='mmseg_ext')`` is this class under that name.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set ``img``, ``img_shape`` and ``ori_shape``."""
        if 'img' in results:
            results['img'] = results['img'].copy()  # later transforms work in place; the cache must not change
        else:
            results['img'] = np.ascontiguousarray(read_image(results['img_path'])[..., ::-1])
        results['img_shape'] = results['ori_shape'] = results['img'].shape[:2]
        return results


@TRANSFORMS.register_module()
class InferencerLoader(LoadImage):
    """Load what a user hands to mmseg's inferencer: a path, an array (H, W, 3) in BGR, or a dict with one of them."""

    def transform(self, results: str | NDArray[np.uint8] | dict[str, Any]) -> dict[str, Any]:
        """Set ``img``, ``img_path``, ``img_shape`` and ``ori_shape``."""
        if not isinstance(results, dict):
            results = {'img': results, 'img_path': None} if isinstance(results, np.ndarray) else {'img_path': results}
        return super().transform(results)


@TRANSFORMS.register_module()
class LoadMask(BaseTransform):
    """Load ``seg_map_path`` as ``gt_seg_map``: (H, W), uint8, class indices. A sample without a mask stays as it is."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Set ``gt_seg_map`` and add it to ``seg_fields``."""
        if 'gt_seg_map' in results:
            results['gt_seg_map'] = results['gt_seg_map'].copy()
        elif results.get('seg_map_path'):
            results['gt_seg_map'] = read_mask(results['seg_map_path']).copy()
        else:
            return results
        results['seg_fields'] = [*results.get('seg_fields', []), 'gt_seg_map']
        return results
