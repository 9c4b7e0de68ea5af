"""Cache of decoded arrays in memory shared by all worker processes, filled as they are read."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

SHARED_MEMORY = Path('/dev/shm')
CGROUP = Path('/sys/fs/cgroup')
CACHE_SHARE = 0.25  # of the memory that is available
MAX_DIMENSIONS = 3


class SharedArrays:
    """uint8 arrays of up to three dimensions in one block of shared memory, each stored when it is first known.

    A data loader's workers map the same block, whether they are forked or spawned, so N workers cost one copy. The
    block is reserved as a whole, so storing an array later cannot run out of memory.

    Args:
        sizes: Bytes of each array; 0 for an array that is never stored.

    Raises:
        OSError: There is not enough shared memory.

    >>> arrays = SharedArrays([4, 0])
    >>> arrays.store(0, np.eye(2, dtype=np.uint8)), arrays.store(1, np.eye(2, dtype=np.uint8))
    (True, False)
    >>> arrays.get(0)
    array([[1, 0],
           [0, 1]], dtype=uint8)
    >>> arrays.get(1) is None
    True
    """

    def __init__(self, sizes: Sequence[int] | NDArray[np.int64]) -> None:
        self._offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
        size = int(self._offsets[-1])
        # The system grants the block at once, and kills the process when a page of it is missing later.
        if SHARED_MEMORY.is_dir() and (free := shutil.disk_usage(SHARED_MEMORY).free) < size:
            raise OSError(f'{SHARED_MEMORY} has {free / 2**20:.0f} MiB free')
        try:
            self._block = shared_zeros(size)
            self._shapes = shared_zeros(len(sizes) * MAX_DIMENSIONS * 4)
            self._checksums = shared_zeros(len(sizes) * 4)
        except RuntimeError as error:
            raise OSError(str(error)) from error
        self._is_known = np.zeros(len(sizes), bool)  # to this process: it has stored the array or checked it

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedArrays:
        """Return the object itself: a data set's ``get_subset`` must not double the memory."""
        return self

    def store(self, index: int, array: NDArray[np.uint8]) -> bool:
        """Store an array; return whether there is room for it. All processes must store the same array."""
        start, end = self._offsets[index : index + 2]
        if not array.size or array.size > end - start:
            return False
        self._block.numpy()[start : start + array.size] = array.reshape(-1)
        self._checksums.numpy().view(np.uint32)[index] = zlib.crc32(
            self._block.numpy()[start : start + array.size].data
        )
        self._shape(index)[:] = (*array.shape, *[-1] * (MAX_DIMENSIONS - array.ndim))  # the shape marks it as stored
        self._is_known[index] = True
        return True

    def get(self, index: int) -> NDArray[np.uint8] | None:
        """Return an array as a read-only view of the shared block; None if it has not been stored."""
        shape = tuple(int(side) for side in self._shape(index) if side >= 0)
        if not all(shape):
            return None
        start = self._offsets[index]
        data = self._block.numpy()[start : start + int(np.prod(shape))]
        if not self._is_known[index]:
            # Another process has stored it. Not every processor shows another's writes in order.
            if zlib.crc32(data.data) != self._checksums.numpy().view(np.uint32)[index]:
                return None
            self._is_known[index] = True
        view = data.reshape(shape)
        view.flags.writeable = False
        return view

    def _shape(self, index: int) -> NDArray[np.int32]:
        return self._shapes.numpy().view(np.int32).reshape(-1, MAX_DIMENSIONS)[index]


def shared_zeros(count: int) -> torch.Tensor:
    """Return zeros of shape (count,), uint8, that all worker processes share; ``share_memory_`` would copy them.

    Raises:
        RuntimeError: There is not enough shared memory.
    """
    storage = torch.UntypedStorage._new_shared(max(count, 1), device='cpu')
    return torch.empty(0, dtype=torch.uint8).set_(storage)[:count]


def cache_limit() -> int:
    """Return how many bytes a cache may take: a quarter of the available memory, half of the free shared memory.

    The processes of a training on one machine share this limit.
    """
    limit = available_memory() * CACHE_SHARE
    if SHARED_MEMORY.is_dir():  # the other half is for the batches of the loaders
        limit = min(limit, shutil.disk_usage(SHARED_MEMORY).free / 2)
    processes = os.environ.get('LOCAL_WORLD_SIZE') or os.environ.get('SLURM_NTASKS_PER_NODE') or '1'
    return int(limit / max(1, int(processes) if processes.isdigit() else 1))


def available_memory() -> float:
    """Return the bytes of memory available for new work, within the container's limit if it has one."""
    try:
        with open('/proc/meminfo', encoding='utf-8') as lines:
            available = next(1024.0 * int(line.split()[1]) for line in lines if line.startswith('MemAvailable'))
    except (OSError, StopIteration):
        pages = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') if hasattr(os, 'sysconf') else 8e9
        available = float(pages)
    try:
        most, used = (float((CGROUP / f'memory.{name}').read_text()) for name in ('max', 'current'))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return available
    return max(0.0, min(available, most - used + _reclaimable()))


def _reclaimable() -> float:
    """Return the bytes of cached files in the container's memory that the system frees for new work."""
    try:
        lines = (CGROUP / 'memory.stat').read_text().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith('inactive_file '))
    except (OSError, ValueError, IndexError, StopIteration):
        return 0.0
