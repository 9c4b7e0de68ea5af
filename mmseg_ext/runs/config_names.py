"""Configs by name: those that come with mmseg_ext, wherever it is installed.

Nothing here needs mmengine, so that the configs can be listed without it.
"""

from __future__ import annotations

import ast
import difflib
from fnmatch import fnmatch
from pathlib import Path

import mmseg_ext
from mmseg_ext.errors import InputError
from mmseg_ext.reading import names_file, names_folder

BASES = '_base_'
DATA_SUFFIXES = ('.json', '.yaml', '.yml')  # of configs that are no programs
SUFFIXES = ('.py', *DATA_SUFFIXES)


def config_folder() -> Path:
    """Return the folder of the configs: ``mmseg_ext/configs`` in a wheel, the top-level ``configs`` in a checkout."""
    package = Path(mmseg_ext.__file__).parent
    return package / 'configs' if (package / 'configs').is_dir() else package.parent / 'configs'


def base_configs(*names: str) -> list[str]:
    """Return the paths of base configs, for the ``_base_`` of a config that lies anywhere.

    mmengine evaluates ``_base_`` before anything is imported, hence the form in a config:
    ``_base_ = __import__('mmseg_ext').base_configs('models/fpn_r18', 'schedules/adamw_400it')``.

    Args:
        names: Files of ``_base_`` without ``.py``.

    Raises:
        InputError: There is no such base; the message names the nearest.

    >>> [Path(path).name for path in base_configs('schedules/adamw_400it')]
    ['adamw_400it.py']
    """
    return [str(find_config(config_folder() / BASES / name)) for name in names]


def list_configs(pattern: str | None = None) -> dict[str, Path]:
    """List the experiments as name → file, sorted by name.

    Args:
        pattern: A part of the name, or a shell pattern with ``*`` or ``?`` for the whole of it.
    """
    return {
        name: path
        for name, path in _all_configs().items()
        if not name.startswith(BASES) and (pattern is None or pattern in name or fnmatch(name, pattern))
    }


def describe_config(path: Path) -> str:
    """Return the first line of a config's docstring, without running the config."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding='utf-8'))) or ''
    return docstring.partition('\n')[0]


def find_config(name: str | Path) -> Path:
    """Find a config file by its path, or by its name from anywhere, with or without ``.py``.

    Args:
        name: ``work_dirs/a/a.py``, or ``pets/fcn_unet-s5-d16_ce-sgd-100e_pets-256x256``.

    Raises:
        InputError: There is no such file; the message names the nearest.

    >>> find_config('_base_/default_runtime').name
    'default_runtime.py'
    """
    path = Path(name)
    for candidate in (path, config_folder() / path):
        for file in (candidate, candidate.parent / f'{candidate.name}.py'):
            if names_file(file):
                return file
    raise InputError(path, 'config not found', _nearest(path))


def experiment_name(config: str | Path) -> str:
    """Return the name of an experiment: that of its config without the suffix, which the path may lack.

    >>> experiment_name('configs/pets/unet.v2.py'), experiment_name('pets/unet.v2')
    ('unet.v2', 'unet.v2')
    """
    name = Path(config).name
    suffix = Path(name).suffix
    return name.removesuffix(suffix) if suffix in SUFFIXES else name


def _nearest(path: Path) -> str:
    siblings = [other.name for other in path.parent.glob('*.py')] if names_folder(path.parent) else []
    if close := difflib.get_close_matches(path.name, siblings, n=1):
        return f'did you mean {path.parent / close[0]}?'
    name = path.as_posix().removeprefix('configs/').removesuffix('.py')
    close = difflib.get_close_matches(name, _all_configs(), n=1)
    return f'did you mean {close[0]}?' if close else 'see mmseg-ext configs'


def _all_configs() -> dict[str, Path]:
    folder = config_folder()
    return {path.relative_to(folder).as_posix().removesuffix('.py'): path for path in sorted(folder.rglob('*.py'))}
