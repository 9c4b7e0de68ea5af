from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_ext.errors import InputError
from mmseg_ext.runs.lock import work_dir_lock

pytestmark = pytest.mark.skipif(sys.platform == 'win32', reason='locks of POSIX')

# Takes the lock when a line comes, tells whether it has it, and keeps it until another line comes.
HOLDER = """
import os, sys
from mmseg_ext.errors import InputError
from mmseg_ext.runs.lock import work_dir_lock
sys.stdin.readline()
try:
    with work_dir_lock(sys.argv[1], print):
        child = 0 if os.fork() else 1  # like the worker of a data loader
        if child:
            sys.stdin.close()
            import time; time.sleep(60)
        print('held', flush=True)
        sys.stdin.readline()
except InputError as error:
    print(error, flush=True)
"""


def start(folder: Path) -> subprocess.Popen[str]:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, '-c', HOLDER, str(folder)]
    pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'text': True, 'start_new_session': True}
    return subprocess.Popen(command, env={**os.environ, 'PYTHONPATH': str(root)}, **pipes)  # type: ignore[call-overload, no-any-return]


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write('\n')
    process.stdin.flush()


def answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_of_five_that_start_together_one_goes_on_and_its_death_frees_the_folder(tmp_path: Path) -> None:
    processes = [start(tmp_path / 'run') for _ in range(5)]
    try:
        for process in processes:
            tell(process)
        answers = [answer(process) for process in processes]
        assert answers.count('held') == 1
        holder = processes[answers.index('held')]
        # who comes between the lock and the words in its file hears of "another process"
        assert all('in use by' in one for one in answers if one != 'held')
        holder_text = f'in use by process {holder.pid} on host {platform.node()} since 20'
        with pytest.raises(InputError, match=holder_text), work_dir_lock(tmp_path / 'run', print):
            pass
        holder.send_signal(signal.SIGKILL)  # the child of the process lives on
        holder.wait()
        with work_dir_lock(tmp_path / 'run', print), work_dir_lock(tmp_path / 'run', print):
            assert [path.name for path in (tmp_path / 'run').iterdir()] == ['.lock']
        assert list((tmp_path / 'run').iterdir()) == []
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def test_a_folder_that_cannot_be_locked_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def fail(*_: object) -> None:
        raise OSError(37, 'No locks available')

    monkeypatch.setattr(fcntl, 'lockf', fail)
    said: list[str] = []
    with work_dir_lock(tmp_path, said.append):
        assert said == [f'{tmp_path}: not locked (No locks available); do not start two trainings in it']
