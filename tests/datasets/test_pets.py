from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmseg_ext.datasets import PetsDataset
from mmseg_ext.errors import InputError

NAMES = ('background', 'cat', 'dog')
YAML = 'classes: [background, cat, dog]\npalette: [[1, 2, 3], [4, 5, 6], [7, 8, 9]]\nignore_index: 9\n'


def test_its_own_classes_serve_a_folder_without_the_file(make_data: Callable[..., Path]) -> None:
    root = make_data(yaml=None)
    dataset = PetsDataset(str(root), 'train', check=False)
    assert dataset.metainfo['classes'] == NAMES
    assert dataset.metainfo['palette'] == [[0, 0, 0], [220, 60, 60], [60, 100, 230]]
    assert dataset.ignore_index == 255
    with pytest.raises(InputError, match=r's0\.png: holds class id 9, known are 0 background, 1 cat, 2 dog and 255'):
        PetsDataset(str(root), 'train')


def test_the_file_may_choose_colours_and_ignored_value(make_data: Callable[..., Path]) -> None:
    dataset = PetsDataset(str(make_data(yaml=YAML)), 'train')
    assert dataset.metainfo['classes'] == NAMES
    assert dataset.metainfo['palette'] == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert dataset.metainfo['ignore_index'] == dataset.ignore_index == 9


@pytest.mark.parametrize('names', ['[background, dog, cat]', '[background, cat]', '[background, cat, dog, bird]'])
def test_other_classes_are_refused(names: str, make_data: Callable[..., Path]) -> None:
    count = names.count(',') + 1
    root = make_data(yaml=f'classes: {names}\npalette: {[[0, 0, 0]] * count}\n')
    with pytest.raises(InputError) as caught:
        PetsDataset(str(root), 'train')
    for part in (str(root / 'dataset.yaml'), names.strip('[]'), 'background, cat, dog', 'mmseg_ext.FolderDataset'):
        assert part in str(caught.value)
