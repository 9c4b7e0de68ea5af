"""Building of a runner from a config."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import OPTIMIZERS, RUNNERS, Registry, init_default_scope
from mmengine.runner import Runner

from mmseg_ext.engine.guard import guarded
from mmseg_ext.errors import InputError


def check_optimizer(config: Config, path: str | Path) -> None:
    """Make sure that the optimizer's type exists: mmengine looks it up without its registry's error messages.

    Raises:
        InputError: It does not.
    """
    kind = config.optim_wrapper.get('optimizer', {}).get('type')
    init_default_scope(config.get('default_scope', 'mmseg'))
    with OPTIMIZERS.switch_scope_and_registry(None) as registry:
        if isinstance(kind, str) and registry.get(kind) is None:
            close = difflib.get_close_matches(kind, _names_in(registry), n=1)
            hint = f'did you mean {close[0]}?' if close else 'check its spelling'
            raise InputError(path, f'optimizer type={kind!r} is not known', hint)


def _names_in(registry: Registry | None) -> list[str]:
    """List the names of a registry and its parents, which hold torch's own optimizers."""
    return [] if registry is None else [*registry.module_dict, *_names_in(registry.parent)]


def is_first_process(launcher: str) -> bool:
    """Return whether this process checks and creates folders; works before the processes are connected."""
    variable = {'pytorch': 'RANK', 'slurm': 'SLURM_PROCID'}.get(launcher)
    return variable is None or os.environ.get(variable, '0') == '0'


def prepare_device(config: Config) -> None:
    """Set the config's backend for this machine: gloo instead of NCCL if there is no GPU."""
    if not torch.cuda.is_available():
        config.setdefault('env_cfg', {}).setdefault('dist_cfg', {})['backend'] = 'gloo'


def build_runner(config: Config) -> Runner:
    """Build the runner of a config, under `mmseg_ext.engine.mmengine_internals.strict_loading`.

    Raises:
        InputError: A part of the config does not exist or does not accept its arguments.
    """
    config.setdefault('runner_type', 'mmseg_ext.Runner')
    init_default_scope(config.get('default_scope', 'mmseg'))
    prepare_device(config)
    runner: Runner = guarded(lambda: RUNNERS.build(config), config.work_dir)
    return runner
