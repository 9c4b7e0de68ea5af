"""Keep the decoders' own remarks off standard error: what is wrong with a file is said by a finding."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2
_lock = threading.Lock()
_users = 0
_saved = -1


@contextmanager
def quiet_decoders() -> Iterator[None]:
    """Send what C libraries write to standard error to nowhere; several threads may be inside at once."""
    _silence()
    try:
        yield
    finally:
        _restore()


def _silence() -> None:
    global _users, _saved
    with _lock:
        _users += 1
        if _users > 1:
            return
        try:
            _saved = os.dup(STDERR)
        except OSError:  # closed: there is nothing to keep quiet
            _saved = -1
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STDERR)
        os.close(nowhere)


def _restore() -> None:
    global _users, _saved
    with _lock:
        _users -= 1
        if _users == 0 and _saved >= 0:
            os.dup2(_saved, STDERR)
            os.close(_saved)
            _saved = -1
