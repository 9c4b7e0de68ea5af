from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.converters import ph2
from mmseg_ext.converters.ph2 import convert_ph2
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError

Make = Callable[[str], Any]
Splits = Callable[[Path], dict[str, str]]


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
    with pytest.raises(InputError, match=f'`{next(iter(options))}='):
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
    shared_data: Path, tmp_path: Path, splits: Splits, monkeypatch: pytest.MonkeyPatch
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
