"""Length of a training: whether anything is left to do, and whether schedules of a resumed run follow a new length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.dataset import InfiniteSampler
from mmengine.optim.scheduler import ReduceOnPlateauParamScheduler
from mmengine.runner import BaseLoop, Runner

from mmseg_ext.engine.mmengine_internals import Scheduler, plan_of, replay
from mmseg_ext.errors import InputError

LONGER = 'increase `train_cfg.max_iters` (or `max_epochs`)'

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


def flat_schedulers(schedulers: Any) -> list[Scheduler]:
    """List the schedulers of a runner, which may be grouped by optimizer; empty if they are not built."""
    groups = schedulers.values() if isinstance(schedulers, Mapping) else [schedulers or []]
    flat = [scheduler for group in groups for scheduler in (group if isinstance(group, list) else [group])]
    return [scheduler for scheduler in flat if not isinstance(scheduler, Mapping)]


def follow_new_plan(runner: Runner, plans: Sequence[Mapping[str, Any]]) -> None:
    """Let the schedulers of a resumed run follow a changed config; mmengine restores the old plan.

    Args:
        runner: The resumed runner.
        plans: `plan_of` its schedulers, as built from the config.

    Raises:
        InputError: The training is now longer, but a schedule still ends at the old end; or a schedule that depends on
            the scores of the run has changed.
    """
    schedulers = flat_schedulers(runner.param_schedulers)
    if len(plans) != len(schedulers):  # they were not built yet, and come from the checkpoint
        return
    changed = [plan_of(scheduler) != plan for scheduler, plan in zip(schedulers, plans, strict=True)]
    for scheduler, plan in zip(schedulers, plans, strict=True):
        vars(scheduler).update(plan)
    _refuse_short_schedules(runner, schedulers)
    if not any(changed):
        return
    if any(isinstance(scheduler, ReduceOnPlateauParamScheduler) for scheduler in schedulers):
        raise InputError('config: param_scheduler', 'differs from the run that is resumed', 'restore it')
    replay(schedulers, runner.iter, runner.epoch)
    runner.logger.warning(f'param_scheduler has changed: the run continues at iteration {runner.iter} of the new one')


def _refuse_short_schedules(runner: Runner, schedulers: Sequence[Scheduler]) -> None:
    # Until the training begins, the message hub holds the lengths of the resumed run.
    for position, scheduler in enumerate(schedulers):
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


def optimizer_options(wrapper: Any) -> Options:
    """Return the options of each parameter group: weight decay, betas, and the learning rate before schedules."""
    groups = getattr(wrapper, 'param_groups', [])
    if isinstance(groups, Mapping):  # of several optimizers
        groups = [group for some in groups.values() for group in some]
    return [{key: value for key, value in group.items() if key not in ('params', 'lr')} for group in groups]


def changed_options(before: Options, after: Options) -> Iterator[str]:
    """Describe the options whose values differ, once each."""
    seen = set()
    for old, new in zip(before, after, strict=False):
        for key in old.keys() & new.keys():
            if old[key] != new[key] and key not in seen and not isinstance(old[key], dict):
                seen.add(key)
                name = key.removeprefix('initial_')
                yield f'optimizer: {name} is {new[key]} in the checkpoint, {old[key]} in the config'
