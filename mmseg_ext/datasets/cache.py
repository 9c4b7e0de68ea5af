"""Decoded arrays in memory shared by all worker processes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mmseg_ext.errors import InputError

SHARED_MEMORY = Path('/dev/shm')


class SharedArrays:
    """Read-only list of uint8 arrays of any shapes in one block of shared memory.

    A data loader's workers map the same block, whether they are forked or spawned, so that N workers cost one copy.

    Args:
        arrays: Arrays of uint8, of any shapes.

    Raises:
        InputError: There is not enough shared memory.
    """

    def __init__(self, arrays: Sequence[NDArray[np.uint8]]) -> None:
        self._shapes = [array.shape for array in arrays]
        self._offsets = np.concatenate([[0], np.cumsum([array.size for array in arrays])]).astype(np.int64)
        size = int(self._offsets[-1])
        try:
            # The system reserves the block at once, and kills the process when a page of it is missing later.
            if SHARED_MEMORY.is_dir() and (free := shutil.disk_usage(SHARED_MEMORY).free) < size:
                raise OSError(f'{SHARED_MEMORY} has {free / 2**20:.0f} MiB free')
            self._block = torch.empty(size, dtype=torch.uint8).share_memory_()
        except (RuntimeError, OSError) as error:
            raise InputError(
                '`cache=True`',
                f'needs {size / 2**20:.0f} MiB of shared memory ({error})',
                'set `cache=False` or enlarge /dev/shm',
            ) from error
        target = self._block.numpy()
        for array, start, end in zip(arrays, self._offsets[:-1], self._offsets[1:], strict=True):
            target[start:end] = array.reshape(-1)

    def __len__(self) -> int:
        return len(self._shapes)

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedArrays:
        """Return the object itself: it cannot change, and a data set's ``get_subset`` must not double the memory."""
        return self

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """Return the array at a position, as a read-only view of the shared block."""
        view = self._block.numpy()[self._offsets[index] : self._offsets[index + 1]].reshape(self._shapes[index])
        view.flags.writeable = False
        return view
