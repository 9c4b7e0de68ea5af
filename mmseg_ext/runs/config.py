"""Loading of config files, with overrides that are checked."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from mmseg_ext.errors import InputError, one_line
from mmseg_ext.runs.config_names import DATA_SUFFIXES, find_config
from mmseg_ext.runs.console import quiet_console
from mmseg_ext.runs.data_config import load_data_config, only_data_allowed

SIMILAR_NAME = 0.87  # difflib's ratio: a letter too few, too many, or two swapped
USED_OUTSIDE_RUNNER = frozenset(
    {'runner_type', 'tta_model', 'tta_pipeline', 'model_wrapper_cfg', 'find_unused_parameters', 'compile'}
)


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a config file and apply overrides.

    Args:
        path: The config file, or the name of a config that comes with mmseg_ext. JSON and YAML are read as plain data,
            and so is everything under ``--safe-config``; see `load_data_config`.
        options: Overrides, dotted key → value. A key that names nothing in the config, or only a variable of its file,
            is refused: it would silently change nothing.

    Raises:
        InputError: The file is missing or does not run, or an option names nothing.
    """
    quiet_console(MMLogger.get_current_instance())  # it announces every environment variable that a config reads
    path = find_config(path)
    try:
        is_data = only_data_allowed() or path.suffix in DATA_SUFFIXES
        config = load_data_config(path) if is_data else Config.fromfile(path)
    except InputError:
        raise
    except Exception as error:  # a config is a program: whatever it raises, the fault lies in that file
        raise InputError(path, *_reason(error)) from error
    for key, value in (options or {}).items():
        _check_option(config, key)
        try:
            config.merge_from_dict({key: value})
        except (KeyError, TypeError, IndexError, AssertionError) as error:
            raise InputError(f'`options={key}={value}`', f'does not fit the config ({one_line(error)})') from error
    return config


def _reason(error: Exception) -> tuple[str, str]:
    """Say why a config cannot be read, and what to do, in words rather than by the name of an exception."""
    text = one_line(error)
    if isinstance(error, FileNotFoundError) and error.filename:
        reason, remedy = f'{error.filename} not found', 'correct `_base_`, or the path of that file'
    elif isinstance(error, SyntaxError):
        reason, remedy = (
            f'not valid Python: {error.msg}, line {error.lineno}',
            'correct that line, here or in its bases',
        )
    elif isinstance(error, ImportError):
        reason, remedy = text, 'install that package, or leave the import out'
    elif isinstance(error, KeyError):
        reason, remedy = f'no key {text}', 'correct the name, such as that after `_base_.`'
    else:
        reason, remedy = f'{type(error).__name__}: {text}', 'correct the file or its bases'
    return f'config cannot be read ({reason})', remedy


def _check_option(config: Config, key: str) -> None:
    """Refuse a dotted key with a part that does not exist; a last part may be new if it resembles no other."""
    parts = key.split('.')
    node: Any = config.to_dict()
    for depth, part in enumerate(parts):
        if isinstance(node, (list, tuple)):
            if part.isdecimal() and int(part) < len(node):
                node = node[int(part)]
                continue
            known: list[str] = [str(index) for index in range(len(node))]
        else:
            known = list(node) if isinstance(node, dict) else []
            if part in known:
                node = node[part]
                continue
            further_argument = isinstance(node, dict) and 0 < depth == len(parts) - 1
            if further_argument and not difflib.get_close_matches(part, known, n=1, cutoff=SIMILAR_NAME):
                return
        close = difflib.get_close_matches(part, known, n=1)
        hint = f'did you mean {".".join([*parts[:depth], close[0], *parts[depth + 1 :]])}?' if close else ''
        raise InputError(f'`options={key}`', f'the config has no {".".join(parts[: depth + 1])}', hint)
    if parts[0] not in _used_keys():
        raise InputError(
            f'`options={key}`',
            f'{parts[0]} is a variable of the config file, already copied to where it is used',
            'override it there (such as train_dataloader.dataset.data_root)',
        )


def _used_keys() -> set[str]:
    """Return the top-level keys of a config that are read after its file has run."""
    return {*inspect.signature(Runner).parameters, *USED_OUTSIDE_RUNNER}


def check_parts(config: Config, path: str | Path, *keys: str) -> None:
    """Check that a config has the parts that a command needs.

    Raises:
        InputError: A key is missing or None, or holds something else than settings.
    """
    missing = [key for key in keys if config.get(key) is None]
    if missing:
        raise InputError(path, f'has no {", ".join(missing)}', 'use a file of configs/pets as a template')
    for key in keys:
        if not isinstance(config[key], Mapping):
            raise InputError(
                path, f'{key} is {config[key]!r}, not dict(…)', f'override a key in it, such as {key}.type'
            )
