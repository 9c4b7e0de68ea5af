"""Checks of the length of a training; schedules and optimizer options of a resumed one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.optim import OptimWrapper
from mmengine.optim.scheduler import ReduceOnPlateauParamScheduler
from mmengine.runner import BaseLoop, Runner

from mmseg_ext.engine.mmengine_internals import Scheduler, plan_of, replay
from mmseg_ext.engine.unwrap import optim_wrappers
from mmseg_ext.errors import InputError

LONGER = 'increase `train_cfg.max_iters` (or `max_epochs`)'

HOW_TO_COMPUTE = frozenset({'capturable', 'differentiable', 'foreach', 'fused'})  # options with the same result

Options = list[dict[str, Any]]


def check_length(loop: BaseLoop) -> None:
    """Refuse a training without a step, which would end at once and look finished.

    Raises:
        InputError: Its length is 0 or less, or an epoch has no batch.
    """
    loader = loop.dataloader
    sampler = getattr(loader.sampler, 'sampler', loader.sampler)  # in a `SeededSampler`
    if len(loader) == 0 and not isinstance(sampler, InfiniteSampler):
        images, batch = len(loader.dataset), loader.batch_size
        problem = f'its {images} images do not fill a batch of {batch}, so no step would be made'
        remedy = f'use `options=train_dataloader.batch_size={max(1, images)}`, or set drop_last=False'
        raise InputError('train_dataloader', problem, remedy)
    for name in ('max_epochs', 'max_iters'):
        value = getattr(loop, name, None)
        if isinstance(value, int) and value < 1:
            raise InputError(f'train_cfg: `{name}={value}`', 'there is nothing to train', 'use a number above 0')


def check_remaining(runner: Runner) -> None:
    """Refuse to resume a training that has reached its end.

    Raises:
        InputError: It has.
    """
    if runner.iter and runner.iter >= runner.max_iters:
        raise InputError(
            runner.work_dir,
            f'has been trained for {runner.iter} iterations (planned: {runner.max_iters}): nothing left to train',
            f'{LONGER}, or test it',
        )


def flat_schedulers(schedulers: Any) -> list[Any]:
    """List the schedulers of a runner, or their states, which may be grouped by optimizer."""
    groups = schedulers.values() if isinstance(schedulers, Mapping) else [schedulers or []]
    return [scheduler for group in groups for scheduler in group]


def take_schedules(schedulers: Sequence[Scheduler], checkpoint: dict[str, Any]) -> bool:
    """Return whether the schedules of a checkpoint are those of the config; if not, remove them from it.

    Args:
        schedulers: Those of the config, which have made no step yet.
        checkpoint: The content of the file. Equal schedules get the types that plain data does not keep.
    """
    states = flat_schedulers(checkpoint.get('param_schedulers'))
    plans = [plan_of(scheduler.state_dict()) for scheduler in schedulers]
    if plans != [plan_of(state) for state in states]:
        checkpoint.pop('param_schedulers', None)
        return False
    for state, plan in zip(states, plans, strict=True):
        state.update(plan)
    return True


def follow_schedules(runner: Runner, options: Options) -> None:
    """Continue a resumed run on the schedules of a changed config, as if it had followed them from the start.

    Args:
        runner: The resumed runner.
        options: `optimizer_options` of the config.

    Raises:
        InputError: A schedule depends on the scores of the run.
    """
    schedulers = flat_schedulers(runner.param_schedulers)
    if any(isinstance(scheduler, ReduceOnPlateauParamScheduler) for scheduler in schedulers):
        raise InputError('config: param_scheduler', 'differs from the run that is resumed', 'restore it')
    groups = [group for one in optim_wrappers(runner.optim_wrapper) for group in one.param_groups]
    for group, values in zip(groups, options, strict=True):
        group.update(values)  # the config may have no schedule for what an earlier one had changed
    replay(schedulers, runner.iter, runner.epoch)
    runner.logger.warning(f'param_scheduler has changed: the run continues at iteration {runner.iter} of the new one')


def check_schedule_ends(runner: Runner) -> None:
    """Refuse to resume a longer training with a schedule that still ends where the training did.

    Raises:
        InputError: It does.
    """
    # Until the training begins, the message hub holds the lengths of the resumed run.
    for position, scheduler in enumerate(flat_schedulers(runner.param_schedulers)):
        unit = 'max_epochs' if scheduler.by_epoch else 'max_iters'
        before, now = runner.message_hub.get_info(unit), getattr(runner, unit)
        if before is None or not now > before == scheduler.end:
            continue
        config = runner.cfg.get('param_scheduler') or []
        config = config[position] if position < len(config) and isinstance(config, list) else {'by_epoch': False}
        in_epochs = config.get('by_epoch', True) and runner.max_epochs > 1  # the scheduler counts iterations by now
        end = runner.max_epochs if in_epochs else now
        raise InputError(
            f'train_cfg: `{unit}={now}`',
            f'the run was planned for {before}, where its {type(scheduler).__name__} ends: the learning rate would '
            'stay constant after that',
            f'lengthen the schedule too: `options=param_scheduler.{position}.end={end}`',
        )


def optimizer_options(wrapper: OptimWrapper) -> Options:
    """Return the options of each parameter group that a config can give, with their values before any schedule."""
    options = []
    for one in optim_wrappers(wrapper):
        names = inspect.signature(type(one.optimizer)).parameters.keys() - HOW_TO_COMPUTE - {'params'}
        for group in one.param_groups:
            values = {name: group.get(f'initial_{name}', group[name]) for name in sorted(names & group.keys())}
            if 'betas' in values:  # mmengine schedules the first one as the momentum
                first, *others = values['betas']
                values['betas'] = (group.get('initial_momentum', first), *others)
            options.append(values)
    return options


def check_options(options: Options, saved: Options) -> None:
    """Refuse to resume with other options of the optimizer, which the checkpoint's would replace.

    Args:
        options: `optimizer_options` of the config.
        saved: Those of the checkpoint.

    Raises:
        InputError: One differs.
    """
    for new, old in zip(options, saved, strict=False):
        for name, value in new.items():
            if name not in old or old[name] != value:
                before = f'{name} is {old[name]}' if name in old else f'the optimizer has no {name}'
                raise InputError(
                    'config: optim_wrapper',
                    f'{before} in the run that is resumed, {value} in the config',
                    'restore it, or use the checkpoint as `load_from:` of another run',
                )
