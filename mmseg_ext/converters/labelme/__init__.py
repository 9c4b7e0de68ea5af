"""Conversion of masks to LabelMe documents and back; the format itself is in `mmseg_ext.data.labelme`."""

from mmseg_ext.converters.labelme.encode import ShapeKind, encode_shapes
from mmseg_ext.converters.labelme.exporting import ExportReport, ExportSettings, export_masks
from mmseg_ext.converters.labelme.importing import ImportReport, import_masks, paint_file
from mmseg_ext.converters.labelme.merge import merge_shapes
from mmseg_ext.converters.labelme.paint import Painting, paint_shapes
from mmseg_ext.converters.labelme.suggestions import suggested_labels, write_label_list, write_suggestion

__all__ = [
    'ExportReport',
    'ExportSettings',
    'ImportReport',
    'Painting',
    'ShapeKind',
    'encode_shapes',
    'export_masks',
    'import_masks',
    'merge_shapes',
    'paint_file',
    'paint_shapes',
    'suggested_labels',
    'write_label_list',
    'write_suggestion',
]
