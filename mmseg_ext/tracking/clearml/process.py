"""The process that talks to ClearML for a training.

The SDK patches what it can reach (argparse, fork, exit, signals), runs threads, and blocks for minutes once its server
is gone. None of that is let near a training: it sends messages through a pipe to this process, which may hang and be
killed at no cost. `clearml_client` is the other end.

Messages to it are pickled pairs (kind, content), the first of which is the settings; replies are JSON objects, one a
line. The end of the pipe without a message ``close`` means that the training has died.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
import time
from collections import Counter
from typing import Any

from mmseg_ext.tracking.clearml import server
from mmseg_ext.tracking.clearml.session import Session

QUEUED = 0  # exit codes: the SDK leaves with this one when it has put the task into a queue
ENDED = 3
HEARTBEAT = 2.0
LONGEST = 60.0  # seconds of closing for which a server that answers is waited for, beside the upload of a checkpoint


class Replies:
    """Sends replies; what the SDK prints to standard output goes to standard error, the log."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(1), 'w', encoding='utf-8')
        self._lock = threading.Lock()
        os.dup2(2, 1)

    def __call__(self, kind: str, **content: Any) -> None:
        """Send one; a training that is gone misses nothing."""
        try:
            with self._lock:
                self._stream.write(json.dumps({'kind': kind, **content}) + '\n')
                self._stream.flush()
        except (OSError, ValueError):
            pass  # the pipe is closed: nobody is left to read it


class Watch(threading.Thread):
    """Tells the training, while the session is closed, that the server still answers; ends the process if it does not.

    Args:
        reply: Where to tell.
        session: What is closed. Offline there is no server: the process is its own proof.
        patience: Seconds without an answer that a process whose training has died waits.
    """

    def __init__(self, reply: Replies, session: Session, patience: float) -> None:
        super().__init__(daemon=True)
        self.reply = reply
        self.session = session
        self.patience = patience
        self.closing = False
        self._parent = os.getppid()

    def run(self) -> None:
        """Look every two seconds."""
        alive = closing = time.monotonic()
        while True:
            time.sleep(min(HEARTBEAT, self.patience / 2))
            now = time.monotonic()
            orphaned = os.getppid() != self._parent
            if not self.closing and not orphaned:
                alive = closing = now
            elif self.session.offline or (self._may_take_longer(now - closing) and self._server_answers()):
                alive = time.monotonic()
                self.reply('alive')
            elif orphaned and now - alive > self.patience:
                os._exit(1)

    def _may_take_longer(self, seconds: float) -> bool:
        return self.session.uploading or seconds < LONGEST

    def _server_answers(self) -> bool:
        from clearml.backend_api import Session as ApiSession

        return server.ping(ApiSession.get_api_server_host(), HEARTBEAT) is None


def main() -> None:
    """Read the settings, find the mode, pass messages to the session until it is closed."""
    reply, stream = Replies(), sys.stdin.buffer
    settings = pickle.load(stream)
    sys.argv = settings['argv']  # by which the SDK finds the repository and the script of the training
    import clearml  # noqa: F401 - the seconds that it takes are not the server's

    reply('probing')
    mode, reason = _find_mode(settings['mode'], settings['probe_timeout'])
    reply('probed', mode=mode, reason=reason)
    if mode == 'off':
        sys.exit(ENDED)
    if mode == 'offline':
        os.environ.setdefault('CLEARML_CACHE_DIR', settings['cache'])  # the session lies in the work dir
    session = Session(reply, mode)
    watch = Watch(reply, session, settings['close_timeout'])
    watch.start()
    failures = _serve(stream, session, reply, watch)
    reply('closed', failures=failures)
    os._exit(ENDED)  # threads of the SDK may still wait for a server


def _find_mode(wanted: str, timeout: float) -> tuple[str, str | None]:
    """The mode that is possible, and why it is not the wanted one."""
    if wanted == 'offline':
        return 'offline', None
    reason = server.probe(timeout)
    if reason is None:
        return 'online', None
    return ('offline' if wanted == 'auto' else 'off'), reason


def _serve(stream: Any, session: Session, reply: Replies, watch: Watch) -> dict[str, int]:
    """Handle messages until the session is closed. Returns how many of each kind have failed."""
    failures: Counter[str] = Counter()
    kind = ''
    while kind != 'close':
        try:
            kind, content = pickle.load(stream)
        except EOFError:
            kind, content = 'close', {'status': 'failed', 'reason': 'the process of the training has ended'}
        watch.closing = kind == 'close'
        if session.task is None and kind != 'start':
            continue
        try:
            getattr(session, kind)(**content)
        except Exception as error:  # whatever the SDK raises: logging must not end a training
            failures[kind] += 1
            if failures[kind] == 1:
                reply('failed', what=kind, reason=f'{type(error).__name__}: {" ".join(str(error).split())}'[:300])
    return dict(failures)
