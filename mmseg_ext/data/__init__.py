"""The data set on disk: layout, classes, images, masks, the checks before a training, LabelMe documents.

It needs only NumPy, OpenCV and Pillow; from mmseg_ext it imports errors, files and reading.
"""

from mmseg_ext.data.check import PairCheck, pair_files
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import DataSet, Item, LabelSet, Problem, Split, choose_files, list_stems
from mmseg_ext.data.fingerprint import data_fingerprint
from mmseg_ext.data.images import (
    ImageHeader,
    ImageRules,
    UprightImage,
    read_header,
    read_image,
    read_upright,
    write_image,
)
from mmseg_ext.data.masks import Mask, read_mask, write_mask

__all__ = [
    'Classes',
    'DataSet',
    'ImageHeader',
    'ImageRules',
    'Item',
    'LabelSet',
    'Mask',
    'PairCheck',
    'Problem',
    'Split',
    'UprightImage',
    'choose_files',
    'data_fingerprint',
    'list_stems',
    'pair_files',
    'read_header',
    'read_image',
    'read_mask',
    'read_upright',
    'write_image',
    'write_mask',
]
