"""The training's end of the pipe to `process`: sending never blocks, and closing is bounded in time."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import mmseg_ext
from mmseg_ext.tracking.clearml.messages import (
    Closed,
    CloseTask,
    Failed,
    Message,
    Probed,
    Probing,
    Reply,
    Settings,
    Started,
    StartTask,
    decode_reply,
)

ROOT = str(Path(mmseg_ext.__file__).parents[1])
TRAIN_SCRIPT = Path(ROOT) / 'tools' / 'train.py'
MAX_QUEUED_MESSAGES = 100_000  # with more the server is too slow: messages are dropped and counted
IMPORT_TIMEOUT_S = 60.0  # to load the SDK on a busy machine
PROBE_MARGIN_S = 2.0
MAX_CLOSE_S = 600.0  # while the server answers: a checkpoint may be under way
CLOSE_POLL_S = 0.1
DISTRIBUTED_VARIABLES = (
    'RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE', 'GROUP_RANK', 'MASTER_ADDR', 'MASTER_PORT',
    'TORCHELASTIC_RUN_ID', 'CLEARML_PROC_MASTER_ID', 'TRAINS_PROC_MASTER_ID',
)  # fmt: skip

Log = Callable[[str, bool], None]


class Client:
    """A process that logs for this one.

    Args:
        mode: ``auto``, ``online`` or ``offline``.
        log: Shows the user a line; the flag tells whether it is a warning.
        log_file: File for what the SDK prints.
        cache: Folder of offline sessions, where the environment names none.
        probe_timeout: Seconds that the server may take to answer.
        close_timeout: Seconds that closing may take once the server no longer answers.
        script: The task's script; None for the one that runs here.
    """

    def __init__(
        self,
        mode: str,
        log: Log,
        log_file: Path,
        cache: Path,
        probe_timeout: float,
        close_timeout: float,
        script: Path | None = None,
    ) -> None:
        self.log = log
        self.mode: str | None = None
        self.reason: str | None = None
        self.started: Started | None = None
        self.dropped = 0
        self.probe_timeout = probe_timeout
        self.close_timeout = close_timeout
        self._queue: queue.Queue[bytes | None] = queue.Queue(MAX_QUEUED_MESSAGES)
        self._probing, self._probed, self._started, self._ended = (threading.Event() for _ in range(4))
        self._alive = time.monotonic()
        self._closing = False
        with log_file.open('a') as errors:
            self._process = subprocess.Popen(
                sdk_command('from mmseg_ext.tracking.clearml.process import main; main()'),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0, env=sdk_environment(),
                start_new_session=True,  # Ctrl-C is for the training, which then reports how it has ended
            )  # fmt: skip
        argv = [str(script or running_script()), *sys.argv[1:]]
        settings = Settings(mode, str(cache.absolute()), argv, probe_timeout, close_timeout)
        self._queue.put(pickle.dumps(settings))
        for target in (self._write, self._read):
            threading.Thread(target=target, daemon=True).start()

    def send(self, message: Message) -> None:
        """Send a message; it never blocks."""
        if self._ended.is_set() or self.mode == 'off':
            return
        try:
            self._queue.put_nowait(pickle.dumps(message))
        except queue.Full:
            self.dropped += 1
            if self.dropped == 1:
                self.log('ClearML: the server is too slow; some of the following is not logged there', True)

    def wait_for_mode(self) -> str:
        """Wait until the server has been asked: two seconds longer than it may take to answer.

        Returns:
            ``online``, ``offline`` or ``off``; the last also where nothing is known in time.
        """
        self._probing.wait(IMPORT_TIMEOUT_S)
        self._probed.wait(self.probe_timeout + PROBE_MARGIN_S)
        return self.mode or 'off'

    def wait_for_start(self, timeout: float) -> bool:
        """Wait until the task exists; False where it does not in time."""
        self._started.wait(timeout)
        return self.started is not None

    def close(self, status: str, reason: str = '') -> None:
        """Have the task closed, and wait for that as long as the server answers, but not longer than ten minutes."""
        if self._closing:
            return
        self._alive = start = time.monotonic()
        self.send(CloseTask(status, reason))
        self._end_messages()
        while time.monotonic() < min(self._alive + self.close_timeout, start + MAX_CLOSE_S):
            if self._ended.wait(CLOSE_POLL_S):
                break
        else:
            self.log(
                f'ClearML: the session could not be closed in {time.monotonic() - start:.0f} s; data not yet sent '
                'are lost, the work dir is complete',
                True,
            )
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1 if self._ended.is_set() else 0)
            self._process.kill()
        self._process.wait()

    def processor_seconds(self) -> float:
        """Return the processor time that the logging process has used so far."""
        import psutil  # type: ignore[import-untyped] # clearml asks for it

        used = psutil.Process(self._process.pid).cpu_times()
        return float(used.user + used.system)

    def wait_for_end(self, timeout: float) -> int | None:
        """Send no more, and wait until the process ends by itself; it is killed where it does not in time.

        Returns:
            Its exit code, or None where it was killed.
        """
        self._end_messages()
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None

    def _end_messages(self) -> None:
        self._closing = True
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)

    def _write(self) -> None:
        stream = self._process.stdin
        assert stream is not None
        with contextlib.suppress(OSError), stream:  # the other end may be gone, which the reader reports
            while (message := self._queue.get()) is not None:
                rest = memoryview(message)
                while rest:
                    rest = rest[stream.write(rest) or 0 :]

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                self._alive = time.monotonic()
                with contextlib.suppress(ValueError):
                    self._handle(decode_reply(line))
        finished = self._closing or self.mode == 'off'
        for event in (self._ended, self._probing, self._probed, self._started):
            event.set()
        if not finished:
            self.log('ClearML: its process has ended; nothing more is logged there', True)

    def _handle(self, reply: Reply) -> None:
        match reply:
            case Probing():
                self._probing.set()
            case Probed():
                self.mode, self.reason = reply.mode, reply.reason
                self._probed.set()
            case Started():
                self.started = reply
                self._log_start(reply)
                self._started.set()
            case Failed():
                self.log(f'ClearML: {_words(reply.message)} is not logged ({reply.reason})', True)
                if reply.message == StartTask.__name__:
                    self.reason = reply.reason
                    self._started.set()
            case Closed():
                again = [f'{_words(kind)} {count} times' for kind, count in reply.failures.items() if count > 1]
                if again:
                    self.log(f'ClearML: failures in total: {", ".join(again)}', True)

    def _log_start(self, reply: Started) -> None:
        if reply.page:
            self.log(f'ClearML: {reply.page}', False)
            return
        reason = f'{self.reason}; ' if self.reason else ''
        text = f'ClearML: {reason}the session goes to {reply.session}; send it later with'
        self.log(f'{text} mmseg-ext clearml-import {reply.session}', self.reason is not None)


def running_script() -> Path:
    """Return the script that a task of this process names, by which the SDK finds the repository.

    An agent checks out the repository and runs the script; the command `mmseg-ext` is not in it, ``tools/train.py`` is.
    """
    script = Path(sys.argv[0]).absolute()
    is_command = script.name == 'mmseg-ext' or script == Path(ROOT, 'mmseg_ext', '__main__.py')
    return TRAIN_SCRIPT if is_command and TRAIN_SCRIPT.is_file() else script


def sdk_command(code: str) -> list[str]:
    """Return the command line of a process in which the SDK may be imported, to run a line of Python.

    Not ``python -m``: the SDK would take the module for the task's script.
    """
    return [sys.executable, '-P', '-c', f'import sys; sys.path.insert(0, {ROOT!r}); {code}']


def sdk_environment() -> dict[str, str]:
    """Return the environment without what makes the SDK take a process for one of several."""
    return {name: value for name, value in os.environ.items() if name not in DISTRIBUTED_VARIABLES}


def _words(kind: str) -> str:
    """Return the name of a class of messages in words: ``ConfusionMatrix`` → ``confusion matrix``."""
    return re.sub(r'(?<!^)(?=[A-Z])', ' ', kind).lower()
