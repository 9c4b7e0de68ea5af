"""First import of mmcv and mmseg, without their messages about parts that are not installed.

These go to standard output, where a command prints its result, and into a warning that no user can act on.
"""

from __future__ import annotations

import contextlib
import io
import warnings

with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
    warnings.simplefilter('ignore')
    import mmseg.datasets
    import mmseg.models  # noqa: F401
