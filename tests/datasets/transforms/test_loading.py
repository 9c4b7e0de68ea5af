from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.datasets.transforms import LoadImage, LoadMask
from mmseg_ext.errors import InputError

MASK = np.array([[0, 1, 2], [255, 0, 1]], np.uint8)


def test_an_image_is_read_with_its_shape(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 3, 3), (1, 2, 3), np.uint8)).save(tmp_path / 'a.png')
    results = LoadImage()({'img_path': str(tmp_path / 'a.png')})
    assert results['img'].tolist() == [[[3, 2, 1]] * 3] * 2
    assert results['img_shape'] == results['ori_shape'] == (2, 3)


def test_arrays_that_are_there_are_copied_and_not_read() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    image.flags.writeable = MASK.flags.writeable = False
    results = LoadMask()(LoadImage()({'img_path': 'none', 'img': image, 'seg_map_path': 'none', 'gt_seg_map': MASK}))
    np.testing.assert_array_equal(results['gt_seg_map'], MASK)
    for key, array in (('img', image), ('gt_seg_map', MASK)):
        assert not np.shares_memory(results[key], array)
        results[key][:] = 1  # a transform may
    assert image.sum() == 0


def test_a_mask_is_read_as_indices_that_may_be_changed(tmp_path: Path) -> None:
    Image.fromarray(MASK).save(tmp_path / 'a.png')
    results = LoadMask()({'seg_map_path': str(tmp_path / 'a.png'), 'seg_fields': ['depth']})
    np.testing.assert_array_equal(results['gt_seg_map'], MASK)
    assert results['seg_fields'] == ['depth', 'gt_seg_map']
    results['gt_seg_map'][:] = 0


def test_the_fields_of_the_sample_are_not_shared(tmp_path: Path) -> None:
    fields: list[str] = []
    LoadMask()({'gt_seg_map': MASK, 'seg_fields': fields})
    assert fields == []


@pytest.mark.parametrize('path', [{}, {'seg_map_path': None}])
def test_a_sample_without_a_mask_stays(path: dict) -> None:
    assert LoadMask()({**path, 'seg_fields': []}) == {**path, 'seg_fields': []}


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r'/none/a\.png'):
        LoadImage()({'img_path': '/none/a.png'})
    with pytest.raises(InputError, match=r'/none/b\.png'):
        LoadMask()({'seg_map_path': '/none/b.png'})


def test_mmseg_finds_the_loaders_by_its_own_names(tmp_path: Path) -> None:
    pytest.importorskip('mmseg')
    from mmcv.transforms import TRANSFORMS

    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    pixels = np.zeros((2, 4, 3), np.uint8)
    pixels[0] = (255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / 'a.png', exif=exif)
    loader, inferencer = (
        TRANSFORMS.build({'type': name, '_scope_': 'mmseg_ext'}) for name in ('LoadImageFromFile', 'InferencerLoader')
    )
    assert type(loader) is LoadImage
    bgr = pixels[..., ::-1]
    for source in (bgr, {'img': bgr}):
        np.testing.assert_array_equal(inferencer(source)['img'], bgr)
    upright = inferencer(str(tmp_path / 'a.png'))
    np.testing.assert_array_equal(upright['img'], bgr[::-1])  # as a viewer shows it
    assert upright['ori_shape'] == (2, 4)
