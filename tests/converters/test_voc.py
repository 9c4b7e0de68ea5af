from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.converters.voc import VOC_CLASSES, convert_voc
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
    with pytest.raises(InputError, match='`classes=kitten`: is not a VOC class'):
        source.convert(tmp_path / 'data', classes=['kitten'])
    path = source.folder / 'VOC2012' / 'SegmentationClass' / '2007_000039.png'
    write_mask(path, np.full((24, 32), 21, np.uint8) - 13 * np.eye(24, 32, dtype=np.uint8), [(0, 0, 0)])
    with pytest.raises(InputError, match=r'2007_000039\.png: holds a value that is not a VOC class'):
        source.convert(tmp_path / 'data')


def own(folder: Path, mode: str, stem: str = 'f0') -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Write a set with classes of its own, as CVAT does, and return its mask; the border is void."""
    mask = np.random.default_rng(0).choice(np.array([0, 1, 2, 255], np.uint8), (8, 12))
    palette = [(0, 0, 0), (48, 112, 32), (176, 112, 32)] + [(0, 0, 0)] * 252 + [(224, 224, 192)]
    for name in ('JPEGImages', 'SegmentationClass', 'ImageSets/Segmentation'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (12, 8)).save(folder / 'JPEGImages' / f'{stem}.jpg')
    image = Image.fromarray(mask)
    if mode != 'L':
        image.putpalette([value for colour in palette for value in colour])
    image.convert(mode).save(folder / 'SegmentationClass' / f'{stem}.png')
    (folder / 'ImageSets/Segmentation/train.txt').write_text(f'{stem}\n')
    return mask


LABEL_MAP = '# label:color_rgb:parts:actions\nbackground:0,0,0::\ndent:176,112,32::\nscratch:48,112,32::\n'


@pytest.mark.parametrize('mode', ['P', 'RGB'])
def test_a_label_map_names_the_colours(mode: str, tmp_path: Path) -> None:
    mask = own(tmp_path / 'source', mode, stem := '#f 0')  # a name, no comment
    (tmp_path / 'source/labelmap.txt').write_text(LABEL_MAP)  # in another order than the indices
    done = convert_voc(tmp_path / 'source', tmp_path / 'data')
    assert done.images == {'train': 1}
    assert Classes.read(tmp_path / 'data').names == ('background', 'dent', 'scratch')
    written = read_mask(tmp_path / f'data/labels/train/{stem}.png')
    expected = np.array([0, 2, 1, *[9] * 252, 255], np.uint8)
    np.testing.assert_array_equal(written, expected[mask])
    assert done.report.counts['scratch']['pixels'] == (mask == 1).sum()


@pytest.mark.parametrize('told', ['class_names.txt', 'labels.txt', 'names'])
def test_names_of_the_values(told: str, tmp_path: Path) -> None:
    mask = own(tmp_path / 'source', 'P')
    names = ['_background_', 'scratch', 'dent']
    if told != 'names':
        lines = ['__ignore__', *names] if told == 'labels.txt' else names  # as labelme2voc takes them
        (tmp_path / 'source' / 'class_names.txt').write_text('\n'.join(lines))
    convert_voc(tmp_path / 'source', tmp_path / 'data', names=names if told == 'names' else None)
    assert Classes.read(tmp_path / 'data').names == ('background', 'scratch', 'dent')
    np.testing.assert_array_equal(read_mask(tmp_path / 'data/labels/train/f0.png'), mask)


def test_own_classes_are_not_taken_for_those_of_voc(tmp_path: Path) -> None:
    mask = own(tmp_path / 'source', 'P', '000001')
    (tmp_path / 'source/ImageSets/Segmentation/val.txt').write_text('000001\n')
    for classes in (None, ['cat', 'dog']):
        with pytest.raises(InputError, match=r'does not say .*no labelmap\.txt.*000001.*`names`'):
            convert_voc(tmp_path / 'source', tmp_path / 'data', classes=classes)
    with pytest.raises(InputError, match='begins with scratch, but value 0 must be the background'):
        convert_voc(tmp_path / 'source', tmp_path / 'data', names=['scratch', 'dent'])
    convert_voc(tmp_path / 'source', tmp_path / 'data', names=['voc'])
    np.testing.assert_array_equal(read_mask(tmp_path / 'data/labels/val/000001.png'), mask)


def test_a_bad_mask_of_ones_own_costs_only_itself(tmp_path: Path) -> None:
    own(tmp_path / 'source', 'RGB', 'bad')
    own(tmp_path / 'source', 'P', 'good')
    (tmp_path / 'source/labelmap.txt').write_text(LABEL_MAP)
    (tmp_path / 'source/ImageSets/Segmentation/train.txt').write_text('bad\ngood\nabsent\n')
    Image.new('RGB', (12, 8), (1, 2, 3)).save(tmp_path / 'source/SegmentationClass/bad.png')
    done = convert_voc(tmp_path / 'source', tmp_path / 'data')
    assert done.images == {'train': 1}
    absent, bad = done.report.failed
    assert absent.subject.endswith('absent.png')
    assert '96 px have 1 colour of no class ((1, 2, 3) 96 px)' in str(bad)
