"""What is particular to PH², MADS, VOC and Oxford-IIIT Pet."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.converters import ph2
from mmseg_ext.converters.mads import convert_mads
from mmseg_ext.converters.oxford_pet import convert_oxford_pet
from mmseg_ext.converters.ph2 import convert_ph2
from mmseg_ext.converters.voc import VOC_CLASSES
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.errors import InputError

Make = Callable[[str], Any]


def splits(root: Path) -> dict[str, str]:
    return {path.stem: path.parent.name for path in root.glob('labels/*/*.png')}


def test_ph2_can_be_shrunk(make_source: Make, tmp_path: Path) -> None:
    source = make_source('ph2')
    source.convert(tmp_path / 'data', width=16)
    for path in (tmp_path / 'data').glob('labels/*/*.png'):
        mask = read_mask(path)
        assert mask.shape == (12, 16)
        assert set(np.unique(mask)) <= {0, 1}
        image = np.asarray(Image.open(tmp_path / 'data' / 'img' / path.parent.name / path.name))
        areas = source.images[path.stem].reshape(12, 2, 16, 2, 3).mean(axis=(1, 3))
        np.testing.assert_allclose(image, areas, atol=1)
    source.convert(tmp_path / 'wide', width=64)  # never enlarged
    assert read_mask(next((tmp_path / 'wide').glob('labels/*/*.png'))).shape == (24, 32)


@pytest.mark.parametrize('options', [{'width': 0}, {'val': 4, 'test': 4}, {'val': -1}])
def test_ph2_options_out_of_range(options: dict[str, int], make_source: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f'--{next(iter(options))}'):
        make_source('ph2').convert(tmp_path / 'data', **options)


def test_ph2_is_found_from_the_folder_above(make_source: Make, tmp_path: Path) -> None:
    source = make_source('ph2')
    assert convert_ph2(source.folder.parent, tmp_path / 'data', val=2, test=2).written == 8


def test_the_table_of_ph2_without_a_case(make_source: Make, tmp_path: Path) -> None:
    source = make_source('ph2')
    (source.folder / 'PH2_dataset.txt').write_text('|| Name ||\n')
    with pytest.raises(InputError, match='no row begins with'):
        source.convert(tmp_path / 'data')


def test_ph2_is_split_as_the_set_that_the_figures_are_from(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (shared_data / 'ph2').is_dir():
        pytest.skip('needs PH²')
    expected = splits(shared_data / 'ph2')
    (tmp_path / 'PH2 Dataset images').mkdir()
    (tmp_path / 'PH2_dataset.txt').write_text('\n'.join(f'|| {case} ||' for case in sorted(expected)))
    monkeypatch.setattr(ph2, 'require_files', lambda paths: None)
    monkeypatch.setattr(ph2, 'write_data_set', lambda root, classes, samples, *others: samples)
    assert {sample.stem: sample.split for sample in convert_ph2(tmp_path, tmp_path / 'data')} == expected
    assert Classes.read(shared_data / 'ph2') == ph2.PH2


def test_a_performance_of_mads_is_in_one_split(make_source: Make, tmp_path: Path) -> None:
    make_source('mads').convert(tmp_path / 'data')
    found = splits(tmp_path / 'data')
    performances = {stem.rsplit('_', 2)[0] for stem in found}
    assert len(performances) == 5
    for performance in performances:
        assert len({split for stem, split in found.items() if stem.rsplit('_', 2)[0] == performance}) == 1
    assert Counter(found.values()) == {'train': 12, 'val': 4, 'test': 4}


def test_other_groups_of_mads(make_source: Make, tmp_path: Path) -> None:
    source = make_source('mads')
    source.convert(tmp_path / 'data', group='([A-Z][a-z]+).*', test=0)
    assert len({stem.partition('_')[0] + split for stem, split in splits(tmp_path / 'data').items()}) == 4
    for group, words in (('[A-Z', 'regular expression'), ('.*', 'with a group'), (r'(\d+)', 'is not named as --group')):
        with pytest.raises(InputError, match=words):
            source.convert(tmp_path / 'other', group=group)


def test_mads_is_found_in_both_nestings(make_source: Make, tmp_path: Path) -> None:
    source = make_source('mads')
    inner = source.folder / source.folder.name
    assert convert_mads(inner, tmp_path / 'a').written == convert_mads(tmp_path, tmp_path / 'b').written == 20
    shutil.rmtree(inner / 'masks')
    with pytest.raises(InputError, match='masks: not found; the source is not complete'):
        source.convert(tmp_path / 'c')


def test_voc_keeps_photographs_without_the_classes_on_request(make_source: Make, tmp_path: Path) -> None:
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
    with pytest.raises(InputError, match='--classes kitten: is no class of VOC'):
        source.convert(tmp_path / 'data', classes=['kitten'])
    path = source.folder / 'VOC2012' / 'SegmentationClass' / '2007_000039.png'
    write_mask(path, np.full((24, 32), 21, np.uint8) - 13 * np.eye(24, 32, dtype=np.uint8), [(0, 0, 0)])
    with pytest.raises(InputError, match=r'2007_000039\.png: holds a value that is no class'):
        source.convert(tmp_path / 'data')


def test_val_of_oxford_takes_the_same_share_of_every_breed(make_source: Make, tmp_path: Path) -> None:
    source = make_source('oxford_pet')
    source.convert(tmp_path / 'data', val=0.4)
    found = splits(tmp_path / 'data')
    counts = Counter((stem.rpartition('_')[0], split) for stem, split in found.items())
    assert counts == {
        (breed, split): count
        for breed in ('Abyssinian', 'american_bulldog', 'Sphynx')
        for split, count in (('train', 3), ('val', 2), ('test', 2))
    }
    assert {stem for stem, split in found.items() if split == 'test'} == {s for s in found if s[-1] in '67'}
    convert_oxford_pet(source.folder, tmp_path / 'other', val=0.4, seed=1)
    assert splits(tmp_path / 'other') != found


@pytest.mark.parametrize(
    ('name', 'old', 'new', 'words'),
    [
        ('trainval.txt', 'Sphynx_1 3 1 1', 'Sphynx_1 3 2 1', r'list\.txt: gives Sphynx_1 the species 1, its split 2'),
        ('trainval.txt', 'Sphynx_1 3 1 1', 'Sphynx_9 3 1 1', r'list\.txt: gives Sphynx_9 the species None'),
        ('list.txt', 'Sphynx_1 3 1 1', 'Sphynx_1 3 1', r"list\.txt: the line 'Sphynx_1 3 1' is not"),
        ('test.txt', 'Sphynx_6 3 1 6', 'Sphynx_6 3 7 6', r'test\.txt: the line'),
    ],
)
def test_lists_of_oxford_that_disagree(
    name: str, old: str, new: str, words: str, make_source: Make, tmp_path: Path
) -> None:
    source = make_source('oxford_pet')
    path = source.folder / 'annotations' / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=words):
        source.convert(tmp_path / 'data')


def test_a_trimap_of_oxford_with_other_values(make_source: Make, tmp_path: Path) -> None:
    source = make_source('oxford_pet')
    Image.new('L', (32, 24), 4).save(source.folder / 'annotations' / 'trimaps' / 'Sphynx_1.png')
    with pytest.raises(InputError, match=r'Sphynx_1\.png: holds other values than 1, 2 and 3'):
        source.convert(tmp_path / 'data')
