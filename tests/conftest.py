"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings

if 'PYTEST_XDIST_WORKER' in os.environ:  # before torch is imported: workers that share the cores only slow each other
    for variable in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
        os.environ[variable] = '1'

# The account of whoever runs the tests stays out of them: `--clearml auto` would log every training to it.
for variable in [name for name in os.environ if name.startswith(('CLEARML_', 'TRAINS_'))]:
    del os.environ[variable]
if any(Path(name).expanduser().is_file() for name in ('~/clearml.conf', '~/trains.conf')):
    os.environ['HOME'] = tempfile.mkdtemp(prefix='mmseg_ext-tests-')

# No deadline: how long an example takes says more about the machine than about the code.
settings.register_profile('default', deadline=None)
settings.register_profile('ci', deadline=None, derandomize=True, print_blob=True)
settings.load_profile('ci' if os.environ.get('CI') else 'default')


class RunTool(Protocol):
    """Runs ``tools/<name>.py`` with arguments as a user would, and returns what it printed and its exit code."""

    def __call__(
        self, name: str, *args: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope='session')
def repo_root() -> Path:
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def run_tool(repo_root: Path) -> RunTool:
    def run(
        name: str, *args: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(repo_root / 'tools' / f'{name}.py'), *map(str, args)],
            env={**os.environ, 'PYTHONPATH': str(repo_root), 'OMP_NUM_THREADS': '1', **(env or {})},
            cwd=cwd or repo_root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,  # only so that a hanging tool cannot hang the run
        )

    return run


@pytest.fixture(scope='session')
def shared_data(repo_root: Path) -> Path:
    """The real data (photographs that may not be committed)."""
    folder = Path(os.environ.get('MMSEG_EXT_SHARED') or repo_root.parent / 'shared' / 'data')
    if not folder.is_dir():
        pytest.skip(f'needs the real data: no folder {folder} (set MMSEG_EXT_SHARED)')
    return folder
