"""Fixtures shared by all tests."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

import pytest
from hypothesis import settings
from unformatted_configs import leave_configs_unformatted

if TYPE_CHECKING:
    from clearml_server import ContractServer
    from playwright.sync_api import Browser

if 'PYTEST_XDIST_WORKER' in os.environ:  # before torch is imported: workers that share the cores only slow each other
    for variable in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
        os.environ[variable] = '1'

else:  # yapf caches its grammar as it is first imported, and a worker may not read the file while another writes it
    import yapf  # noqa: F401

# The account of whoever runs the tests stays out of them: `--clearml auto` would log every training to it.
for variable in [name for name in os.environ if name.startswith(('CLEARML_', 'TRAINS_'))]:
    del os.environ[variable]
if any(Path(name).expanduser().is_file() for name in ('~/clearml.conf', '~/trains.conf')):
    os.environ['HOME'] = tempfile.mkdtemp(prefix='mmseg_ext-tests-')

# No deadline: how long an example takes says more about the machine than about the code.
settings.register_profile('default', deadline=None)
settings.register_profile('ci', deadline=None, derandomize=True, print_blob=True)
settings.load_profile('ci' if os.environ.get('CI') else 'default')


# xdist begins with the files of many tests. Files of few that take long lead here: at the end they keep a core waiting.
LONG = (
    'test_auto.py', 'test_cleaning_ablation.py', 'test_fuzz.py', 'test_mmseg_tools.py', 'test_notebook.py',
    'test_quickstart.py', 'test_search.py', 'test_tutorial.py', 'test_wheel.py',
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tests = Counter(item.path for item in items)
    items.sort(key=lambda item: (item.path.name not in LONG, -tests[item.path]))


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # what is imported by now lives to the end of the process


class RunTool(Protocol):
    """Runs ``tools/<name>.py`` with arguments as a user would, and returns what it printed and its exit code."""

    def __call__(
        self,
        name: str,
        *args: object,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        terminal: str | None = None,
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture(scope='session')
def repo_root() -> Path:
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def fork_server(repo_root: Path) -> Iterator[subprocess.Popen[str]]:
    server = subprocess.Popen(
        [sys.executable, str(repo_root / 'tests' / 'support' / 'fork_server.py')],
        env={**os.environ, 'PYTHONPATH': str(repo_root), 'OMP_NUM_THREADS': '1'},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield server
    server.communicate('\n', timeout=60)  # closing alone may not do: other forks of this process hold the pipe too


@pytest.fixture(scope='session')
def run_tool(fork_server: subprocess.Popen[str], repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> RunTool:
    """Runs tools in forks of one process, without the seconds that their imports take.

    That they start by themselves is what the tests of the tutorial and of the wheel prove.
    """
    folder = tmp_path_factory.mktemp('output')

    def run(
        name: str,
        *args: object,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        terminal: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        streams = [terminal or str(folder / stream) for stream in ('stdout', 'stderr')]
        for stream in streams if terminal is None else []:
            Path(stream).write_text('')
        job = {
            'argv': [str(repo_root / 'tools' / f'{name}.py'), *map(str, args)],
            'env': {**os.environ, 'PYTHONPATH': str(repo_root), 'OMP_NUM_THREADS': '1', **(env or {})},
            'cwd': str(cwd or repo_root),
            'stdout': streams[0],
            'stderr': streams[1],
        }
        assert fork_server.stdin is not None
        assert fork_server.stdout is not None
        fork_server.stdin.write(json.dumps(job) + '\n')
        fork_server.stdin.flush()
        code = int(fork_server.stdout.readline())
        out, err = ('', '') if terminal else (Path(stream).read_text() for stream in streams)
        return subprocess.CompletedProcess(job['argv'], code, out, err)

    return run


@pytest.fixture(scope='session', autouse=True)
def _unformatted_configs() -> None:
    leave_configs_unformatted()


@pytest.fixture(scope='session')
def shared_data(repo_root: Path) -> Path:
    """The real data (photographs that may not be committed)."""
    folder = Path(os.environ.get('MMSEG_EXT_SHARED') or repo_root.parent / 'shared' / 'data')
    if not folder.is_dir():
        pytest.skip(f'needs the real data: no folder {folder} (set MMSEG_EXT_SHARED)')
    return folder


@pytest.fixture
def contract() -> Iterator[ContractServer]:
    """A ClearML server on the loopback."""
    from clearml_server import ContractServer

    server = ContractServer()
    yield server
    server.silent.clear()
    server.kill()


def _missing(reason: str) -> NoReturn:
    if os.environ.get('CI_REQUIRE_BROWSER') == '1':
        pytest.fail(f'CI_REQUIRE_BROWSER=1, but {reason}')
    pytest.skip(f'needs a browser: {reason}')


@pytest.fixture(scope='session')
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a process: Playwright allows one synchronous session a thread."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing('the Python package playwright is not installed')
    chromium = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
    if chromium is None:
        _missing('there is no Chromium on the PATH')
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
        )
        yield browser
        browser.close()
