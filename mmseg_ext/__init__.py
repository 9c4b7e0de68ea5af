"""Audit, cleaning, training and error analysis of segmentation on small data sets: an extension of mmsegmentation.

Importing the package loads the standard library only. `mmseg_ext.Predictor` uses a trained model,
`mmseg_ext.base_configs` names the bases that a config inherits from, `mmseg_ext.eda` works
without a deep-learning library, `mmseg_ext.workflows` holds what the command `mmseg-ext` does, and
`mmseg_ext.registry` the parts that configs name as ``type='mmseg_ext.…'``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmseg_ext.inference.predictor import Predictor
    from mmseg_ext.runs.config_names import base_configs

__version__ = '0.1.0'
__all__ = ['Predictor', '__version__', 'base_configs']
_MODULES = {'Predictor': 'mmseg_ext.inference.predictor', 'base_configs': 'mmseg_ext.runs.config_names'}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package stays cheap."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
