"""Where the time of a training step goes: a table by phase and by kind of operation, and a trace."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch.profiler import ProfilerActivity, profile

from mmseg_ext.files import atomic_path, make_folder
from mmseg_ext.registry import HOOKS
from mmseg_ext.workflows.benchmark.workload import Workload, our_config

TABLE, TRACE = 'profile.txt', 'trace.json'
WARM_UP_STEPS = 2
PHASES = ('wait for the loader', 'hooks before the step', 'model and optimizer', 'hooks after the step')
# Kinds of operations by parts of their names in torch, the first that fits.
KINDS = {
    'dilated depthwise convolution': ('_ShiftedProducts', 'addcmul'),
    'convolution': ('conv',),
    'normalization': ('norm',),
    'optimizer': ('adam', 'sgd', 'Optimizer', 'foreach', 'lerp', 'addcdiv'),
    'matrix product, attention': ('mm', 'attention', 'linear'),
    'activation': ('relu', 'hardtanh', 'gelu', 'silu', 'softmax', 'sigmoid', 'threshold', 'clamp'),
    'interpolation, pooling': ('upsample', 'pool'),
    'copies, formats': ('copy', 'contiguous', 'cat', 'clone', 'fill', 'zero', 'empty'),
}
OTHER = 'other'


@HOOKS.register_module()
class ProfileHook(Hook):
    """Pair of hooks, the first and the last of a step, that measure its phases; the last also runs torch's profiler.

    Args:
        last: Whether this is the one that comes last.
        out: Folder of the result.
        steps: Steps to profile, after `WARM_UP_STEPS`.
    """

    moments: list[float] = []  # noqa: RUF012 - of both hooks of the pair

    def __init__(self, last: bool, out: str, steps: int) -> None:
        self.priority = 'LOWEST' if last else 'HIGHEST'
        self.last, self.out, self.steps = last, Path(out), steps
        self._profile: Any = None

    def before_train(self, runner: Runner) -> None:
        """Begin."""
        self.moments.clear()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Note the end of the waiting, or of the hooks before the step."""
        self.moments.append(time.perf_counter())

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Note the end of the model's step, or of the whole; after the last step, write."""
        if self.last and runner.iter + 1 == WARM_UP_STEPS:
            self._profile = profile(activities=_activities())
            self._profile.__enter__()
        self.moments.append(time.perf_counter())
        if self.last and runner.iter + 1 == WARM_UP_STEPS + self.steps:
            self._profile.__exit__(None, None, None)
            make_folder(self.out)
            with atomic_path(self.out / TRACE) as path:
                self._profile.export_chrome_trace(str(path))
            table = table_of_profile(self.moments, self._profile.key_averages(), self.steps)
            with atomic_path(self.out / TABLE) as path:
                path.write_text(table + '\n', encoding='utf-8')


def profile_training(workload: Workload, out: Path, work_dir: Path, steps: int) -> str:
    """Train some steps under torch's profiler, and return the table; it is written to ``out`` with the trace.

    The profiler costs time itself, most where operations are small: shares are to be read, not seconds.

    Raises:
        InputError: The config cannot be trained, or ``out`` not be written.
    """
    from mmseg_ext.workflows.train import train

    config = our_config(workload)
    hooks = [{'type': 'mmseg_ext.ProfileHook', 'last': last, 'out': str(out), 'steps': steps} for last in (False, True)]
    config.custom_hooks = [*config.custom_hooks[:-1], *hooks]  # without the one that waits for a turn
    config.train_cfg.max_iters = WARM_UP_STEPS + steps
    path = work_dir.with_suffix('.py')
    config.dump(str(path))
    train(path, work_dir, clearml='off')
    return (out / TABLE).read_text(encoding='utf-8').rstrip()


def table_of_profile(moments: list[float], events: Any, steps: int) -> str:
    """Return the medians of the phases of the last steps, and the operations' own time by kind.

    Args:
        moments: Four a step, in order, from `ProfileHook`.
        events: What ``key_averages`` of torch's profiler returned.
        steps: Number of steps.
    """
    ends = moments[-4 * steps - 1 :]
    seconds = [[ends[4 * step + turn + 1] - ends[4 * step + turn] for step in range(steps)] for turn in range(4)]
    total = sum(statistics.median(values) for values in seconds)
    lines = [f'{"a step, under the profiler":34}{"ms":>10}{"share":>8}']
    for phase, values in zip(PHASES, seconds, strict=True):
        lines.append(_row(phase, statistics.median(values), total))
    kinds: dict[str, float] = defaultdict(float)
    for event in events:
        own = max(event.self_cpu_time_total, getattr(event, 'self_device_time_total', 0)) / 1e6 / steps
        name = next((kind for kind, parts in KINDS.items() if any(part in event.key for part in parts)), OTHER)
        kinds[name] += own
    lines += ['', f'{"operations, all threads":34}{"ms":>10}{"share":>8}']
    whole = sum(kinds.values()) or 1.0
    lines += [_row(kind, kinds[kind], whole) for kind in sorted(kinds, key=lambda kind: -kinds[kind])]
    return '\n'.join(lines)


def _row(name: str, seconds: float, total: float) -> str:
    return f'{name:34}{seconds * 1e3:10.2f}{seconds / total:8.1%}'


def _activities() -> list[ProfilerActivity]:
    return [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if torch.cuda.is_available() else [])]
