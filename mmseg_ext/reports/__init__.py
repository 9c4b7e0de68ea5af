"""Pages, charts and tables of results: HTML files that open from disk without a network.

`compare` and `errors` hold the reports on runs, the modules here those on data sets. It may import evaluation, runs,
converters, eda, data and below, but nothing that trains or predicts.
"""

from mmseg_ext.reports.drawing import colourize, difference, draw_boxes, overlay
from mmseg_ext.reports.gallery import Card, Ordered, Panel, Table, write_gallery

__all__ = [
    'Card',
    'Ordered',
    'Panel',
    'Table',
    'colourize',
    'difference',
    'draw_boxes',
    'overlay',
    'write_gallery',
]
