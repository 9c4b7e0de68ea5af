from __future__ import annotations

import errno
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.utils.data import DataLoader, TensorDataset

from mmseg_ext.datasets.cache import SHARED_MEMORY
from mmseg_ext.engine import guard
from mmseg_ext.engine.loader_memory import check_shared_memory, count_shared_bytes
from mmseg_ext.errors import InputError

MIB = 2**20


def test_tensors_are_counted_by_the_page() -> None:
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.zeros(1, 64, 64, dtype=torch.uint8)))
    assert count_shared_bytes({'inputs': torch.zeros(3, 64, 64, dtype=torch.uint8), 'data_samples': sample}) == 4 * 4096
    assert count_shared_bytes([torch.zeros(1), 'text', 3]) == 4096


@pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason='needs /dev/shm')
def test_workers_need_room_for_the_batches_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple('usage', 'total used free')
    dataset = TensorDataset(torch.zeros(4, 1, 512, 512))  # 1 MiB each
    alone, helped = (DataLoader(dataset, batch_size=2, num_workers=workers) for workers in (0, 3))
    for free, loaders, is_enough in ((12, [helped], False), (13, [helped], True), (0, [alone], True)):
        monkeypatch.setattr(shutil, 'disk_usage', lambda _, free=free: usage(0, 0, free * MIB))
        if is_enough:
            check_shared_memory(loaders)
            continue
        with pytest.raises(InputError, match=r'/dev/shm: .*12\.0 MiB are free.*train_dataloader\.num_workers=0'):
            check_shared_memory(loaders)


def test_what_torch_says_of_shared_memory_is_translated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(error: Exception) -> None:
        raise error

    with pytest.raises(InputError, match='/dev/shm'):
        guard.guarded(lambda: fail(RuntimeError('unable to write to file </torch_1_2>: No space left on device (28)')))
    with pytest.raises(RuntimeError, match='shape'):
        guard.guarded(lambda: fail(RuntimeError('shape')))
    no_space = OSError(errno.ENOSPC, 'No space left on device')
    with pytest.raises(InputError, match='a file of the run'):
        guard.guarded(lambda: fail(no_space))
    loader = DataLoader(TensorDataset(torch.zeros(4)), num_workers=1)
    monkeypatch.setattr(type(loader), 'multiprocessing_context', property(lambda self: fail(no_space)))
    with pytest.raises(InputError, match='/dev/shm'):
        guard.guarded(lambda: next(iter(loader)))
