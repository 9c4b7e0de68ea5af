"""Provenance of a number: versions, hardware, commit, command."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import mmseg_ext

ENTRY_POINTS = ('mmseg-ext', '__main__.py')  # as the console script, and by `python -m mmseg_ext`
PACKAGES = ('numpy', 'onedl-mmcv', 'onedl-mmengine', 'onedl-mmsegmentation', 'opencv-python', 'torch')


def describe_environment(command: list[str]) -> dict[str, Any]:
    """Describe versions, hardware, commit and command, to be kept with a number.

    Args:
        command: As in ``sys.argv``. The script of `mmseg-ext`, wherever it is installed, is written by its name.
    """
    if command and Path(command[0]).name in ENTRY_POINTS:
        command = ['mmseg-ext', *command[1:]]
    return {
        'mmseg_ext': mmseg_ext.__version__,
        'commit': _commit(),
        'command': command,
        'python': platform.python_version(),
        'packages': {name: _version(name) for name in PACKAGES},
        'platform': platform.platform(),
        'processor': _processor(),
        'threads': torch.get_num_threads(),
        'gpus': [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit(root: Path = Path(mmseg_ext.__file__).parents[1]) -> str | None:
    """Return the checkout's commit, with ``+`` after it where files differ; None where this is no checkout.

    An installed package may lie inside a foreign checkout (a virtual environment in a project), which does not count.
    """
    top = _git(root, 'rev-parse', '--show-toplevel')
    commit = _git(root, 'rev-parse', 'HEAD')
    changed = _git(root, 'status', '--porcelain', '--untracked-files=no')
    if top is None or commit is None or changed is None or Path(top).resolve() != root.resolve():
        return None
    return commit + ('+' if changed else '')


def _git(root: Path, *arguments: str) -> str | None:
    command = ['git', *arguments]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.processor()
