from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('torch')

import mmseg_ext
from mmseg_ext.runs import environment


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit."""
    root = tmp_path / 'checkout'
    root.mkdir()
    (root / 'a.txt').write_text('one')
    identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org', '-c', 'commit.gpgsign=false']
    for command in (['init', '-q'], ['add', '.'], [*identity, 'commit', '-q', '-m', 'first']):
        subprocess.run(['git', *command], cwd=root, check=True, env={**os.environ, 'GIT_CONFIG_GLOBAL': os.devnull})
    return root


def test_the_commit_is_marked_where_files_differ(checkout: Path) -> None:
    command = ['git', 'rev-parse', 'HEAD']
    commit = subprocess.run(command, cwd=checkout, check=True, capture_output=True, text=True).stdout.strip()
    assert environment._commit(checkout) == commit
    (checkout / 'new.txt').touch()  # not part of the code that ran
    assert environment._commit(checkout) == commit
    (checkout / 'a.txt').write_text('two')
    assert environment._commit(checkout) == commit + '+'


def test_no_commit_is_told_where_there_is_none(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = checkout / '.venv' / 'site-packages'
    installed.mkdir(parents=True)
    assert environment._commit(installed) is None  # the commit of another project
    monkeypatch.setenv('GIT_CEILING_DIRECTORIES', str(tmp_path))
    assert environment._commit(tmp_path) is None
    monkeypatch.setenv('PATH', str(tmp_path))
    assert environment._commit(checkout) is None


def test_a_figure_gets_what_it_needs_beside_it() -> None:
    import numpy
    import torch

    described = environment.describe_environment(['tools/train.py', 'a.py'])
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert described['command'] == ['tools/train.py', 'a.py']
    assert described['mmseg_ext'] == mmseg_ext.__version__
    assert described['python'] == platform.python_version() == sys.version.split()[0]
    assert described['packages']['numpy'] == numpy.__version__
    assert described['packages']['torch'].split('+')[0] == torch.__version__.split('+')[0]
    assert described['threads'] == torch.get_num_threads()
    assert len(described['gpus']) == torch.cuda.device_count()
    assert described['processor']


@pytest.mark.parametrize('script', ['/somewhere/bin/mmseg-ext', 'x/mmseg_ext/__main__.py', 'mmseg-ext'])
def test_the_installed_command_is_recorded_without_its_path(script: str) -> None:
    assert environment.describe_environment([script, 'test', 'a'])['command'] == ['mmseg-ext', 'test', 'a']


def test_a_package_that_is_missing_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, 'PACKAGES', ('numpy', 'no-such-package'))
    assert environment.describe_environment([])['packages']['no-such-package'] is None
