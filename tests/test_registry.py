"""Configs name our classes as ``mmseg_ext.X`` under mmseg's scope and import nothing: each name must be found so."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REGISTRIES = (
    'DATASETS', 'TRANSFORMS', 'MODELS', 'METRICS', 'HOOKS', 'LOOPS', 'RUNNERS', 'OPTIM_WRAPPERS', 'VISBACKENDS'
)  # fmt: skip

# Looks the names of each registry up, as a config does, and prints the modules of what it finds. A child process for
# each registry: what one imports must not help another. mmseg itself is loaded before, once, for it takes seconds.
LOOK_UP = """
import json, os, sys
import mmseg.datasets, mmseg.models
import mmseg.registry
from mmengine.registry import init_default_scope

init_default_scope('mmseg')
assert not any(name.startswith('mmseg_ext') for name in sys.modules)
for registry, names in json.loads(sys.argv[1]).items():
    sys.stdout.flush()
    if not os.fork():
        for name in names:
            found = getattr(mmseg.registry, registry).get('mmseg_ext.' + name)
            print('found', registry, name, found.__module__ if found else None)
        break
    assert os.wait()[1] == 0, registry
"""


def registered(package: Path) -> Iterator[tuple[str, str, str]]:
    """(registry, class, module) of every class under ``@REGISTRY.register_module()`` in the sources.

    Not those of the benchmarks, which alone use them.
    """
    for path in sorted({*package.rglob('*.py')} - {*package.glob('workflows/benchmark/*.py')}):
        module = '.'.join(path.relative_to(package.parent).with_suffix('').parts)
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            for decorator in getattr(node, 'decorator_list', []):
                text = ast.unparse(decorator)
                if isinstance(node, ast.ClassDef) and re.fullmatch(r'[A-Z_]+\.register_module\(.*\)', text):
                    yield text.split('.')[0], node.name, module


@pytest.fixture(scope='module')
def classes(repo_root: Path) -> list[tuple[str, str, str]]:
    return list(registered(repo_root / 'mmseg_ext'))


def test_the_sources_register_in_known_registries(classes: list[tuple[str, str, str]]) -> None:
    assert {registry for registry, *_ in classes} == set(REGISTRIES)
    assert {'FolderDataset', 'RandomBlur', 'ResNetV2', 'SegMetric', 'CheckpointHook', 'Runner'} <= {
        c for _, c, _ in classes
    }


def test_every_class_is_found_without_an_import(classes: list[tuple[str, str, str]], repo_root: Path) -> None:
    pytest.importorskip('mmseg')
    names = {registry: [name for group, name, _ in classes if group == registry] for registry in REGISTRIES}
    result = subprocess.run(
        [sys.executable, '-c', LOOK_UP, json.dumps(names)],
        env={**os.environ, 'PYTHONPATH': str(repo_root), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    found = [tuple(line.split()[1:]) for line in result.stdout.splitlines() if line.startswith('found ')]
    assert sorted(found) == sorted(classes)


def test_importing_the_plug_ins_prints_nothing(repo_root: Path) -> None:
    pytest.importorskip('mmseg')
    done = subprocess.run(
        [sys.executable, '-c', 'import mmseg_ext.datasets, mmseg_ext.models'],
        env={**os.environ, 'PYTHONPATH': str(repo_root), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')
