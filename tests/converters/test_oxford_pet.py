from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmseg_ext.converters.oxford_pet import convert_oxford_pet
from mmseg_ext.errors import InputError

Make = Callable[[str], Any]
Splits = Callable[[Path], dict[str, str]]


def test_val_of_oxford_takes_the_same_share_of_every_breed(make_source: Make, tmp_path: Path, splits: Splits) -> None:
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
        (
            'trainval.txt',
            'Sphynx_1 3 1 1',
            'Sphynx_1 3 2 1',
            r'list\.txt: gives Sphynx_1 the species 1, its split file 2',
        ),
        ('trainval.txt', 'Sphynx_1 3 1 1', 'Sphynx_9 3 1 1', r'list\.txt: gives Sphynx_9 the species None'),
        ('list.txt', 'Sphynx_1 3 1 1', 'Sphynx_1 3 1', r"list\.txt: the line 'Sphynx_1 3 1' is not"),
        ('list.txt', 'Sphynx_1 3 1 1', f'Sphynx_1 {"9" * 5000} 1 1', r"list\.txt: the line 'Sphynx_1 999"),
        ('list.txt', 'Sphynx_1 3 1 1', 'Sphynx_1 ² 1 1', r"list\.txt: the line 'Sphynx_1 ² 1 1' is not"),
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
    with pytest.raises(InputError, match=r'Sphynx_1\.png: holds values other than 1, 2 and 3'):
        source.convert(tmp_path / 'data')
