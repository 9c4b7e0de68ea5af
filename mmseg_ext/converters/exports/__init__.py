"""Label sets exported to the formats of annotation tools and other trainers."""

from mmseg_ext.converters.exports.export import FORMATS, export_labels

__all__ = ['FORMATS', 'export_labels']
