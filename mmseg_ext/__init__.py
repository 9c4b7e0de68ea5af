"""mmseg_ext: from a few hundred hastily drawn masks to audited data and an honest ladder of segmentation models.

An extension of mmsegmentation. Importing the package loads no deep-learning library; see `mmseg_ext.eda` for what works
without one, `mmseg_ext.registry` for the parts that configs name as ``type='mmseg_ext.…'``, and `mmseg_ext.Predictor`
for the use of a trained model.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmseg_ext.inference.predictor import Predictor

__version__ = '0.1.0'
__all__ = ['Predictor', '__version__']


def __getattr__(name: str) -> Any:
    """Import `Predictor` when it is first asked for, so that importing the package stays cheap."""
    if name == 'Predictor':
        return import_module('mmseg_ext.inference.predictor').Predictor
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
