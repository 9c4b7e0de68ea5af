from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.processes import last_line, spawn_pool

PARENT = """
import os, sys, time
from mmseg_ext.processes import spawn_pool
if __name__ == '__main__':
    with spawn_pool(2) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 600)
        time.sleep(600)
"""


def test_the_children_of_a_killed_process_end() -> None:
    parent = subprocess.Popen([sys.executable, '-c', PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(200):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail('the child lives on')


def test_a_child_that_is_killed_is_one_line() -> None:
    with pytest.raises(InputError, match='was killed, perhaps out of memory'), spawn_pool(1) as pool:
        pool.submit(os._exit, 9).result()


def test_a_pool_starts_its_processes_as_it_is_told() -> None:
    with spawn_pool(1, os.umask, (0o27,)) as pool:
        assert pool.submit(os.umask, 0o27).result() == 0o27


def test_the_last_line_of_a_log_is_the_last_that_is_not_empty(tmp_path: Path) -> None:
    log = tmp_path / 'a.log'
    assert last_line(log) == 'no output'
    log.write_bytes(b'first\n  why \xff it ended \n\n')
    assert last_line(log) == 'why \ufffd it ended'
