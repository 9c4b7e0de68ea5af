"""Conversion of public data sets and annotation-tool exports into the project's layout, and export of label sets.

It may import `mmseg_ext.data` and below. A converter checks that every file of its source exists before it writes, and
an interrupted conversion can be continued (`mmseg_ext.converters.output`).
"""

from mmseg_ext.converters.coco import CropOptions, WholeOptions, convert_coco
from mmseg_ext.converters.cvat import convert_cvat
from mmseg_ext.converters.folder import convert_colour, convert_folder
from mmseg_ext.converters.mads import convert_mads
from mmseg_ext.converters.output import Converted
from mmseg_ext.converters.oxford_pet import convert_oxford_pet
from mmseg_ext.converters.ph2 import convert_ph2
from mmseg_ext.converters.report import Report
from mmseg_ext.converters.split import SplitOptions
from mmseg_ext.converters.supervisely import convert_supervisely
from mmseg_ext.converters.voc import convert_voc
from mmseg_ext.converters.yolo import convert_yolo

__all__ = [
    'Converted',
    'CropOptions',
    'Report',
    'SplitOptions',
    'WholeOptions',
    'convert_coco',
    'convert_colour',
    'convert_cvat',
    'convert_folder',
    'convert_mads',
    'convert_oxford_pet',
    'convert_ph2',
    'convert_supervisely',
    'convert_voc',
    'convert_yolo',
]
