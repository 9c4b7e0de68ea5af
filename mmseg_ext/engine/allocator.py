"""Settings of the C library's memory allocator for computations on the CPU."""

from __future__ import annotations

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt, in malloc.h of glibc


def keep_freed_memory() -> bool:
    """Let glibc keep freed memory for the next allocation, however large, and return whether it does.

    By default glibc gives large tensors back to the system as soon as they are freed. The next step of a training gets
    the memory anew, page by page, each cleared first, which took 3 to 25 % of a step
    (docs/adr/0026-freed-memory-is-kept.md). With this setting, the process keeps its peak memory until it ends.

    Nothing changes if the environment configures malloc, or with another C library.
    """
    configured = any(name.startswith('MALLOC_') for name in os.environ)
    if configured or 'glibc.malloc' in os.environ.get('GLIBC_TUNABLES', ''):
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None) if os.name == 'posix' else None
    return mallopt is not None and bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))
