"""The training's end of the pipe to `clearml_process`: nothing here can block it, and closing is bounded."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mmseg_ext

ROOT = str(Path(mmseg_ext.__file__).parents[1])
CODE = 'import sys; sys.path.insert(0, {root!r}); from mmseg_ext.tracking.clearml.process import main; main()'
WAITING = 100_000  # messages; then a server is so slow that points are dropped, and counted
IMPORT = 60.0  # seconds that a busy machine may take to load the SDK
LONGEST_UPLOAD = 600.0
OF_THE_TRAINING = ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE', 'GROUP_RANK', 'MASTER_ADDR', 'MASTER_PORT',
                   'TORCHELASTIC_RUN_ID', 'CLEARML_PROC_MASTER_ID', 'TRAINS_PROC_MASTER_ID')  # fmt: skip

Log = Callable[[str, bool], None]


class Client:
    """A process that logs for this one.

    Args:
        mode: ``auto``, ``online`` or ``offline``.
        log: Shows the user a line; the flag says whether it is a warning.
        log_file: What the SDK prints.
        cache: Folder of offline sessions, where the environment names none.
        probe_timeout: Seconds that the server may take to answer.
        close_timeout: Seconds that closing may take once the server no longer answers.
        script: What the task says that it runs; None for what runs here.
    """

    def __init__(
        self,
        mode: str,
        log: Log,
        log_file: Path,
        cache: Path,
        probe_timeout: float,
        close_timeout: float,
        script: str | None = None,
    ) -> None:
        self.log = log
        self.mode: str | None = None
        self.reason: str | None = None
        self.started: dict[str, Any] | None = None
        self.dropped = 0
        self.probe_timeout = probe_timeout
        self.close_timeout = close_timeout
        self._queue: queue.Queue[bytes | None] = queue.Queue(WAITING)
        self._probing, self._probed, self._started, self._ended = (threading.Event() for _ in range(4))
        self._alive = time.monotonic()
        self._closing = False
        with log_file.open('a') as errors:
            self._process = subprocess.Popen(
                [sys.executable, '-P', '-c', CODE.format(root=ROOT)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0, env=own_environment(),
                start_new_session=True,  # Ctrl-C is for the training, which then says how it has ended
            )  # fmt: skip
        settings = {
            'mode': mode,
            'cache': str(cache.absolute()),
            'argv': [os.path.abspath(script or sys.argv[0]), *sys.argv[1:]],
            'probe_timeout': probe_timeout,
            'close_timeout': close_timeout,
        }
        self._queue.put(pickle.dumps(settings))
        for target in (self._write, self._read):
            threading.Thread(target=target, daemon=True).start()

    def send(self, kind: str, **content: Any) -> None:
        """Send a message to the method of that name of `clearml_session.Session`; it never blocks."""
        if self._ended.is_set() or self.mode == 'off':
            return
        try:
            self._queue.put_nowait(pickle.dumps((kind, content)))
        except queue.Full:
            self.dropped += 1
            if self.dropped == 1:
                self.log('ClearML: the server is too slow; part of what follows is not logged there', True)

    def wait_for_mode(self) -> str:
        """Wait until the server has been asked: two seconds longer than it may take to answer.

        Returns:
            ``online``, ``offline`` or ``off``; the last also where nothing is known in time.
        """
        self._probing.wait(IMPORT)
        self._probed.wait(self.probe_timeout + 2)
        return self.mode or 'off'

    def wait_for_start(self, timeout: float) -> bool:
        """Wait until the task exists; False where it does not in time."""
        self._started.wait(timeout)
        return self.started is not None

    def close(self, status: str, reason: str = '') -> None:
        """Have the session closed, and wait for that as long as the server answers, but not longer than ten minutes."""
        if self._closing:
            return
        self._alive = start = time.monotonic()
        self.send('close', status=status, reason=reason)
        self._closing = True
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        while time.monotonic() < min(self._alive + self.close_timeout, start + LONGEST_UPLOAD):
            if self._ended.wait(0.1):
                break
        else:
            self.log(
                f'ClearML: the session could not be closed in {time.monotonic() - start:.0f} s; what had not arrived '
                'there is lost, the work dir is complete',
                True,
            )
        if self._process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1 if self._ended.is_set() else 0)
            self._process.kill()
        self._process.wait()

    def processor_seconds(self) -> float:
        """What the logging process has used of the processor so far."""
        import psutil  # type: ignore[import-untyped] # clearml asks for it

        used = psutil.Process(self._process.pid).cpu_times()
        return float(used.user + used.system)

    def wait_for_end(self, timeout: float) -> int | None:
        """Send no more, and wait until the process ends by itself; it is killed where it does not in time.

        Returns:
            Its exit code, or None where it was killed.
        """
        self._closing = True
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return None

    def _write(self) -> None:
        stream = self._process.stdin
        assert stream is not None
        with contextlib.suppress(OSError), stream:  # the other end may be gone, which the reader tells
            while (message := self._queue.get()) is not None:
                rest = memoryview(message)
                while rest:
                    rest = rest[stream.write(rest) or 0 :]

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                self._alive = time.monotonic()
                with contextlib.suppress(ValueError, KeyError):
                    self._handle(json.loads(line))
        finished = self._closing or self.mode == 'off'
        for event in (self._ended, self._probing, self._probed, self._started):
            event.set()
        if not finished:
            self.log('ClearML: its process has ended; nothing more is logged there', True)

    def _handle(self, reply: Mapping[str, Any]) -> None:
        kind = reply['kind']
        if kind == 'probing':
            self._probing.set()
        elif kind == 'probed':
            self.mode, self.reason = reply['mode'], reply['reason']
            self._probed.set()
        elif kind == 'started':
            self.started = dict(reply)
            self._tell_start(reply)
            self._started.set()
        elif kind == 'failed':
            self.log(f'ClearML: {reply["what"]} is not logged ({reply["reason"]})', True)
            if reply['what'] == 'start':
                self.reason = reply['reason']
                self._started.set()
        elif kind == 'closed':
            again = {what: count for what, count in reply['failures'].items() if count > 1}
            if again:
                counts = ', '.join(f'{what} {count} times' for what, count in again.items())
                self.log(f'ClearML: failed in all: {counts}', True)

    def _tell_start(self, reply: Mapping[str, Any]) -> None:
        if reply['page']:
            self.log(f'ClearML: {reply["page"]}', False)
            return
        why = f'{self.reason}; ' if self.reason else ''
        text = f'ClearML: {why}the session goes to {reply["session"]}; send it later with tools/clearml_import.py'
        self.log(f'{text} {reply["session"]}', self.reason is not None)


def own_environment() -> dict[str, str]:
    """The environment without what makes the SDK take a process for one of several."""
    return {name: value for name, value in os.environ.items() if name not in OF_THE_TRAINING}
