"""Processes that work in turn: one trains or validates a block of steps while the others wait."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from mmseg_ext.errors import InputError
from mmseg_ext.processes import last_line

START = 'import sys; from mmseg_ext.workflows.benchmark.roles import play; play(*sys.argv[1:])'
REPORT_VARIABLE = 'MMSEG_EXT_BENCHMARK_FD'  # of the pipe to which a contestant reports


class Contestant:
    """A process of its own, with its own libraries, allocator and loader workers, that waits for its turn.

    Args:
        name: Name in error messages.
        role: One of `mmseg_ext.workflows.benchmark.roles.ROLES`.
        config: The config file that the role works from.
        folder: For its work dir and its log.
        threads: Threads of torch.
    """

    def __init__(self, name: str, role: str, config: Path, folder: Path, threads: int) -> None:
        self.name = name
        self._log = folder / f'{name}.log'
        reading, writing = os.pipe()  # not stdout, to which libraries print
        with self._log.open('w') as log:
            self._process = subprocess.Popen(
                [sys.executable, '-c', START, role, str(config), str(folder / name)],
                env={**os.environ, 'OMP_NUM_THREADS': str(threads), REPORT_VARIABLE: str(writing)},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                pass_fds=(writing,),
                start_new_session=True,  # so that its workers end with it
            )
        os.close(writing)
        self._reports = os.fdopen(reading)

    def block(self, steps: int) -> float:
        """Let it make some steps, and return the mean seconds of one; 0 steps wait until it is ready for the first.

        Raises:
            InputError: The process has ended.
        """
        return self._turn(steps)[0]

    def train_until_validation(self) -> tuple[float, float]:
        """Let it train and validate once, and return the seconds taken and the score.

        Raises:
            InputError: The process has ended.
        """
        seconds, score = self._turn(1)
        return seconds, score

    def _turn(self, steps: int) -> list[float]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f'{steps}\n')
            self._process.stdin.flush()
            return [float(value) for value in self._reports.readline().split() or ('no report',)]
        except (OSError, ValueError):
            raise InputError(self.name, f'ended early ({last_line(self._log)})') from None

    def close(self) -> None:
        """End the process and its workers."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reports.close()
        if self._process.stdin is not None:
            with suppress(OSError):  # what it was told last may not have been read
                self._process.stdin.close()


@contextmanager
def contestants(
    roles: Mapping[str, tuple[str, Path]], folder: Path, threads: int, *, warm_up: int = 1
) -> Iterator[Mapping[str, Contestant]]:
    """Start a contestant for each name (role and config) and let it make the steps of a warm-up; end all afterwards."""
    with ExitStack() as stack:
        started = {}
        for name, (role, config) in roles.items():
            started[name] = Contestant(name, role, config, folder, threads)
            stack.callback(started[name].close)
        for one in started.values():
            one.block(warm_up)  # all start and build before the first is timed
        yield started


def in_turn(started: Mapping[str, Contestant], rounds: int, steps: int) -> dict[str, list[float]]:
    """Let them work in blocks, in another order each round.

    The first step after a wait is not timed: caches and threads of the processor belong to the one before.

    Returns:
        The mean seconds of a step, by name, for each round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in started}
    names = list(started)
    for number in range(rounds):
        for turn in range(len(names)):
            name = names[(turn + number) % len(names)]
            started[name].block(1)
            seconds[name].append(started[name].block(steps))
    return seconds


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median over the rounds of our time over theirs in the same round.

    >>> ratio_of([1.0, 2.0, 9.0], [2.0, 4.0, 3.0])
    0.5
    """
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def table_of(seconds: Mapping[str, Sequence[float]], unit: str, scale: float = 1.0) -> str:
    """Return a table of the medians and the spread (lowest and highest round) in milliseconds."""
    lines = [f'{unit:34}{"median":>10}{"lowest":>10}{"highest":>10}']
    for name, values in seconds.items():
        figures = (statistics.median(values), min(values), max(values))
        lines.append(f'{name:34}' + ''.join(f'{figure * scale * 1e3:10.2f}' for figure in figures))
    return '\n'.join(lines)


class Turns:
    """The side of the contestant: waits for the number of steps of a block, and reports their time."""

    def __init__(self) -> None:
        self._report: IO[str] = os.fdopen(int(os.environ[REPORT_VARIABLE]), 'w')
        self._left = 0

    def wait(self) -> None:
        """Wait for the next block; without one, the process ends."""
        while (line := sys.stdin.readline()).strip() == '0':
            self._send('0')
        if not line:
            os._exit(0)
        self._left = self._steps = int(line)
        self._start = time.perf_counter()

    def step_done(self, score: float | None = None) -> None:
        """Count a step; after the last of a block, report its time (and the score) and wait for the next."""
        self._left -= 1
        if self._left == 0:
            mean = (time.perf_counter() - self._start) / self._steps
            self._send(f'{mean}' if score is None else f'{mean} {score}')
            self.wait()

    def _send(self, line: str) -> None:
        self._report.write(f'{line}\n')
        self._report.flush()
