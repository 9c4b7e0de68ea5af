"""Stopping of a training after a step, at the request of a signal."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from torch.utils.data import DataLoader

STOP_SIGNALS = tuple(
    getattr(signal, name) for name in ('SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1') if hasattr(signal, name)
)
HAS_SIGWAITINFO = hasattr(signal, 'sigwaitinfo')  # not on macOS, where a worker ends on SIGTERM
ONE_REQUEST_S = 2.0  # torchrun and SLURM may send a process one request twice, in quick succession


class TrainingStopped(SystemExit):
    """End of a training requested by a signal; the process then exits with 128 + the signal's number."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(128 + number)
        self.text = text

    def __str__(self) -> str:
        return self.text


def stopped(number: int, when: str) -> BaseException:
    """Return the exception that ends a training: `TrainingStopped`, or ``KeyboardInterrupt`` after SIGINT."""
    text = f'{signal.Signals(number).name} {when}'
    return KeyboardInterrupt(text) if number == signal.SIGINT else TrainingStopped(number, text)


class StopSignals:
    """Context that notes SIGTERM, SIGINT, SIGHUP and SIGUSR1 instead of dying from them.

    The first signal is only noted: the training ends itself after the step. A second, at least `ONE_REQUEST_S` later,
    raises at once, and a third has its usual effect. A signal that was ignored (``nohup``) stays ignored. Outside the
    main thread, where Python allows no handlers, nothing is noted.

    Attributes:
        received: Number of the signal; 0 if there is none.
    """

    def __init__(self) -> None:
        self.received = 0
        self._since = 0.0
        self._process = os.getpid()
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            for number in STOP_SIGNALS:
                previous = signal.getsignal(number)
                if previous not in (signal.SIG_IGN, None):
                    self._previous[number] = previous
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, previous in self._previous.items():
            signal.signal(number, previous)
        self._previous = {}

    def agreed(self) -> int:
        """Return a signal that any process of the training has received, the same in all of them; 0 for none."""
        if get_world_size() == 1:
            return self.received
        flag = torch.tensor(self.received)
        all_reduce(flag, 'max')
        return int(flag)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._process:  # a loader's worker has inherited the handler; its parent tells it when to end
            return
        if not self.received:
            self.received, self._since = number, time.monotonic()
            name = signal.Signals(number).name
            with suppress(OSError):  # the terminal may be gone; print is not safe in a handler
                os.write(2, f'{name}: the training saves its state and stops; again to stop at once\n'.encode())
        elif time.monotonic() - self._since >= ONE_REQUEST_S:
            for other in self._previous:
                signal.signal(other, signal.SIG_DFL)
            raise stopped(number, 'for the second time')


def shield_workers(loader: DataLoader[Any]) -> None:
    """Let the workers of a loader outlive a signal to the whole process group or job, so that the step can end.

    On SIGTERM torch ends a worker, and then raises in the training, wherever it is. torch's handler is in place before
    any code of ours runs in the worker. The loader therefore starts its workers with the signals blocked, which a new
    process inherits, so that they wait until our code runs.
    """
    if not loader.num_workers:
        return
    loader.worker_init_fn = partial(_start_worker, loader.worker_init_fn)
    if not HAS_SIGWAITINFO:
        return
    kind = type(loader)

    def iterate(self: DataLoader[Any]) -> Iterator[Any]:
        previous = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        try:
            return kind.__iter__(self)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)

    # Python looks ``__iter__`` up in the class.
    loader.__class__ = type(kind.__name__, (kind,), {'__iter__': iterate})


def _start_worker(start: Callable[[int], None] | None, number: int) -> None:
    for one in STOP_SIGNALS:
        if one != signal.SIGTERM:
            signal.signal(one, signal.SIG_IGN)
    if HAS_SIGWAITINFO:
        threading.Thread(target=_obey_parent, args=(os.getppid(),), daemon=True).start()
    if start is not None:
        start(number)


def _obey_parent(parent: int) -> None:
    """End this process on SIGTERM from its parent, which then waits for it, and on no other signal."""
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != parent:
        pass
    os._exit(0)
