"""Importing mmcv and mmseg for the first time without what they print about parts that are not installed.

They say so on standard output, where a tool's result stands, and with a warning that no user can act on.
"""

from __future__ import annotations

import contextlib
import io
import warnings

with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
    warnings.simplefilter('ignore')
    import mmseg.datasets
    import mmseg.models  # noqa: F401

# mmseg's TTA model hands over a plane of shape (H, W), and mmengine says of every image that it makes (1, H, W) of it.
warnings.filterwarnings('ignore', message='The shape of value will convert from')
