"""Training of one experiment, here or on an agent of a ClearML queue."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process

from mmseg_ext.engine.checkpoints.files import last_checkpoint
from mmseg_ext.engine.guard import guarded
from mmseg_ext.engine.runner.autocast import NO_GAIN, cpu_gains_from_bfloat16
from mmseg_ext.engine.runner.build import build_runner, check_optimizer, is_first_process
from mmseg_ext.errors import InputError
from mmseg_ext.files import make_folder, write_json
from mmseg_ext.runs.config import check_parts, load_config
from mmseg_ext.runs.config_names import experiment_name
from mmseg_ext.runs.environment import describe_environment
from mmseg_ext.runs.layout import ENVIRONMENT, LOCK, RUN_RECORD, SCALARS
from mmseg_ext.runs.lock import work_dir_lock
from mmseg_ext.runs.record import FINISHED, read_run_json
from mmseg_ext.tracking.clearml.backend import backend_options, connect, set_mode
from mmseg_ext.tracking.clearml.remote import enqueue, to_section
from mmseg_ext.workflows.arguments import check_least
from mmseg_ext.workflows.folds import find_left_out_fold, leave_out_fold, parse_fold


def train(
    config_path: str | Path,
    work_dir: str | Path | None = None,
    seed: int | None = None,
    resume: bool = False,
    amp: bool = False,
    options: Mapping[str, Any] | None = None,
    launcher: str = 'none',
    clearml: str | None = None,
    fold: str | None = None,
    fold_seed: int = 0,
    skip_nonfinite: bool = False,
) -> dict[str, Any]:
    """Train one experiment in a work dir of its own.

    Args:
        config_path: The experiment: a file, or the name of a config that comes with mmseg_ext.
        work_dir: Folder of the run; ``work_dirs/<config name>``, with a fold ``…-foldKofN``, by default.
        seed: Overrides the config's seed.
        resume: Continue the run in the work dir.
        amp: bfloat16 autocast for a config that does not ask for it.
        options: Overrides, dotted key → value.
        launcher: ``none``, ``pytorch`` (torchrun) or ``slurm``.
        clearml: ``auto``, ``online``, ``offline`` or ``off``; by default that of the config, or else ``auto``.
        fold: ``K/N``: train on the train split without the K-th of N folds, and validate on that fold.
        fold_seed: Seed of the division into folds, which is the same for all of them.
        skip_nonfinite: Leave out updates whose gradients are not finite, instead of losing the weights to them.

    Returns:
        ``work_dir`` and ``best_checkpoint`` (path or None).

    Raises:
        InputError: The config, the data or the work dir cannot be used.
    """
    check_least(0, seed=seed)
    config = load_config(config_path, options)
    check_parts(config, config_path, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
    check_optimizer(config, config_path)
    suffix = '' if fold is None else '-fold{}of{}'.format(*parse_fold(fold))
    work_dir = Path(work_dir or config.get('work_dir') or Path('work_dirs') / f'{experiment_name(config_path)}{suffix}')
    if fold is None:
        left_out = find_left_out_fold(config, config_path)
    else:
        left_out = leave_out_fold(config, config_path, fold, fold_seed)
    if work_dir.exists() and not work_dir.is_dir():
        raise InputError(work_dir, 'is a file', 'choose another `work_dir`')
    existed = work_dir.exists()
    with work_dir_lock(work_dir) if is_first_process(launcher) else nullcontext():
        if is_first_process(launcher):
            _check_work_dir(work_dir, resume, left_out)
        config.work_dir = str(make_folder(work_dir))
        config.launcher = launcher
        config.resume = resume and last_checkpoint(work_dir) is not None
        if config.resume:
            config.load_from = None  # resume from the run's own weights, not from those that it started with
        if seed is not None:
            config.setdefault('randomness', {})['seed'] = seed
        if amp:
            _enable_autocast(config)
        lowered = not torch.cuda.is_available() and not cpu_gains_from_bfloat16() and _leave_float32(config)
        if skip_nonfinite:
            _skip_nonfinite(config)
        set_mode(config, clearml)
        try:
            runner = build_runner(config)
            if lowered:
                runner.logger.warning(f'{NO_GAIN}: training in float32')
            if resume and not config.resume:
                runner.logger.warning(f'{work_dir}: no checkpoint to resume from; starting from scratch')
            connect(runner)
            if is_main_process():
                write_json(work_dir / ENVIRONMENT, describe_environment(sys.argv))
            guarded(runner.train, work_dir)
        except InputError:
            if is_first_process(launcher) and not resume:
                _remove_if_nothing_was_trained(work_dir, existed)
            raise
    best = runner.message_hub.get_info('best_ckpt')  # an absolute path, in the work dir
    return {'work_dir': work_dir, 'best_checkpoint': None if best is None else str(work_dir / Path(best).name)}


def train_in_own_process(
    config_path: str | Path,
    work_dir: str | Path,
    seed: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Train in a process that does nothing else: begin, or go on with what is in the work dir, unless it has finished.

    Args:
        config_path: As in `train`, as are the next three.
        work_dir: See there.
        seed: See there.
        options: See there.

    Raises:
        InputError: As in `train`.
    """
    if is_finished(work_dir):
        return
    fork_loaders()
    begun = Path(work_dir).is_dir() and any(Path(work_dir).iterdir())
    train(config_path, work_dir, seed, resume=begun, options=options)


def is_finished(work_dir: str | Path) -> bool:
    """Whether the training in a work dir has come to its end."""
    return read_run_json(Path(work_dir) / RUN_RECORD).get('status') == FINISHED


def fork_loaders() -> None:
    """Let data loaders fork in a process that was spawned; mmengine would do so with a warning."""
    multiprocessing.set_start_method('fork', force=True)


def enqueue_training(
    config_path: str | Path, arguments: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[str, str]:
    """Put a training into the ClearML queue ``arguments['clearml_queue']`` instead of running it here.

    Args:
        config_path: The experiment.
        arguments: All arguments of ``mmseg-ext train`` by name; without a queue the task stays a draft.
        options: Overrides, dotted key → value.

    Returns:
        The task's id and the address of its page.

    Raises:
        InputError: The config or an argument cannot be used there, or the server cannot take the task.
    """
    for name in ('fold', 'resume', 'clearml', 'launcher'):
        value = arguments.get(name)
        if value not in (None, False, 'none'):
            raise InputError(f'`{name}={value}`', 'is not passed on to an agent', 'leave it out, or train here')
    check_least(0, seed=arguments.get('seed'))
    config = load_config(config_path, options)
    check_parts(config, config_path, 'model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
    if arguments.get('seed') is not None:
        config.setdefault('randomness', {})['seed'] = arguments['seed']
    kept = {name: arguments.get(name) for name in ('config', 'work_dir', 'seed', 'amp', 'skip_nonfinite')}
    work_dir = arguments.get('work_dir')
    name = Path(work_dir).name if work_dir else experiment_name(config_path)
    given = backend_options(config)
    chosen: dict[str, Any] = {key: given[key] for key in ('project', 'probe_timeout') if key in given}
    section = to_section(kept, options)
    queue = arguments.get('clearml_queue')
    return enqueue(config, config.pretty_text, queue, section, name, **chosen)


def _check_work_dir(work_dir: Path, resume: bool, fold: Mapping[str, Any] | None) -> None:
    if resume and (work_dir / RUN_RECORD).is_file():
        _check_fold(work_dir, fold)
    if not resume and any(path.name != LOCK for path in work_dir.iterdir()):
        raise InputError(
            work_dir, 'work dir is not empty', 'continue it with `resume=True` or choose another `work_dir`'
        )


def _check_fold(work_dir: Path, fold: Mapping[str, Any] | None) -> None:
    """Refuse to go on with another fold, whose images the weights may have seen."""
    faults: list[str] = []
    earlier = read_run_json(work_dir / RUN_RECORD, faults).get('fold')
    if earlier is None and faults:  # a damaged record forbids nothing; `RunRecordHook` warns of it
        return
    if earlier != fold:
        first, second = (
            'no fold' if one is None else f'fold {one["fold"]}/{one["of"]} (seed {one["seed"]})'
            for one in (earlier, fold)
        )
        if first != second:
            raise InputError(work_dir, f'left out {first}, not {second}', 'resume with the same `fold` and `fold_seed`')
        problem = f'{first} does not hold the images that it left out, since images or masks have changed'
        raise InputError(work_dir, problem, 'resume with the config in it, or choose another `work_dir`')


def _remove_if_nothing_was_trained(work_dir: Path, existed: bool) -> None:
    """Delete a work dir that holds only logs, so that the same command works once its input is corrected.

    The folder was missing or empty before, so everything in it is this run's.
    """
    if (work_dir / SCALARS).exists() or any(work_dir.glob('*.pth')):
        return
    shutil.rmtree(work_dir, ignore_errors=True)
    if existed:
        make_folder(work_dir)


def _has_autocast(config: Config) -> bool:
    kind = config.optim_wrapper.get('type', 'OptimWrapper')
    own = config.optim_wrapper.get('_scope_') == 'mmseg_ext' and kind in ('AmpOptimWrapper', 'AutocastOptimWrapper')
    return own or kind == 'mmseg_ext.AutocastOptimWrapper'


def _enable_autocast(config: Config) -> None:
    if _has_autocast(config):
        return
    kind = config.optim_wrapper.get('type', 'OptimWrapper')
    if kind != 'OptimWrapper':
        raise InputError('`amp=True`', f'the config already chooses the optimizer wrapper {kind}', 'leave it out')
    config.optim_wrapper.type = 'mmseg_ext.AutocastOptimWrapper'


def _leave_float32(config: Config) -> bool:
    """Write float32 for bfloat16, so that the records of the run and its config say what was used.

    Returns:
        Whether the training would have been in bfloat16.
    """
    lowered = _has_autocast(config) and config.optim_wrapper.get('dtype', 'bfloat16') == 'bfloat16'
    if lowered:
        config.optim_wrapper.dtype = None
    for name in ('val_cfg', 'test_cfg'):
        if (config.get(name) or {}).get('dtype') == 'bfloat16':
            config[name].dtype = None
    return lowered


def _skip_nonfinite(config: Config) -> None:
    hooks = config.setdefault('custom_hooks', [])
    found = [hook for hook in hooks if hook.get('type') == 'mmseg_ext.InvalidLossHook']
    if not found:
        hooks.append({'type': 'mmseg_ext.InvalidLossHook', 'skip_nonfinite': True})
    for hook in found:
        hook['skip_nonfinite'] = True
