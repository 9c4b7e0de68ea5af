from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmseg_ext.converters.voc import VOC_CLASSES
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.errors import InputError

Make = Callable[[str], Any]
Splits = Callable[[Path], dict[str, str]]


def test_voc_keeps_images_without_the_classes_on_request(make_source: Make, tmp_path: Path, splits: Splits) -> None:
    source = make_source('voc')
    source.convert(tmp_path / 'data', keep_empty=True)
    assert splits(tmp_path / 'data') == {
        '2007_000032': 'train', '2007_000039': 'train', '2009_000001': 'train', '2008_000008': 'val',
    }  # fmt: skip
    mask = read_mask(tmp_path / 'data' / 'labels' / 'train' / '2009_000001.png')
    assert set(np.unique(mask)) == {0, 255}


def test_voc_with_all_its_classes_keeps_its_ids(make_source: Make, tmp_path: Path) -> None:
    source = make_source('voc')
    source.convert(tmp_path / 'data', classes=VOC_CLASSES)
    original = read_mask(source.folder / 'VOC2012' / 'SegmentationClass' / '2008_000008.png')
    np.testing.assert_array_equal(read_mask(tmp_path / 'data' / 'labels' / 'val' / '2008_000008.png'), original)
    classes = Classes.read(tmp_path / 'data')
    assert classes.names == ('background', *VOC_CLASSES)
    assert len(set(classes.palette)) == 21


def test_voc_refuses_what_it_does_not_know(make_source: Make, tmp_path: Path) -> None:
    source = make_source('voc')
    with pytest.raises(InputError, match='`classes=kitten`: is no class of VOC'):
        source.convert(tmp_path / 'data', classes=['kitten'])
    path = source.folder / 'VOC2012' / 'SegmentationClass' / '2007_000039.png'
    write_mask(path, np.full((24, 32), 21, np.uint8) - 13 * np.eye(24, 32, dtype=np.uint8), [(0, 0, 0)])
    with pytest.raises(InputError, match=r'2007_000039\.png: holds a value that is no class'):
        source.convert(tmp_path / 'data')
