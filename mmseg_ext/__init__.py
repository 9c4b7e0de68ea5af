"""Audit, cleaning, training and error analysis of segmentation on small data sets: an extension of mmsegmentation.

Importing the package loads the standard library only. `mmseg_ext.Predictor` uses a trained model, `mmseg_ext.eda` works
without a deep-learning library, `mmseg_ext.workflows` holds what the command `mmseg-ext` does, and
`mmseg_ext.registry` the parts that configs name as ``type='mmseg_ext.…'``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmseg_ext.inference.predictor import Predictor

__version__ = '0.1.0'
__all__ = ['Predictor', '__version__']


def __getattr__(name: str) -> Any:
    """Import `Predictor` on first use, so that importing the package stays cheap."""
    if name == 'Predictor':
        return import_module('mmseg_ext.inference.predictor').Predictor
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
