"""Configs as plain data: JSON, YAML, or the dump that a training leaves; none of them runs code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine import registry as mmengine_registry
from mmengine.config import Config
from mmengine.registry import Registry

from mmseg_ext.errors import InputError
from mmseg_ext.runs.config_dump import read_config_dump, read_data
from mmseg_ext.runs.config_names import DATA_SUFFIXES

SAFE_CONFIG_VARIABLE = 'MMSEG_EXT_SAFE_CONFIG'
MAX_DEPTH = 60


def only_data_allowed() -> bool:
    """Whether ``--safe-config`` is set: an environment variable, since it must reach the processes of every tool."""
    return os.environ.get(SAFE_CONFIG_VARIABLE, '') not in ('', '0')


def load_data_config(path: Path) -> Config:
    """Read a config without running it.

    Its parts are looked up by their ``type`` when they are built, and mmengine imports and calls whatever a dotted
    ``type`` names (``os.system``): only types that mmengine, mmcv, mmseg and mmseg_ext have registered pass.

    Args:
        path: A JSON or YAML file, or Python that only assigns plain values, as mmengine dumps it into a work dir.

    Raises:
        InputError: The file cannot be read, is a program, or names something else as a ``type``.
    """
    if path.suffix in DATA_SUFFIXES:
        content = read_data(path)
    else:
        try:
            content = read_config_dump(path)
        except InputError as error:
            remedy = 'pass the config in the work dir of the training, or leave the flag out if you trust it'
            raise InputError(path, f'{error.problem}, and code is not run', remedy) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(path, f'holds a {type(content).__name__}, expected the parts of a config by name')
    if '_base_' in content:
        raise InputError(path, 'inherits from other files (_base_)', 'pass the dump of the whole config')
    if content.get('custom_imports'):
        raise InputError(path, 'imports modules (custom_imports)', 'remove them, or run the Python config')
    _check_types(path, content)
    return Config(content, filename=str(path))


def _check_types(path: Path, content: dict[str, Any]) -> None:
    known = _registered()
    for key, value in _named_types(path, content, 0):
        if not isinstance(value, str) or value not in known:
            problem = f'has {key}={value!r:.80}, which is not a registered part of a config'
            raise InputError(path, problem, 'correct it, or run the Python config')


def _named_types(path: Path, node: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > MAX_DEPTH:
        raise InputError(path, f'is nested more than {MAX_DEPTH} deep')
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ('default_scope', '_scope_'):
                if value not in (None, *SCOPES):
                    raise InputError(path, f'has the unknown scope {value!r:.80}', f'choose from {", ".join(SCOPES)}')
            elif (key in ('type', 'constructor') or str(key).endswith('_type')) and value is not None:
                yield str(key), value
            else:
                yield from _named_types(path, value, depth + 1)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _named_types(path, value, depth + 1)


SCOPES = ('mmengine', 'mmcv', 'mmseg', 'mmseg_ext')


def _registered() -> set[str]:
    """Return the names of all registered parts, with and without their scope."""
    import mmseg_ext.registry  # noqa: F401 - fills the registries

    known: set[str] = set()
    waiting = [value for value in vars(mmengine_registry).values() if isinstance(value, Registry)]
    while waiting:
        registry = waiting.pop()
        registry.import_from_location()
        names = set(registry.module_dict)
        known |= names | {f'{scope}.{name}' for name in names for scope in SCOPES}
        waiting += registry.children.values()
    return known
