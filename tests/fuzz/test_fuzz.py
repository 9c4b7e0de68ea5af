from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EACH = '20'  # mutations of each target; `python -m tests.fuzz --each 5000` for more


def test_no_reader_fails_on_mutated_files(repo_root: Path) -> None:
    for module in ('mmseg', 'onnx', 'onnxruntime'):
        pytest.importorskip(module)
    command = [sys.executable, '-m', 'tests.fuzz', '--each', EACH, '--seed', '0']
    environment = {**os.environ, 'PYTHONPATH': str(repo_root), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(command, cwd=repo_root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.count(f': {EACH} mutations, 0 faults') >= 24
