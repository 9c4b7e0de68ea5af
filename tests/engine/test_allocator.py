"""Tests of the memory allocator's settings, each in a process of its own."""

import ctypes
import os
import subprocess
import sys

import pytest

from mmseg_ext.engine import allocator

PAGES = 64 * 2**20 // 4096

SCRIPT = """
import resource, sys
from mmseg_ext.engine.allocator import keep_freed_memory
import torch
kept = sys.argv[1] == 'keep' and keep_freed_memory()
def allocate(count):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    tensors = [torch.ones(16, 2**20) for _ in range(count)]  # 64 MiB each, freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
allocate(2)
print(kept, allocate(1))
"""


def pages_of_next_allocation(argument, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(('MALLOC_', 'GLIBC_TUNABLES'))}
    run = subprocess.run(
        [sys.executable, '-c', SCRIPT, argument],
        env={**clean, 'THP_MEM_ALLOC_ENABLE': '0', **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    kept, pages = run.stdout.split()
    return kept == 'True', int(pages)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), 'mallopt'), reason='the C library is not glibc')
def test_freed_memory_is_used_again_without_asking_the_system():
    assert pages_of_next_allocation('leave') == (False, pytest.approx(PAGES, rel=0.05))
    kept, pages = pages_of_next_allocation('keep')
    assert kept
    assert pages < PAGES / 20


@pytest.mark.parametrize(
    'environment', [{'MALLOC_ARENA_MAX': '2'}, {'GLIBC_TUNABLES': 'glibc.malloc.mmap_threshold=65536'}]
)
def test_a_malloc_set_up_by_the_environment_is_left_alone(environment):
    kept, pages = pages_of_next_allocation('keep', **environment)
    assert not kept
    assert pages > PAGES / 2


def test_other_c_libraries_are_left_alone(monkeypatch):
    for name in [name for name in os.environ if name.startswith(('MALLOC_', 'GLIBC_TUNABLES'))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(allocator.ctypes, 'CDLL', lambda _: object())
    assert not allocator.keep_freed_memory()
