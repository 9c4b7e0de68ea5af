"""Hyperparameter search with Optuna: trainings on this machine, or on the agents of a ClearML queue.

`search` (`local`) and `search_on_queue` (`agents`) take the same `SearchSettings` and return the same report. Imports
tracking and everything below it, with `mmseg_ext.workflows.train`. Names are imported when they are first used, so that
a training process starts to write its log before it imports torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmseg_ext.workflows.search.agents import search_on_queue
    from mmseg_ext.workflows.search.local import search
    from mmseg_ext.workflows.search.report import search_table
    from mmseg_ext.workflows.search.settings import Parameter, SearchSettings, parse_space

__all__ = ['Parameter', 'SearchSettings', 'parse_space', 'search', 'search_on_queue', 'search_table']

MODULES = {
    'Parameter': 'settings',
    'SearchSettings': 'settings',
    'parse_space': 'settings',
    'search': 'local',
    'search_on_queue': 'agents',
    'search_table': 'report',
}


def __getattr__(name: str) -> Any:
    """Import a public name."""
    if name in MODULES:
        return getattr(import_module(f'{__name__}.{MODULES[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
