"""A config file with its overrides, as one checked object."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import RUNNERS, init_default_scope
from mmengine.runner import Runner

from mmseg_ext.errors import InputError

T = TypeVar('T')

BUILD_PREFIX = re.compile(r'^(class `\w+` in [\w/.]+: )+')
UNKNOWN_TYPE = re.compile(r'([\w.]+) is not in the ([\w:. ]+? registry)')
QUIET_MODULES = frozenset({'runner', 'base_module', 'config', 'default_constructor'})


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Read a config file and apply overrides.

    Args:
        path: The config file.
        options: ``--cfg-options`` as dotted key → value. A key whose first parts name nothing in the config is refused:
            a typing error would otherwise change nothing and say nothing.

    Raises:
        InputError: The file is missing or does not run, or an option names nothing.
    """
    logging.getLogger('mmengine').setLevel(logging.WARNING)  # it announces every environment variable it reads
    path = Path(path)
    if not path.is_file():
        raise InputError(f'{path}: config not found{_similar(path)}')
    try:
        config = Config.fromfile(path)
    except InputError:
        raise
    except Exception as error:  # a config is a program: whatever it raises is a fault of that file
        raise InputError(f'{path}: config cannot be read ({type(error).__name__}: {_one_line(error)})') from error
    for key, value in (options or {}).items():
        _check_option(config, key)
        try:
            config.merge_from_dict({key: value})
        except (KeyError, TypeError, IndexError, AssertionError) as error:
            raise InputError(f'--cfg-options {key}={value}: does not fit the config ({_one_line(error)})') from error
    return config


def _similar(path: Path) -> str:
    names = [other.name for other in path.parent.glob('*.py')] if path.parent.is_dir() else []
    close = difflib.get_close_matches(path.name, names, n=1)
    return f'; did you mean {path.parent / close[0]}?' if close else '; see configs/'


def _check_option(config: Config, key: str) -> None:
    """Every part of a dotted key but the last must exist; the last may be new only below a dictionary with a type."""
    parts = key.split('.')
    node: Any = config._cfg_dict
    for depth, part in enumerate(parts):
        if isinstance(node, (list, tuple)):
            if part.isdigit() and int(part) < len(node):
                node = node[int(part)]
                continue
            known: Iterable[str] = [str(index) for index in range(len(node))]
        elif isinstance(node, ConfigDict):
            if part in node:
                node = node[part]
                continue
            if depth > 0 and depth == len(parts) - 1:
                return  # a further argument of a part that the config names
            known = list(node)
        else:
            known = []
        close = difflib.get_close_matches(part, list(known), n=1)
        hint = f'; did you mean {".".join([*parts[:depth], close[0], *parts[depth + 1 :]])}?' if close else ''
        raise InputError(f'--cfg-options {key}: the config has no {".".join(parts[: depth + 1])}{hint}')


def _one_line(error: BaseException) -> str:
    return ' '.join(str(error).split())


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
    runner: Runner = guarded(lambda: RUNNERS.build(config))
    quiet_console(runner.logger)
    return runner


def guarded(action: Callable[[], T]) -> T:
    """Run what builds parts of a config, and name in one line what of it cannot be built.

    mmengine builds data sets, models and hooks late, and prefixes whatever they raise with the place of their class.

    Raises:
        InputError: A ``type`` is in no registry, or a part does not take the arguments that the config gives it.
    """
    try:
        return action()
    except InputError as error:
        raise InputError(BUILD_PREFIX.sub('', str(error)), error.exit_code) from error
    except KeyError as error:
        unknown = UNKNOWN_TYPE.search(str(error))
        if unknown is None:
            raise
        raise InputError(f'config: type={unknown[1]!r} is not known ({unknown[2]}); check its spelling') from error
    except TypeError as error:
        if BUILD_PREFIX.match(str(error)) is None or 'argument' not in str(error):
            raise
        raise InputError(f'config: {_one_line(error)}') from error


class ConsoleFilter(logging.Filter):
    """Keep mmengine's pages (config, environment, hooks, initialisation of every parameter) to the log file."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record goes to the console."""
        return record.levelno > logging.INFO or record.module not in QUIET_MODULES


def quiet_console(logger: logging.Logger) -> None:
    """Show on the console what a person waits for; the log file keeps everything."""
    for handler in logger.handlers:
        if type(handler) is logging.StreamHandler:
            handler.addFilter(ConsoleFilter())
