"""mmengine's configs as text without their layout, which takes a third of the time of a tiny training."""

from __future__ import annotations


def leave_configs_unformatted() -> None:
    """Have mmengine write configs on as few lines as it joins them from: Python all the same."""
    try:
        from yapf.yapflib import yapf_api
    except ImportError:  # it comes with mmengine
        return
    yapf_api.FormatCode = lambda text, **style: (text, True)
