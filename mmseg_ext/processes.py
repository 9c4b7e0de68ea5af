"""Child processes that end with the process that started them, the cores for them, and what they printed last."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmseg_ext.errors import InputError


@contextmanager
def spawn_pool(
    processes: int,
    initializer: Callable[..., object] | None = None,
    initargs: tuple[Any, ...] = (),
    tasks_per_child: int | None = None,
) -> Iterator[ProcessPoolExecutor]:
    """Hold a pool of spawned processes that `end_with_parent`.

    Spawned, not forked: a fork would copy threads and mmengine's global state as they are at that moment.

    Args:
        processes: Their number.
        initializer: Called at the start of each, with ``initargs``.
        initargs: Its arguments.
        tasks_per_child: Tasks that a process does before another takes its place; None: no limit.

    Raises:
        InputError: One of them was killed.
    """
    with ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context('spawn'),
        initializer=_start,
        initargs=(initializer, initargs),
        max_tasks_per_child=tasks_per_child,
    ) as pool:
        try:
            yield pool
        except BrokenProcessPool:
            problem = 'was killed, perhaps out of memory'
            raise InputError('a process of this command', problem, 'run the same command again') from None


def usable_cores() -> int:
    """Return the number of cores that this process may use, which a container or a batch system may limit.

    >>> usable_cores() >= 1
    True
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def last_line(log: Path) -> str:
    """Return the last line that a process has printed into a file, which says why it has ended."""
    lines = log.read_text(encoding='utf-8', errors='replace').split('\n') if log.is_file() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), 'no output')


def _start(initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
    end_with_parent()
    if initializer is not None:
        initializer(*initargs)


def end_with_parent() -> None:
    """Let this process get a SIGTERM as soon as its parent has died, from whatever cause.

    Otherwise a parent that is killed would leave its children behind, waiting for work or training on. A training
    stops at the signal as at any other: it writes ``interrupted.pth``.

    >>> end_with_parent()  # nothing in a process that multiprocessing has not started
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name='end-with-parent', daemon=True).start()
