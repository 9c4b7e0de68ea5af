"""mmseg_ext: from a few hundred hastily drawn masks to audited data and an honest ladder of segmentation models.

An extension of mmsegmentation. Importing the package loads no deep-learning library; see `mmseg_ext.eda` for what works
without one, and `mmseg_ext.registry` for the parts that configs name as ``type='mmseg_ext.…'``.
"""

__version__ = '0.1.0'
