"""A folder that another process holds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CODE = """
import sys
from mmseg_ext.runs.lock import work_dir_lock
with work_dir_lock(sys.argv[1]):
    print('held', flush=True)
    input()
"""


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Let another process hold the lock of a folder; yield its id."""
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, '-c', CODE, str(folder)],
        env={**os.environ, 'PYTHONPATH': str(root)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == 'held\n'
        try:
            yield other.pid
        finally:
            other.communicate('\n')
