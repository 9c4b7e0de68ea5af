"""Where a figure comes from: versions, hardware, commit, command."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import torch

import mmseg_ext


def describe_environment(command: list[str]) -> dict[str, Any]:
    """What a figure needs beside it: versions, hardware, commit, command."""
    names = ('torch', 'numpy', 'opencv-python', 'onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation')
    found = {dist.metadata['Name']: dist.version for dist in distributions() if dist.metadata['Name'] in names}
    return {
        'mmseg_ext': mmseg_ext.__version__,
        'commit': _commit(),
        'command': command,
        'python': platform.python_version(),
        'packages': dict(sorted(found.items())),
        'platform': platform.platform(),
        'processor': _processor(),
        'threads': torch.get_num_threads(),
        'gpus': [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
    }


def _commit() -> str | None:
    """The checkout's commit, with ``+`` after it where files differ; None where this is no checkout."""
    root = Path(mmseg_ext.__file__).parents[1]
    try:
        commit = subprocess.run(
            ['git', 'rev-parse', 'HEAD'], cwd=root, capture_output=True, text=True, timeout=10, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ['git', 'status', '--porcelain', '--untracked-files=no'],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ('+' if changed else '')


def _processor() -> str:
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.processor()
