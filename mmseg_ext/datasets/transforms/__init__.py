"""Transforms: mmseg's result dictionaries in, the same out.

``img`` is BGR, uint8, (H, W, 3); ``gt_seg_map`` uint8, (H, W).
"""

from mmseg_ext.datasets.transforms.blur import RandomBlur
from mmseg_ext.datasets.transforms.loading import LoadImage, LoadMask
from mmseg_ext.datasets.transforms.mosaic import Mosaic
from mmseg_ext.datasets.transforms.warp import RandomScaleRotateShift

__all__ = ['LoadImage', 'LoadMask', 'Mosaic', 'RandomBlur', 'RandomScaleRotateShift']
