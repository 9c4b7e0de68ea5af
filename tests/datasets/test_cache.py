from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mmcv.transforms import BaseTransform
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader

from mmseg_ext.datasets import FolderDataset
from mmseg_ext.datasets.cache import SharedArrays
from mmseg_ext.datasets.transforms import LoadImage, LoadMask
from mmseg_ext.errors import InputError

MakeData = Callable[..., Path]


class Blacken(BaseTransform):
    """Works in place, as many transforms do."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        results['img'][:] = 0
        results['gt_seg_map'][:] = 1
        return results


def build(root: Path, *transforms: Any, **changes: Any) -> FolderDataset:
    return FolderDataset(str(root), 'train', pipeline=[LoadImage(), LoadMask(), *transforms], **changes)


def assert_same_samples(one: Any, other: Any) -> None:
    assert len(one) == len(other)
    for index in range(len(one)):
        left, right = one[index], other[index]
        assert left.keys() == right.keys()
        for key in left:
            np.testing.assert_array_equal(left[key], right[key], err_msg=key)


@settings(max_examples=50)
@given(st.lists(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5)), max_size=5))
def test_arrays_come_back_as_they_were(arrays: list[np.ndarray]) -> None:
    shared = SharedArrays(arrays)
    assert len(shared) == len(arrays)
    for index, array in enumerate(arrays):
        assert shared[index].dtype == np.uint8
        np.testing.assert_array_equal(shared[index], array)
        assert shared[index].shape == array.shape


def test_views_of_another_memory_order_are_stored_by_their_values() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(4, 6)
    shared = SharedArrays([array[:, ::-2], array.T])
    np.testing.assert_array_equal(shared[0], array[:, ::-2])
    np.testing.assert_array_equal(shared[1], array.T)


def test_the_arrays_cannot_be_written() -> None:
    shared = SharedArrays([np.zeros((2, 2), np.uint8)])
    with pytest.raises(ValueError, match='read-only'):
        shared[0][0, 0] = 1
    assert shared[0].sum() == 0


def test_a_copy_is_the_same_memory() -> None:
    shared = SharedArrays([np.zeros((2, 2), np.uint8)])
    assert np.shares_memory(copy.deepcopy(shared)[0], shared[0])


def test_too_little_shared_memory_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: torch.Tensor) -> None:
        raise RuntimeError('unable to allocate shared memory(shm)')

    monkeypatch.setattr(torch.Tensor, 'share_memory_', fail)
    with pytest.raises(InputError, match=r'2 MiB of shared memory .*cache=False'):
        SharedArrays([np.zeros((2, 2**20), np.uint8)])


@pytest.mark.parametrize('serialize', [True, False])
def test_cached_and_read_samples_are_equal(serialize: bool, make_data: MakeData) -> None:
    root = make_data(count=4)
    cached = build(root, cache=True, serialize_data=serialize)
    assert_same_samples(cached, build(root))
    for path in (root / 'img/train').iterdir():
        path.unlink()
    assert len({cached[index]['img'].tobytes() for index in range(4)}) == 4  # from memory alone


def test_a_mask_that_is_loaded_after_a_resize_keeps_its_size(make_data: MakeData) -> None:
    """As in the pipelines of val and test: metrics are counted on the mask as it is stored."""
    root = make_data()
    with DefaultScope.overwrite_default_scope('mmseg'):
        pipeline = [
            {'type': 'mmseg_ext.LoadImage'},
            {'type': 'Resize', 'scale': (16, 16)},
            {'type': 'mmseg_ext.LoadMask'},
        ]
        datasets = [FolderDataset(str(root), 'train', cache=cache, pipeline=pipeline) for cache in (True, False)]
    assert_same_samples(*datasets)
    assert datasets[0][1]['img'].shape == (16, 16, 3)
    assert datasets[0][1]['gt_seg_map'].shape == (7, 8)


@pytest.mark.parametrize('serialize', [True, False])
def test_a_subset_has_its_own_samples_and_the_same_memory(serialize: bool, make_data: MakeData) -> None:
    root = make_data(count=5)
    whole, plain = (build(root, cache=cache, serialize_data=serialize) for cache in (True, False))
    subset = whole.get_subset([4, 1])
    assert [subset.get_data_info(index)['stem'] for index in range(2)] == ['s4', 's1']
    assert_same_samples(subset, plain.get_subset([4, 1]))
    assert np.shares_memory(subset.get_data_info(0)['img'], whole.get_data_info(4)['img'])
    assert_same_samples(whole, plain)
    whole.get_subset_([3])
    assert_same_samples(whole, plain.get_subset([3]))


def test_work_in_place_leaves_the_cache_alone(make_data: MakeData) -> None:
    root = make_data()
    blackened, plain = build(root, Blacken(), cache=True), build(root)
    assert blackened[0]['img'].sum() == 0
    assert blackened[0]['gt_seg_map'].min() == 1
    np.testing.assert_array_equal(blackened.get_data_info(0)['img'], plain[0]['img'])
    np.testing.assert_array_equal(blackened.get_data_info(0)['gt_seg_map'], plain[0]['gt_seg_map'])


@pytest.mark.parametrize(('start', 'workers'), [('fork', 2), ('spawn', 1)])
def test_workers_see_one_block(start: str, workers: int, make_data: MakeData) -> None:
    """They start with the data set's arrays, and what the parent writes afterwards reaches them: nothing was copied."""
    dataset = build(make_data(count=4), cache=True)
    loader = DataLoader(
        dataset,
        num_workers=workers,
        collate_fn=list,
        multiprocessing_context=start,
        persistent_workers=True,
        timeout=120,  # only so that a worker that cannot start does not hang the run
    )
    assert_same_samples([batch[0] for batch in loader], dataset)
    assert dataset._images is not None
    assert dataset._masks is not None
    dataset._images._block.fill_(7)
    dataset._masks._block.fill_(2)
    samples = [batch[0] for batch in loader]
    assert [sample['stem'] for sample in samples] == ['s0', 's1', 's2', 's3']
    assert all((sample['img'] == 7).all() and (sample['gt_seg_map'] == 2).all() for sample in samples)
