"""The process that talks to ClearML for a training.

The SDK patches what it can reach (argparse, fork, exit, signals), runs threads, and blocks for minutes once its server
is gone. A training is kept clear of all that: it sends messages (`messages`) through a pipe to this process, which may
hang and be killed at no cost. `client` is the other end of the pipe. A pipe that ends before a `CloseTask` means that
the training has died.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from collections import Counter
from typing import Any

from mmseg_ext.errors import one_line
from mmseg_ext.tracking.clearml import server
from mmseg_ext.tracking.clearml.messages import (
    Alive,
    Closed,
    CloseTask,
    Failed,
    Probed,
    Probing,
    Reply,
    Settings,
    StartTask,
    encode_reply,
)
from mmseg_ext.tracking.clearml.session import Session

QUEUED_EXIT_CODE = 0  # of the SDK, when it has put the task into a queue
CLOSED_EXIT_CODE = 3
HEARTBEAT_S = 2.0
MAX_CLOSE_WITHOUT_UPLOAD_S = 60.0  # while the server answers
MAX_REASON_CHARACTERS = 300


class ReplyStream:
    """Sender of replies. It takes standard output; what the SDK prints there goes to standard error, the log."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(1), 'w', encoding='utf-8')
        self._lock = threading.Lock()
        os.dup2(2, 1)

    def __call__(self, reply: Reply) -> None:
        """Send one reply; a training that is gone misses nothing."""
        try:
            with self._lock:
                self._stream.write(encode_reply(reply) + '\n')
                self._stream.flush()
        except (OSError, ValueError):
            pass  # the pipe is closed: nobody is left to read it


class Watch(threading.Thread):
    """Thread that reports, while the task is closed, that the server still answers, and ends an orphaned process.

    Args:
        reply: Sender of replies.
        session: What is closed. Offline there is no server to ask.
        patience: Seconds without an answer after which a process whose training has died ends.
    """

    def __init__(self, reply: ReplyStream, session: Session, patience: float) -> None:
        super().__init__(daemon=True)
        self.reply = reply
        self.session = session
        self.patience = patience
        self.closing = False
        self._parent = os.getppid()

    def run(self) -> None:
        """Check every two seconds."""
        alive = closing = time.monotonic()
        while True:
            time.sleep(min(HEARTBEAT_S, self.patience / 2))
            now = time.monotonic()
            orphaned = os.getppid() != self._parent
            if not self.closing and not orphaned:
                alive = closing = now
            elif self.session.offline or (self._may_take_longer(now - closing) and self._server_answers()):
                alive = time.monotonic()
                self.reply(Alive())
            elif orphaned and now - alive > self.patience:
                os._exit(1)

    def _may_take_longer(self, seconds: float) -> bool:
        return self.session.uploading or seconds < MAX_CLOSE_WITHOUT_UPLOAD_S

    def _server_answers(self) -> bool:
        from clearml.backend_api import Session as ApiSession

        return server.ping(ApiSession.get_api_server_host(), HEARTBEAT_S) is None


def main() -> None:
    """Read the settings, find the mode, pass messages to the session until it is closed."""
    reply, stream = ReplyStream(), sys.stdin.buffer
    settings: Settings = pickle.load(stream)
    sys.argv = list(settings.argv)
    import clearml  # noqa: F401 - the seconds that it takes are not the server's

    reply(Probing())
    mode, reason = _find_mode(settings.mode, settings.probe_timeout)
    reply(Probed(mode, reason))
    if mode == 'off':
        sys.exit(CLOSED_EXIT_CODE)
    if mode == 'offline':
        os.environ.setdefault('CLEARML_CACHE_DIR', settings.cache)  # the session lies in the work dir
    session = Session(reply, mode == 'offline')
    watch = Watch(reply, session, settings.close_timeout)
    watch.start()
    reply(Closed(_serve(stream, session, reply, watch)))
    os._exit(CLOSED_EXIT_CODE)  # threads of the SDK may still wait for a server


def _find_mode(wanted: str, timeout: float) -> tuple[str, str | None]:
    """Return the mode that is possible, and why it is not the wanted one."""
    if wanted == 'offline':
        return 'offline', None
    reason = server.probe(timeout)
    if reason is None:
        return 'online', None
    return ('offline' if wanted == 'auto' else 'off'), reason


def _serve(stream: Any, session: Session, reply: ReplyStream, watch: Watch) -> dict[str, int]:
    """Handle messages until the session is closed. Returns how many of each class have failed."""
    failures: Counter[str] = Counter()
    while not watch.closing:
        try:
            message = pickle.load(stream)
        except (EOFError, pickle.UnpicklingError):  # nothing, or half a message
            message = CloseTask('failed', 'the process of the training has ended')
        watch.closing = isinstance(message, CloseTask)
        if session.task is None and not isinstance(message, StartTask):
            continue
        try:
            session.handle(message)
        except Exception as error:  # whatever the SDK raises: logging must not end a training
            kind = type(message).__name__
            failures[kind] += 1
            if failures[kind] == 1:
                reply(Failed(kind, f'{type(error).__name__}: {one_line(error)}'[:MAX_REASON_CHARACTERS]))
    return dict(failures)
