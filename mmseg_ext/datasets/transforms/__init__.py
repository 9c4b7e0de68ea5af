"""Transforms of mmseg's result dictionaries.

``img`` is (H, W, 3), uint8, BGR (mmseg's order); ``gt_seg_map`` is (H, W), uint8, class indices. Randomness comes from
NumPy's global generator, so a seed fixes the sample.
"""

from mmseg_ext.datasets.transforms.colour import PhotoMetricDistortion
from mmseg_ext.datasets.transforms.copy_paste import CopyPaste
from mmseg_ext.datasets.transforms.elastic import RandomElastic
from mmseg_ext.datasets.transforms.loading import LoadImage, LoadMask
from mmseg_ext.datasets.transforms.mosaic import Mosaic
from mmseg_ext.datasets.transforms.photometric import (
    RandomBlur,
    RandomGaussianNoise,
    RandomLowLight,
    RandomShotNoise,
)
from mmseg_ext.datasets.transforms.resize_crop import RandomResizeCropFlip
from mmseg_ext.datasets.transforms.warp import RandomScaleRotateShift

__all__ = [
    'CopyPaste',
    'LoadImage',
    'LoadMask',
    'Mosaic',
    'PhotoMetricDistortion',
    'RandomBlur',
    'RandomElastic',
    'RandomGaussianNoise',
    'RandomLowLight',
    'RandomResizeCropFlip',
    'RandomScaleRotateShift',
    'RandomShotNoise',
]
