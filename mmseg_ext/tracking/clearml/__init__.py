"""ClearML: logging from a process of its own, training on agents, reading projects back.

Imports reports and everything below it; the SDK only in the logging process, or where its server is asked. Names are
imported when they are first used: a config's `ClearMLBackend` needs mmengine, reading a project does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmseg_ext.tracking.clearml.backend import ClearMLBackend
    from mmseg_ext.tracking.clearml.comparison_task import publish
    from mmseg_ext.tracking.clearml.hook import ClearMLHook
    from mmseg_ext.tracking.clearml.offline_sessions import import_sessions
    from mmseg_ext.tracking.clearml.project import read_project
    from mmseg_ext.tracking.clearml.remote import agent_arguments, enqueue

__all__ = [
    'ClearMLBackend',
    'ClearMLHook',
    'agent_arguments',
    'enqueue',
    'import_sessions',
    'publish',
    'read_project',
]

MODULES = {
    'ClearMLBackend': 'backend',
    'ClearMLHook': 'hook',
    'agent_arguments': 'remote',
    'enqueue': 'remote',
    'import_sessions': 'offline_sessions',
    'publish': 'comparison_task',
    'read_project': 'project',
}


def __getattr__(name: str) -> Any:
    """Import a public name."""
    if name in MODULES:
        return getattr(import_module(f'{__name__}.{MODULES[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
