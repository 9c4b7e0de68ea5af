from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_ext.converters.mads import MADS
from mmseg_ext.converters.output import Sample, write_data_set
from mmseg_ext.converters.ph2 import PH2
from mmseg_ext.data import Classes
from mmseg_ext.datasets import FolderDataset
from mmseg_ext.errors import InputError

MakeData = Callable[..., Path]
LOAD = [{'type': 'mmseg_ext.LoadImage'}, {'type': 'mmseg_ext.LoadMask'}]


@pytest.fixture(autouse=True)
def _scope() -> Any:
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield


def stems(dataset: FolderDataset) -> list[str]:
    return [dataset.get_data_info(index)['stem'] for index in range(len(dataset))]


def stored(root: Path, stem: str, labels: str = 'labels') -> tuple[np.ndarray, np.ndarray]:
    """Image (BGR) and mask, read by Pillow."""
    with Image.open(root / f'img/train/{stem}.png') as image, Image.open(root / f'{labels}/train/{stem}.png') as mask:
        return np.asarray(image)[:, :, ::-1], np.asarray(mask)


def test_built_by_name_it_takes_its_classes_from_the_file(make_data: MakeData) -> None:
    root = make_data()
    config = {'type': 'mmseg_ext.FolderDataset', 'data_root': str(root), 'split': 'train', 'pipeline': LOAD}
    dataset = DATASETS.build(config)
    assert type(dataset) is FolderDataset
    assert dataset.metainfo['classes'] == ('background', 'one', 'two')
    assert dataset.metainfo['palette'] == [[0, 0, 0], [10, 20, 30], [250, 240, 230]]
    assert dataset.metainfo['ignore_index'] == dataset.ignore_index == 9
    assert (dataset.metainfo['split'], dataset.metainfo['labels']) == ('train', 'labels')
    assert dataset.metainfo['label_map'] is None
    assert stems(dataset) == ['s0', 's1', 's2']


@pytest.mark.parametrize(('classes', 'names'), [(PH2, ('skin', 'lesion')), (MADS, ('background', 'person'))])
def test_it_reads_what_a_converter_writes(classes: Classes, names: tuple[str, ...], tmp_path: Path) -> None:
    mask = np.eye(4, 6, dtype=np.uint8)
    samples = [Sample('train', 'a', '.png', lambda: (np.zeros((4, 6, 3), np.uint8), mask))]
    write_data_set(tmp_path / 'data', classes, samples, 'test', {})
    dataset = FolderDataset(str(tmp_path / 'data'), 'train', cache=True)
    assert dataset.metainfo['classes'] == names
    assert [tuple(colour) for colour in dataset.metainfo['palette']] == list(classes.palette)
    np.testing.assert_array_equal(dataset.get_data_info(0)['gt_seg_map'], mask)


@pytest.mark.parametrize('cache', [False, True])
def test_a_sample_holds_what_the_files_hold(cache: bool, make_data: MakeData) -> None:
    root = make_data()
    dataset = FolderDataset(str(root), 'train', cache=cache, pipeline=LOAD)
    for index, stem in enumerate(['s0', 's1', 's2']):
        sample = dataset[index]
        image, mask = stored(root, stem)
        np.testing.assert_array_equal(sample['img'], image)
        np.testing.assert_array_equal(sample['gt_seg_map'], mask)
        assert sample['img'].dtype == sample['gt_seg_map'].dtype == np.uint8
        assert sample['img_shape'] == sample['ori_shape'] == (6 + index, 8)
        assert sample['seg_fields'] == ['gt_seg_map']
        assert sample['img_path'] == str(root / f'img/train/{stem}.png')
        assert sample['reduce_zero_label'] is False


def test_another_label_set(make_data: MakeData) -> None:
    root = make_data()
    make_data(labels='redrawn')
    mask = np.full((6, 8), 2, np.uint8)
    Image.fromarray(mask).save(root / 'redrawn/train/s0.png')
    dataset = FolderDataset(str(root), 'train', labels='redrawn', pipeline=LOAD)
    np.testing.assert_array_equal(dataset[0]['gt_seg_map'], mask)


@pytest.mark.parametrize('cache', [False, True])
def test_without_labels_there_are_images_alone(cache: bool, make_data: MakeData) -> None:
    root = make_data()
    dataset = FolderDataset(str(root), 'train', labels=None, cache=cache, pipeline=LOAD)
    assert 'gt_seg_map' not in dataset[0]
    assert dataset[0]['seg_fields'] == []
    np.testing.assert_array_equal(dataset[0]['img'], stored(root, 's0')[0])


@pytest.mark.parametrize('cache', [False, True])
def test_optional_masks_may_miss_as_a_whole_but_not_one_by_one(cache: bool, make_data: MakeData) -> None:
    root = make_data()
    (root / 'img/test').mkdir()
    Image.new('RGB', (4, 4)).save(root / 'img/test/x.png')
    arguments: dict[str, Any] = {'masks_optional': True, 'cache': cache, 'pipeline': LOAD}
    assert 'gt_seg_map' not in FolderDataset(str(root), 'test', **arguments)[0]
    assert 'gt_seg_map' in FolderDataset(str(root), 'train', **arguments)[0]
    with pytest.raises(InputError, match='folder not found'):
        FolderDataset(str(root), 'test')
    (root / 'labels/train/s1.png').unlink()
    with pytest.raises(InputError, match=r's1\.png: image without mask'):
        FolderDataset(str(root), 'train', **arguments)


@pytest.mark.parametrize('cache', [False, True])
@pytest.mark.parametrize(('indices', 'kept'), [(2, ['s0', 's1']), ([3, 1], ['s3', 's1'])])
def test_indices_choose_samples_and_only_those_are_read(
    cache: bool, indices: int | list[int], kept: list[str], make_data: MakeData
) -> None:
    root = make_data(count=5)
    (root / 'img/train/s4.png').write_text('not chosen, not read')
    dataset = FolderDataset(str(root), 'train', indices=indices, cache=cache, pipeline=LOAD)
    assert stems(dataset) == kept
    for index, stem in enumerate(kept):
        np.testing.assert_array_equal(dataset[index]['img'], stored(root, stem)[0])
        np.testing.assert_array_equal(dataset[index]['gt_seg_map'], stored(root, stem)[1])


def test_a_list_chooses_samples_and_its_classes_can_be_asked_for(make_data: MakeData, tmp_path: Path) -> None:
    root = make_data(count=5)
    (tmp_path / 'some.txt').write_text('# of train\ns3\ntrain/s1\n')
    dataset = FolderDataset(str(root), 'train', ann_file=str(tmp_path / 'some.txt'), cache=True, pipeline=LOAD)
    assert stems(dataset) == ['s1', 's3']
    for index, stem in enumerate(('s1', 's3')):
        assert dataset.get_cat_ids(index) == [int(value) for value in np.unique(stored(root, stem)[1]) if value < 3]
    uncached = FolderDataset(str(root), 'train', ann_file=str(tmp_path / 'some.txt'), pipeline=LOAD)
    assert uncached.get_cat_ids(1) == dataset.get_cat_ids(1)
    (tmp_path / 'some.txt').write_text('s9\n')
    with pytest.raises(InputError, match='s9'):
        FolderDataset(str(root), 'train', ann_file=str(tmp_path / 'some.txt'))


def test_lazily_built_it_checks_when_it_is_filled(make_data: MakeData) -> None:
    root = make_data()
    (root / 'img/train/s0.png').write_text('no image')
    dataset = FolderDataset(str(root), 'train', lazy_init=True)
    assert dataset.metainfo['classes'] == ('background', 'one', 'two')
    with pytest.raises(InputError, match='cannot be decoded'):
        dataset.full_init()


def test_without_check_only_names_are_looked_at(make_data: MakeData) -> None:
    root = make_data()
    (root / 'img/train/s0.png').write_text('no image')
    dataset = FolderDataset(str(root), 'train', check=False, pipeline=LOAD)
    assert dataset[1]['img'].shape == (7, 8, 3)
    with pytest.raises(InputError, match=r's0\.png: image cannot be decoded'):
        dataset[0]
    (root / 'labels/train/s1.png').unlink()
    with pytest.raises(InputError, match='image without mask'):
        FolderDataset(str(root), 'train', check=False)


def test_hidden_and_foreign_files_are_passed_over(make_data: MakeData) -> None:
    root = make_data()
    for name in ('._s0.png', 'notes.txt', 'Thumbs.db'):
        (root / 'img/train' / name).write_text('x')
        (root / 'labels/train' / name).write_text('x')
    assert stems(FolderDataset(str(root), 'train')) == ['s0', 's1', 's2']


def test_a_home_folder_is_found(make_data: MakeData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HOME', str(make_data().parent))
    assert len(FolderDataset('~/data', 'train', pipeline=LOAD)) == 3


def test_it_can_be_pickled(make_data: MakeData) -> None:
    dataset = FolderDataset(str(make_data()), 'train', cache=True, pipeline=LOAD)
    copy = pickle.loads(pickle.dumps(dataset))
    np.testing.assert_array_equal(copy[2]['img'], dataset[2]['img'])


def test_a_missing_data_folder_and_a_missing_list_of_classes(make_data: MakeData, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f'^{tmp_path}/none: data folder not found.*data_root'):
        FolderDataset(str(tmp_path / 'none'), 'train')
    root = make_data(yaml=None)
    with pytest.raises(InputError, match=rf'^{root}/dataset\.yaml: not found; .*`classes: '):
        FolderDataset(str(root), 'train')


@pytest.mark.parametrize('cache', [False, True])
def test_the_files_are_checked_at_the_start(cache: bool, make_data: MakeData) -> None:
    root = make_data()
    (root / 'labels/train/s0.png').write_text('no mask')
    with pytest.raises(InputError, match=r's0\.png: mask cannot be read.*see all: mmseg-ext audit'):
        FolderDataset(str(root), 'train', cache=cache)
    with pytest.raises(InputError, match='folder not found'):
        FolderDataset(str(root), 'val', cache=cache)


def test_the_home_folder_is_found_with_a_list_too(make_data: MakeData, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmseg_ext.engine.hooks.run_record import _describe_data

    root = make_data()
    (root / 'list.txt').write_text('s2\n')
    monkeypatch.setenv('HOME', str(root.parent))
    source = {'data_root': f'~/{root.name}', 'split': 'train', 'labels': 'labels', 'ann_file': 'list.txt'}
    assert stems(FolderDataset(**source)) == ['s2']
    known = _describe_data({**source, 'data_root': str(root)}, with_fingerprint=True)
    assert _describe_data(source, with_fingerprint=True) == known
    assert known['fingerprint'] is not None


def test_a_subset_is_checked_alone(make_data: MakeData) -> None:
    root = make_data()
    (root / 'labels/train/s0.png').write_bytes(b'damaged')
    assert stems(FolderDataset(str(root), 'train', indices=[1, 2], cache=True)) == ['s1', 's2']
    with pytest.raises(InputError, match=r's0\.png'):
        FolderDataset(str(root), 'train', cache=True)
