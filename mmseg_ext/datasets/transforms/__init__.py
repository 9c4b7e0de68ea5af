"""Transforms: mmseg's result dictionaries in, the same out.

``img`` is BGR, uint8, (H, W, 3); ``gt_seg_map`` uint8, (H, W).
"""

from mmseg_ext.datasets.transforms.blur import RandomBlur
from mmseg_ext.datasets.transforms.copy_paste import CopyPaste
from mmseg_ext.datasets.transforms.elastic import RandomElastic
from mmseg_ext.datasets.transforms.loading import LoadImage, LoadMask
from mmseg_ext.datasets.transforms.low_light import RandomLowLight
from mmseg_ext.datasets.transforms.mosaic import Mosaic
from mmseg_ext.datasets.transforms.noise import RandomGaussianNoise, RandomShotNoise
from mmseg_ext.datasets.transforms.warp import RandomScaleRotateShift

__all__ = [
    'CopyPaste',
    'LoadImage',
    'LoadMask',
    'Mosaic',
    'RandomBlur',
    'RandomElastic',
    'RandomGaussianNoise',
    'RandomLowLight',
    'RandomScaleRotateShift',
    'RandomShotNoise',
]
