"""The LabelMe format: documents, and the pixels that their shapes cover.

It imports the rest of `mmseg_ext.data`.
"""

from mmseg_ext.data.labelme.document import (
    IGNORED_LABEL,
    Document,
    Shape,
    image_size,
    label_names,
    label_values,
    labels_text,
    new_document,
    new_shape,
    read_document,
)
from mmseg_ext.data.labelme.polygon import fill_polygon
from mmseg_ext.data.labelme.shapes import decode_mask, encode_mask, shape_mask

__all__ = [
    'IGNORED_LABEL',
    'Document',
    'Shape',
    'decode_mask',
    'encode_mask',
    'fill_polygon',
    'image_size',
    'label_names',
    'label_values',
    'labels_text',
    'new_document',
    'new_shape',
    'read_document',
    'shape_mask',
]
