"""Synthetic pets: images of cats and dogs with exact masks, and the same masks with planted annotation defects.

May import `mmseg_ext.data` and below; needs no deep-learning library.
"""

from mmseg_ext.demo.contact_sheet import write_contact_sheet
from mmseg_ext.demo.defects import DEFECTS, plant
from mmseg_ext.demo.generate import DemoSettings, make_demo_data, read_record, render_image, summarize
from mmseg_ext.demo.scene import Scene, render_scene

__all__ = [
    'DEFECTS',
    'DemoSettings',
    'Scene',
    'make_demo_data',
    'plant',
    'read_record',
    'render_image',
    'render_scene',
    'summarize',
    'write_contact_sheet',
]
