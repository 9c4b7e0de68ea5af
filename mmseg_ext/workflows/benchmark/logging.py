"""What logging adds to a training step, with a server on the loopback or an offline session."""

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

from mmseg_ext.errors import InputError
from mmseg_ext.tracking.clearml import server
from mmseg_ext.tracking.clearml.backend import ClearMLBackend
from mmseg_ext.tracking.clearml.hook import ClearMLHook

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
STEPS = 20
DRAIN = 3.0  # seconds in which the other process catches up


def benchmark_logging(size: int, rounds: int, mode: str = 'offline') -> tuple[str, float, float]:
    """Time training steps with and without logging, in turn.

    A step is forward, backward and AdamW of a small convolutional network on a batch of four images, on one thread: it
    is far shorter than a real one, so that the share of logging is an upper bound. After each step the hook does what
    it does in a training, which is to log every tenth. What is timed is the processor, which other work on the machine
    does not disturb; the time of the process that talks to ClearML is added, as if it had no core of its own.

    Args:
        size: Side of the images in pixels.
        rounds: Rounds of 20 steps with and 20 without.
        mode: As for `ClearMLBackend`.

    Returns:
        A table, the ratio of a step with logging (both processes) to one without, and the goal.

    Raises:
        InputError: ClearML is not installed, or cannot log in that mode.
    """
    if not server.is_installed():
        raise InputError('logging: clearml is not installed; pip install clearml')
    torch.set_num_threads(1)
    logging.getLogger('mmengine').setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        backend = ClearMLBackend(f'{folder}/log', mode=mode)
        backend.add_config(Config({'work_dir': folder, 'model': {}}))
        backend.start()
        client = backend.experiment
        if client is None or not client.wait_for_start(60):
            raise InputError(f'logging: no session in the mode {mode}')
        hook = ClearMLHook()
        hook.backend = backend
        runner = _Runner()
        before = client.processor_seconds()
        without, with_logging = _measure(_step(size), lambda: hook.after_train_iter(runner, 0), runner, rounds)
        time.sleep(DRAIN)
        beside = (client.processor_seconds() - before) / rounds
        backend.close()
    plain, logged = statistics.median(without), statistics.median(with_logging)
    table = PrettyTable(['step', 'milliseconds'])
    for name, seconds in (('without logging', plain), ('with logging', logged), ('in the other process', beside)):
        table.add_row([name, f'{1000 * seconds / STEPS:.3f}'])
    return table.get_string(), (logged + beside) / plain, GOAL


class _Runner:
    """What the hook reads of a runner."""

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
    """Processor seconds of each round of steps, without and with logging; the order changes from round to round."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(5):
        step()
    for number in range(rounds):
        for logged in (False, True) if number % 2 else (True, False):
            start = time.process_time()
            for _ in range(STEPS):
                step()
                if logged:
                    runner.iter += 1
                    log()
            seconds[logged].append(time.process_time() - start)
    return seconds[False], seconds[True]
