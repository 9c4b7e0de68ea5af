"""The benchmark ``logging``: a training step that is logged to ClearML against one that is not."""

from __future__ import annotations

import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer, MessageHub
from prettytable import PrettyTable
from torch import nn

from mmseg_ext.errors import InputError, installing
from mmseg_ext.tracking.clearml import server
from mmseg_ext.tracking.clearml.backend import ClearMLBackend
from mmseg_ext.tracking.clearml.hook import ClearMLHook
from mmseg_ext.workflows.arguments import check_least
from mmseg_ext.workflows.benchmark import BenchmarkResult

GOAL = 1.02
SCALARS = (
    'loss',
    'decode.loss_ce',
    'decode.loss_dice',
    'decode.acc_seg',
    'lr',
    'base_lr',
    'grad_norm',
    'time',
    'data_time',
)
STEPS_PER_ROUND = 20
DRAIN_S = 3.0  # in which the logging process catches up


def benchmark_logging(size: int, rounds: int, mode: str = 'offline') -> BenchmarkResult:
    """Time training steps with and without logging, in turn.

    A step is forward, backward and AdamW of a small convolutional network on a batch of four images, on one thread: it
    is far shorter than a real one, so the share of logging is an upper bound. After each step the hook does what it
    does in a training: it logs every tenth step. Times are CPU times, which other work on the machine does not disturb;
    that of the logging process is added, as if it had no core of its own. The ratio is that of a step with logging
    (both processes) to one without.

    Args:
        size: Side of the images in pixels, at least 3.
        rounds: Rounds of 20 steps with and 20 without logging.
        mode: As for `ClearMLBackend`.

    Raises:
        InputError: ClearML is not installed, or cannot log in that mode.
    """
    check_least(3, size=size)
    if not server.is_installed():
        raise InputError('logging', 'clearml is not installed', installing('train'))
    torch.set_num_threads(1)
    logging.getLogger('mmengine').setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        backend = ClearMLBackend(f'{folder}/log', mode=mode)
        backend.add_config(Config({'work_dir': folder, 'model': {}}))
        backend.start()
        client = backend.experiment
        if client is None or not client.wait_for_start(60):
            raise InputError('logging', f'no session in mode {mode}')
        hook = ClearMLHook()
        hook.backend = backend
        runner = _Runner()
        before = client.processor_seconds()
        without, with_logging = _measure(_step(size), lambda: hook.after_train_iter(runner, 0), runner, rounds)
        time.sleep(DRAIN_S)
        other_process = (client.processor_seconds() - before) / rounds
        backend.close()
    plain, logged = statistics.median(without), statistics.median(with_logging)
    table = PrettyTable(['step', 'milliseconds'])
    for name, seconds in (
        ('without logging', plain),
        ('with logging', logged),
        ('in the other process', other_process),
    ):
        table.add_row([name, f'{1000 * seconds / STEPS_PER_ROUND:.3f}'])
    return BenchmarkResult(table.get_string(), (logged + other_process) / plain, GOAL)


class _Runner:
    """Stand-in for a runner, with what the hook reads of one."""

    iter = -1
    max_iters = 10**9

    def __init__(self) -> None:
        self.message_hub = MessageHub('benchmark')
        for name in SCALARS:
            self.message_hub.log_scalars[f'train/{name}'] = HistoryBuffer([0.5] * 100, [1] * 100, 1_000_000)


def _step(size: int) -> Callable[[], None]:
    layers = [nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(), nn.Conv2d(64, 3, 1)]
    net = nn.Sequential(*layers)
    optimizer = torch.optim.AdamW(net.parameters())
    images = torch.rand(4, 3, size, size)

    def step() -> None:
        optimizer.zero_grad()
        net(images).square().mean().backward()
        optimizer.step()

    return step


def _measure(
    step: Callable[[], None], log: Callable[[], Any], runner: _Runner, rounds: int
) -> tuple[list[float], list[float]]:
    """Measure the CPU seconds of each round of steps, without and with logging; the order alternates."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(5):
        step()
    for number in range(rounds):
        for logged in (False, True) if number % 2 else (True, False):
            start = time.process_time()
            for _ in range(STEPS_PER_ROUND):
                step()
                if logged:
                    runner.iter += 1
                    log()
            seconds[logged].append(time.process_time() - start)
    return seconds[False], seconds[True]
