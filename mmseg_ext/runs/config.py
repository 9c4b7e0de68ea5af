"""A config file with its overrides, as one checked object."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from mmseg_ext.errors import InputError, one_line
from mmseg_ext.runs.console import quiet_console

NEARLY_EQUAL = 0.87  # of difflib: a letter too few, too many, or two swapped
USED_BESIDE_RUNNER = frozenset(
    {'runner_type', 'tta_model', 'tta_pipeline', 'model_wrapper_cfg', 'find_unused_parameters', 'compile'}
)


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a config file and apply overrides.

    Args:
        path: The config file.
        options: ``--cfg-options`` as dotted key → value. A key that names nothing in the config, or only a variable of
            its file, is refused: it would change nothing and say nothing.

    Raises:
        InputError: The file is missing or does not run, or an option names nothing.
    """
    quiet_console(MMLogger.get_current_instance())  # it announces every environment variable that a config reads
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: config not found{_similar(path)}')
    try:
        config = Config.fromfile(path)
    except InputError:
        raise
    except Exception as error:  # a config is a program: whatever it raises is a fault of that file
        raise InputError(f'{path}: config cannot be read ({type(error).__name__}: {one_line(error)})') from error
    for key, value in (options or {}).items():
        _check_option(config, key)
        try:
            config.merge_from_dict({key: value})
        except (KeyError, TypeError, IndexError, AssertionError) as error:
            raise InputError(f'--cfg-options {key}={value}: does not fit the config ({one_line(error)})') from error
    return config


def _similar(path: Path) -> str:
    names = [other.name for other in path.parent.glob('*.py')] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, names, n=1)
    return f'; did you mean {path.parent / close[0]}?' if close else '; see configs/'


def _check_option(config: Config, key: str) -> None:
    """Every part of a dotted key must exist, but for a new last part whose name resembles none that is there."""
    parts = key.split('.')
    node: Any = config._cfg_dict
    for depth, part in enumerate(parts):
        if isinstance(node, (list, tuple)):
            if part.isdigit() and int(part) < len(node):
                node = node[int(part)]
                continue
            known: list[str] = [str(index) for index in range(len(node))]
        else:
            known = list(node) if isinstance(node, ConfigDict) else []
            if part in known:
                node = node[part]
                continue
            further_argument = isinstance(node, ConfigDict) and 0 < depth == len(parts) - 1
            if further_argument and not difflib.get_close_matches(part, known, n=1, cutoff=NEARLY_EQUAL):
                return
        close = difflib.get_close_matches(part, known, n=1)
        hint = f'; did you mean {".".join([*parts[:depth], close[0], *parts[depth + 1 :]])}?' if close else ''
        raise InputError(f'--cfg-options {key}: the config has no {".".join(parts[: depth + 1])}{hint}')
    if parts[0] not in _used_keys():
        raise InputError(
            f'--cfg-options {key}: {parts[0]} is a variable of the config file, already copied to where it is used; '
            'name that place (such as train_dataloader.dataset.data_root)'
        )


def _used_keys() -> set[str]:
    """The top-level keys of a config that are read after its file has run."""
    return {*inspect.signature(Runner).parameters, *USED_BESIDE_RUNNER}


def check_parts(config: Config, path: str | Path, *keys: str) -> None:
    """Make sure that a config has what a tool needs of it.

    Raises:
        InputError: A key is missing or None.
    """
    missing = [key for key in keys if config.get(key) is None]
    if missing:
        raise InputError(f'{path}: has no {", ".join(missing)}; take a file of configs/pets as a pattern')
