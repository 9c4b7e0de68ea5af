"""What ``tools/train.py`` does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process

from mmseg_ext.engine.environment import describe_environment
from mmseg_ext.engine.experiment import build_runner, guarded, load_config
from mmseg_ext.errors import InputError
from mmseg_ext.files import make_folder, write_json


def train(
    config_path: str | Path,
    work_dir: str | Path | None = None,
    seed: int | None = None,
    resume: bool = False,
    amp: bool = False,
    options: Mapping[str, Any] | None = None,
    launcher: str = 'none',
) -> dict[str, Any]:
    """Train one experiment in a work dir of its own.

    Args:
        config_path: The experiment.
        work_dir: Where everything of the run goes; ``work_dirs/<config name>`` by default.
        seed: Overrides the config's seed.
        resume: Continue the run that stands in the work dir.
        amp: bfloat16 autocast for a config that does not ask for it.
        options: Overrides, dotted key → value.
        launcher: ``none``, ``pytorch`` (torchrun) or ``slurm``.

    Returns:
        ``work_dir`` and ``best_checkpoint`` (path or None).

    Raises:
        InputError: The config, the data or the work dir cannot be used.
    """
    config = load_config(config_path, options)
    work_dir = Path(work_dir or config.get('work_dir') or Path('work_dirs') / Path(config_path).stem)
    _check_work_dir(work_dir, resume)
    config.work_dir = str(make_folder(work_dir))
    config.launcher = launcher
    config.resume = resume
    if seed is not None:
        config.setdefault('randomness', {})['seed'] = seed
    if amp:
        _enable_autocast(config)
    runner = build_runner(config)
    if is_main_process():
        write_json(work_dir / 'environment.json', describe_environment(sys.argv))
    guarded(runner.train)
    best = runner.message_hub.get_info('best_ckpt') if 'best_ckpt' in runner.message_hub.runtime_info else None
    return {'work_dir': work_dir, 'best_checkpoint': best}


def _check_work_dir(work_dir: Path, resume: bool) -> None:
    if resume or not work_dir.exists():
        return
    if not work_dir.is_dir():
        raise InputError(f'{work_dir}: is a file; choose another --work-dir')
    if any(work_dir.iterdir()):
        raise InputError(f'{work_dir}: work dir is not empty; continue it with --resume or choose another --work-dir')


def _enable_autocast(config: Config) -> None:
    kind = config.optim_wrapper.get('type', 'OptimWrapper')
    if kind == 'mmseg_ext.AutocastOptimWrapper':
        return
    if kind != 'OptimWrapper':
        raise InputError(f'--amp: the config already chooses the optimizer wrapper {kind}; leave --amp out')
    config.optim_wrapper.type = 'mmseg_ext.AutocastOptimWrapper'
