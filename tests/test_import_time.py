"""What must import fast loads no deep-learning library. Modules are counted, not seconds: seconds vary by machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {'torch', 'mmengine', 'mmcv', 'mmseg', 'clearml'}

# Imports a package (and, for an argument that ends in '.', all its modules) and prints the top-level modules loaded.
PROBE = """
import importlib, json, pkgutil, sys
name = sys.argv[1]
package = importlib.import_module(name.rstrip('.'))
if name.endswith('.'):
    for module in pkgutil.walk_packages(package.__path__, name):
        importlib.import_module(module.name)
print(json.dumps(sorted({module.partition('.')[0] for module in sys.modules})))
"""


def loaded_by(name: str, repo_root: Path) -> set[str]:
    result = subprocess.run(
        [sys.executable, '-c', PROBE, name],
        env={**os.environ, 'PYTHONPATH': str(repo_root)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(result.stdout))


@pytest.mark.parametrize(
    'name',
    [
        'mmseg_ext',
        'mmseg_ext.commands.cli',
        'mmseg_ext.files',
        'mmseg_ext.eda.',
        'mmseg_ext.demo.',
        'mmseg_ext.inference.export_int8',
        'mmseg_ext.inference.onnx_network',
        'mmseg_ext.inference.outputs',
        'mmseg_ext.inference.predictor',
        'mmseg_ext.inference.server',
        'mmseg_ext.weights.',
    ],
)
def test_no_deep_learning_library_is_loaded(name: str, repo_root: Path) -> None:
    loaded = loaded_by(name, repo_root)
    assert 'mmseg_ext' in loaded
    assert loaded & HEAVY == set()


def test_the_package_itself_loads_nothing_but_the_standard_library(repo_root: Path) -> None:
    assert loaded_by('mmseg_ext', repo_root) & {'numpy', 'cv2', 'PIL', 'rich', 'yaml'} == set()


def test_the_probe_sees_a_heavy_import(repo_root: Path) -> None:
    pytest.importorskip('mmseg')
    assert {'mmengine', 'mmseg'} <= loaded_by('mmseg_ext.registry', repo_root)
