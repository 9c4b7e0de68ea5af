"""Tests of the memory allocator's settings, each in a process of its own."""

import ctypes
import os
import subprocess
import sys

import pytest

from mmseg_ext.engine import allocator

SCRIPT = """
import sys
from mmseg_ext.engine.allocator import keep_freed_memory
import torch
def resident():
    return int(open('/proc/self/statm').read().split()[1]) // 256  # pages of 4 KiB
kept = sys.argv[1] == 'keep' and keep_freed_memory()
before = resident()
tensors = [torch.ones(16, 2**20) for _ in range(2)]  # 64 MiB each
del tensors
print(kept, resident() - before)
"""


def mebibytes_after_freeing_128(argument, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(('MALLOC_', 'GLIBC_TUNABLES'))}
    run = subprocess.run(
        [sys.executable, '-c', SCRIPT, argument],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    kept, held = run.stdout.split()
    return kept == 'True', int(held)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), 'mallopt'), reason='the C library is not glibc')
def test_freed_memory_stays_with_the_process():
    kept, held = mebibytes_after_freeing_128('leave')
    assert not kept
    assert held < 64
    kept, held = mebibytes_after_freeing_128('keep')
    assert kept
    assert held >= 120


@pytest.mark.parametrize(
    'environment', [{'MALLOC_ARENA_MAX': '2'}, {'GLIBC_TUNABLES': 'glibc.malloc.mmap_threshold=65536'}]
)
def test_a_malloc_set_up_by_the_environment_is_left_alone(environment):
    kept, held = mebibytes_after_freeing_128('keep', **environment)
    assert not kept
    assert held < 64


def test_other_c_libraries_are_left_alone(monkeypatch):
    for name in [name for name in os.environ if name.startswith(('MALLOC_', 'GLIBC_TUNABLES'))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(allocator.ctypes, 'CDLL', lambda _: object())
    assert not allocator.keep_freed_memory()
