from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mmcv.transforms import BaseTransform
from mmengine.registry import DefaultScope
from PIL import Image
from torch.utils.data import DataLoader

from mmseg_ext.data.check import PairCheck
from mmseg_ext.datasets import FolderDataset, cache
from mmseg_ext.datasets.cache import SharedArrays, cache_limit
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


def filled(arrays: list[np.ndarray]) -> SharedArrays:
    shared = SharedArrays([array.size for array in arrays])
    for index, array in enumerate(arrays):
        assert shared.get(index) is None
        assert shared.store(index, array)
    return shared


@settings(max_examples=50)
@given(st.lists(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=3, max_side=5)), max_size=5))
def test_arrays_come_back_as_they_were(arrays: list[np.ndarray]) -> None:
    shared = filled(arrays)
    for index, array in enumerate(arrays):
        found = shared.get(index)
        assert found is not None
        assert found.dtype == np.uint8
        assert found.shape == array.shape
        np.testing.assert_array_equal(found, array)


def test_views_of_another_memory_order_are_stored_by_their_values() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(4, 6)
    shared = filled([array[:, ::-2], array.T])
    np.testing.assert_array_equal(shared.get(0), array[:, ::-2])
    np.testing.assert_array_equal(shared.get(1), array.T)


def test_an_array_that_does_not_fit_is_not_stored() -> None:
    shared = SharedArrays([4, 0, 4])
    assert [shared.store(index, np.ones((2, 2), np.uint8)) for index in range(3)] == [True, False, True]
    assert not shared.store(2, np.zeros((2, 3), np.uint8))
    assert shared.get(1) is None
    np.testing.assert_array_equal(shared.get(2), np.ones((2, 2)))


def test_the_arrays_cannot_be_written() -> None:
    found = filled([np.zeros((2, 2), np.uint8)]).get(0)
    assert found is not None
    with pytest.raises(ValueError, match='read-only'):
        found[0, 0] = 1
    assert found.sum() == 0


def test_a_copy_is_the_same_memory() -> None:
    shared = filled([np.zeros((2, 2), np.uint8)])
    assert np.shares_memory(*(one.get(0) for one in (shared, copy.deepcopy(shared))))


def test_what_another_process_has_not_wholly_stored_is_not_there_yet() -> None:
    """A shape may be seen before the values that were written before it."""
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    shared = filled([array])
    shared._is_known[:] = False  # as in another process
    shared._block[5] = 0
    assert shared.get(0) is None
    shared._block[5] = 5
    np.testing.assert_array_equal(shared.get(0), array)


def test_too_little_shared_memory(monkeypatch: pytest.MonkeyPatch, make_data: MakeData) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError('unable to allocate shared memory(shm)')

    monkeypatch.setattr(torch.UntypedStorage, '_new_shared', fail)
    with pytest.raises(OSError, match='unable to allocate'):
        SharedArrays([4])


@pytest.mark.parametrize(('limit', 'kept'), [(0, []), (6 * 8 * 4 + 7 * 8 * 4, [0, 1]), (10**6, [0, 1, 2, 3])])
def test_what_memory_does_not_hold_is_decoded_whenever_it_is_read(
    limit: int, kept: list[int], make_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr('mmseg_ext.datasets.folder.cache_limit', lambda: limit)
    monkeypatch.setattr('mmseg_ext.datasets.folder._warn', lines.append)
    root = make_data(count=4)
    cached = build(root, cache=True)
    assert [index for index in range(4) if 'img' in cached.get_data_info(index)] == kept
    assert_same_samples(cached, build(root))
    about = f'{root}/img/train: {len(kept)} of 4 images are cached, in 0 MiB (`cache_gib`, or what memory allows); '
    assert [line.startswith(about) for line in lines] == ([True] if len(kept) < 4 else [])
    lines.clear()
    build(root, cache=True, cache_gib=250 / 2**30)  # holds the first
    assert lines[0].startswith(f'{root}/img/train: {min(len(kept), 1)} of 4')


def test_the_limit_is_a_part_of_what_is_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cache, 'SHARED_MEMORY', tmp_path / 'none')
    monkeypatch.setattr(cache, 'available_memory', lambda: 1000.0)
    assert cache_limit() == 250
    monkeypatch.setenv('LOCAL_WORLD_SIZE', '2')
    assert cache_limit() == 125
    monkeypatch.setattr(cache, 'SHARED_MEMORY', tmp_path)
    monkeypatch.setattr(cache.shutil, 'disk_usage', lambda path: SimpleNamespace(free=100))
    assert cache_limit() == 25


def test_a_container_has_the_memory_of_its_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cache, 'CGROUP', tmp_path)
    whole = cache.available_memory()
    assert whole > 1e7
    (tmp_path / 'memory.current').write_text('2000\n')
    for most, available in (('3000', 1000), ('1000', 0)):
        (tmp_path / 'memory.max').write_text(f'{most}\n')
        assert cache.available_memory() == available
    (tmp_path / 'memory.max').write_text('max\n')
    assert cache.available_memory() > 1e7


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


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('cached', [False, True])
def test_pairs_are_checked_and_cached_when_they_are_first_read(
    cached: bool, workers: int, make_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PairCheck.check_at_once, '__kwdefaults__', {'pairs': 2, 'workers': 1})
    root = make_data(count=5)
    dataset = build(root, cache=cached)
    assert dataset._checked is not None
    assert dataset._checked.tolist() == [1, 0, 0, 0, 1]
    loader = DataLoader(dataset, num_workers=workers, collate_fn=list, persistent_workers=workers > 0, timeout=0)
    assert_same_samples([batch[0] for batch in loader], build(root, check=False))
    assert dataset._checked.tolist() == [1] * 5  # also where a worker has read them
    for path in (root / 'img/train').iterdir():
        path.write_bytes(b'')
    if cached:
        assert len({batch[0]['img'].tobytes() for batch in loader}) == 5
    else:
        with pytest.raises(InputError, match='cannot be decoded'):
            next(iter(loader))


@pytest.mark.parametrize('cached', [False, True])
def test_a_mask_that_is_found_wrong_when_it_is_first_read(
    cached: bool, make_data: MakeData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PairCheck.check_at_once, '__kwdefaults__', {'pairs': 2, 'workers': 1})
    root = make_data(count=5)
    Image.fromarray(np.full((8, 8), 5, np.uint8)).save(root / 'labels/train/s2.png')
    dataset = build(root, cache=cached)
    for source in (dataset, dataset.get_subset([2, 4, 0, 1, 3])):
        for _ in range(2):  # it stays wrong
            with pytest.raises(InputError, match=r's2\.png: holds class id 5, known: .*; see all: mmseg-ext audit'):
                source[2 if source is dataset else 0]
    plain = FolderDataset(str(root), 'train', cache=cached, pipeline=[])  # whoever loads it, and however
    with pytest.raises(InputError, match='holds class id 5'):
        plain[2]


def test_files_that_the_system_gives_up_count_as_free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cache, 'CGROUP', tmp_path)
    for name, text in (('max', '1000'), ('current', '900'), ('stat', 'anon 10\ninactive_file 600\nactive_file 5\n')):
        (tmp_path / f'memory.{name}').write_text(text)
    assert cache.available_memory() == 700
    (tmp_path / 'memory.stat').write_text('anon 10\n')
    assert cache.available_memory() == 100
