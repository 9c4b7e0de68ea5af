"""A config file with its overrides, as one checked object."""

from __future__ import annotations

import difflib
import inspect
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import MMLogger
from mmengine.registry import OPTIMIZERS, RUNNERS, Registry, init_default_scope
from mmengine.runner import Runner

from mmseg_ext.engine.console import quiet_console
from mmseg_ext.engine.guard import guarded, one_line
from mmseg_ext.errors import InputError

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


def check_optimizer(config: Config, path: str | Path) -> None:
    """Make sure that the optimizer's type exists: mmengine looks it up outside its registry's own messages.

    Raises:
        InputError: It does not.
    """
    kind = config.optim_wrapper.get('optimizer', {}).get('type')
    init_default_scope(config.get('default_scope', 'mmseg'))
    with OPTIMIZERS.switch_scope_and_registry(None) as registry:
        if isinstance(kind, str) and registry.get(kind) is None:
            close = difflib.get_close_matches(kind, _names_in(registry), n=1)
            hint = f'; did you mean {close[0]}?' if close else '; check its spelling'
            raise InputError(f'{path}: optimizer type={kind!r} is not known{hint}')


def _names_in(registry: Registry | None) -> list[str]:
    """The names of a registry and of those above it, where torch's own optimizers are."""
    return [] if registry is None else [*registry.module_dict, *_names_in(registry.parent)]


def is_first_process(launcher: str) -> bool:
    """Whether this process is the one that checks and makes folders; known before the processes find each other."""
    variable = {'pytorch': 'RANK', 'slurm': 'SLURM_PROCID'}.get(launcher)
    return variable is None or os.environ.get(variable, '0') == '0'


def prepare_device(config: Config) -> None:
    """Make a config run on this machine: gloo instead of NCCL where there is no GPU."""
    if not torch.cuda.is_available():
        config.setdefault('env_cfg', {}).setdefault('dist_cfg', {})['backend'] = 'gloo'


def build_runner(config: Config) -> Runner:
    """Build the runner of a config.

    Raises:
        InputError: A part of the config does not exist or does not accept its arguments.
    """
    config.setdefault('runner_type', 'mmseg_ext.Runner')
    init_default_scope(config.get('default_scope', 'mmseg'))
    prepare_device(config)
    logging.raiseExceptions = False  # a log on a full disk prints no tracebacks; the next checkpoint says what is wrong
    runner: Runner = guarded(lambda: RUNNERS.build(config), config.work_dir)
    return runner
