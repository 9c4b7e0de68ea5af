"""Shared memory that the worker processes of data loaders need to hand over their batches."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.structures import BaseDataElement
from torch import Tensor
from torch.utils.data import DataLoader

from mmseg_ext.datasets.cache import SHARED_MEMORY
from mmseg_ext.engine.checkpoints.training_state import get_rng_state, set_rng_state
from mmseg_ext.errors import InputError

PAGE = 4096  # bytes that a tensor in shared memory takes at least
RESERVE = 65536  # bytes for queues and locks


def check_shared_memory(loaders: Sequence[DataLoader[Any]]) -> None:
    """Refuse loaders whose workers need more shared memory than there is.

    A worker that finds too little prints a traceback and continues without its batch, for which the training then waits
    forever; or the system kills it. The need is estimated from all batches that may be in flight, and the size of the
    first sample of each data set.

    Args:
        loaders: The loaders in use at the same time.

    Raises:
        InputError: There is too little.
    """
    loaders = [loader for loader in loaders if loader.num_workers and len(loader.dataset)]  # type: ignore[arg-type]
    if not loaders or not SHARED_MEMORY.is_dir():
        return
    state = get_rng_state()
    need = RESERVE + sum(
        count_shared_bytes(loader.dataset[0])
        * (loader.batch_size or 1)
        * loader.num_workers
        * (loader.prefetch_factor or 2)
        for loader in loaders
    )
    set_rng_state(state)
    free = shutil.disk_usage(SHARED_MEMORY).free
    if free < need:
        raise too_little_memory(f'{free / 2**20:.1f} MiB are free, up to {need / 2**20:.1f} may be needed')


def count_shared_bytes(sample: Any) -> int:
    """Count the bytes that the tensors in a sample take in shared memory.

    >>> import torch
    >>> count_shared_bytes({'inputs': [torch.zeros(3, 64, 64)], 'name': 'a'})
    49152
    """
    if isinstance(sample, Tensor):
        return -(-sample.nbytes // PAGE) * PAGE
    if isinstance(sample, Mapping | BaseDataElement):
        return sum(map(count_shared_bytes, sample.values()))
    return sum(map(count_shared_bytes, sample)) if isinstance(sample, list | tuple) else 0


def too_little_memory(reason: str) -> InputError:
    """Return the error that names the shared memory and what to do."""
    return InputError(
        SHARED_MEMORY,
        f'too little shared memory for the worker processes of the data loaders ({reason})',
        'load in the main process: `options=train_dataloader.num_workers=0` val_dataloader.num_workers=0 '
        '(test_dataloader in a test), or enlarge it',
    )
