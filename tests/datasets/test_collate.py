from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

pytest.importorskip('mmseg')

from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_ext.datasets import collate as module
from mmseg_ext.datasets.collate import collate


class Pairs(Dataset):
    """Images of several sizes and types, with their masks."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> dict[str, Any]:
        rng = torch.Generator().manual_seed(index)
        height = 3 + index % 2
        mask = torch.randint(0, 9, (1, height, 7), generator=rng, dtype=torch.uint8)
        return {
            'inputs': torch.randint(0, 255, (3, height, 7), generator=rng, dtype=torch.uint8).flip(-1),
            'data_samples': SegDataSample(gt_sem_seg=PixelData(data=mask), metainfo={'ori_shape': (height, 7)}),
            'more': [torch.rand(2, 2, generator=rng).T, torch.tensor(index), torch.zeros(0, 4), f'{index}.png'],
        }


def plain(value: Any) -> Any:
    """The same as lists, strings and tensors, to be compared."""
    if isinstance(value, SegDataSample):
        return [value.gt_sem_seg.data, dict(value.metainfo)]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, str):
        return list(value.encode())
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize('workers', [0, 2])
def test_batches_are_those_of_mmengine(workers: int) -> None:
    found = list(DataLoader(Pairs(), batch_size=2, num_workers=workers, collate_fn=collate))
    expected = list(DataLoader(Pairs(), batch_size=2, num_workers=0, collate_fn=pseudo_collate))
    assert len(found) == 3
    torch.testing.assert_close(plain(found), plain(expected), rtol=0, atol=0)
    storages = {value.untyped_storage().data_ptr() for value in found[0]['inputs']}
    assert len(storages) == (1 if workers else 2)  # from a worker they share one


def test_tensors_of_a_batch_can_be_changed_alone() -> None:
    """They are views of one buffer, side by side: none reaches into the next."""
    batch = {
        'a': torch.arange(5, dtype=torch.uint8),
        'b': torch.ones(3),
        'c': torch.tensor([2.0], dtype=torch.bfloat16),
    }
    copy = pickle.loads(pickle.dumps(module._Parcel(batch)))
    copy['a'].fill_(9)
    copy['b'].add_(1)
    assert copy['a'].tolist() == [9] * 5
    assert copy['b'].tolist() == [2.0] * 3
    assert copy['c'].tolist() == [2.0]
    assert copy['b'].data_ptr() % 64 == copy['a'].data_ptr() % 64


def test_what_is_no_plain_tensor_goes_its_own_way() -> None:
    batch = {'weight': torch.nn.Parameter(torch.ones(2)), 'sparse': torch.eye(3).to_sparse(), 'none': None}
    copy = pickle.loads(pickle.dumps(module._Parcel(batch)))
    assert isinstance(copy['weight'], torch.nn.Parameter)
    assert copy['sparse'].is_sparse
    assert copy['none'] is None
