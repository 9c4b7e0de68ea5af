from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.converters.yolo import convert_yolo
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError

SQUARE = '0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5'  # of a 10×10 image: rows and columns 1 to 4


def write(folder: Path, files: dict[str, str | None], yaml: str) -> Path:
    for name, text in files.items():
        image = folder / 'images' / f'{name}.jpg'
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (10, 10)).save(image)
        if text is not None:
            label = folder / 'labels' / f'{name}.txt'
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(text)
    (folder / 'data.yaml').write_text(yaml)
    return folder / 'data.yaml'


def test_polygons_become_masks_in_the_given_splits(tmp_path: Path) -> None:
    small = '1 0.2 0.2 0.3 0.2 0.3 0.3 0.2 0.3\n'
    files = {'train/a': f'{small}0 {SQUARE}\n', 'train/b': None, 'val/c': '0 0.3 0.3 0.4 0.4\n'}
    source = write(tmp_path, files, 'path: .\ntrain: images/train\nval: images/val\nnames: {0: scratch, 1: dent}\n')
    done = convert_yolo(source, tmp_path / 'data')
    assert done.images == {'train': 2, 'val': 1}
    assert Classes.read(tmp_path / 'data').names == ('background', 'scratch', 'dent')
    expected = np.zeros((10, 10), np.uint8)
    expected[1:5, 1:5] = 1
    expected[2, 2] = 2  # smaller, hence on top
    np.testing.assert_array_equal(read_mask(tmp_path / 'data/labels/train/a.png'), expected)
    assert any('without a label file are background: b.jpg' in note for note in done.report.notes)
    assert done.report.skipped == ['c.jpg, shape 1 (scratch): is a box, not a polygon']
    done = convert_yolo(source.parent, tmp_path / 'boxes', boxes=True, order='source')
    assert (read_mask(tmp_path / 'boxes/labels/val/c.png') == 1).sum() == 16
    assert read_mask(tmp_path / 'boxes/labels/train/a.png')[2, 2] == 1
    assert done.report.counts['dent']['hidden'] == 1


def test_images_of_one_name_in_two_splits(tmp_path: Path) -> None:
    files: dict[str, str | None] = {'train/a': f'0 {SQUARE}', 'val/a': None}
    done = convert_yolo(
        write(tmp_path, files, 'train: images/train\nval: images/val\nnames: [dent]'), tmp_path / 'data'
    )
    assert done.images == {'train': 1, 'val': 1}
    assert [read_mask(tmp_path / f'data/labels/{split}/a.png').sum() for split in ('train', 'val')] == [16, 0]


@pytest.mark.parametrize(
    ('files', 'train', 'stems'),
    [
        (['train/day 1/a', 'train/day 2/a'], 'images/train', {'day 1_a', 'day 2_a'}),
        (['train/a', 'val/a'], 'images', {'a', 'val_a'}),  # only the split's own folder is left out
        (['train/a', 'train/b'], '.', {'a', 'b'}),
        (['train2017/a', 'train2017/day/a'], 'list.txt', {'a', 'day_a'}),
    ],
)
def test_nested_folders_are_a_prefix(files: list[str], train: str, stems: set[str], tmp_path: Path) -> None:
    source = write(tmp_path / 'source', dict.fromkeys(files, f'0 {SQUARE}'), f'train: {train}\nnames: [dent]\n')
    lines = [f'./elsewhere/../images/{name}.jpg' for name in files]
    (tmp_path / 'source/elsewhere').mkdir()
    (tmp_path / 'source/list.txt').write_text('\n'.join([*lines, lines[0]]))
    done = convert_yolo(source, tmp_path / 'data')
    assert done.report.is_clean
    assert {path.stem for path in (tmp_path / 'data/labels/train').iterdir()} == stems


def test_images_of_one_name_cost_only_themselves(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        'day/a': f'0 {SQUARE}',
        'day_a': f'0 {SQUARE}',
        'e\u0301': None,
        '\u00e9': None,
        'b': None,
    }
    done = convert_yolo(write(tmp_path, files, 'train: images\nnames: [dent]\n'), tmp_path / 'data')
    assert [path.name for path in (tmp_path / 'data/labels/train').iterdir()] == ['b.png']
    assert [error.subject for error in done.report.failed] == [
        'train/day_a.jpg', 'train/day_a.jpg', 'train/e\u0301.jpg', 'train/\u00e9.jpg',
    ]  # fmt: skip


def test_an_image_in_two_splits_is_told(tmp_path: Path) -> None:
    source = write(tmp_path, {'train/a': f'0 {SQUARE}'}, 'train: images/train\nval: images/train\nnames: [void]')
    (tmp_path / 'images/train/a.jpg').rename(tmp_path / 'images/train/\u00e9.jpg')
    (tmp_path / 'labels/train/a.txt').rename(tmp_path / 'labels/train/e\u0301.txt')
    done = convert_yolo(source, tmp_path / 'data')
    (doubt,) = done.report.doubts
    assert doubt.startswith('1 images are in more than one of train, val and test: \u00e9.jpg')
    assert read_mask(tmp_path / 'data/labels/val/\u00e9.png').sum() == 16  # void is a class here


def test_the_paths_of_roboflow_and_lists_of_files(tmp_path: Path) -> None:
    for split in ('train', 'valid'):
        (tmp_path / split / 'images').mkdir(parents=True)
        (tmp_path / split / 'labels').mkdir()
        Image.new('RGB', (10, 10)).save(tmp_path / split / 'images' / f'{split}.jpg')
        (tmp_path / split / 'labels' / f'{split}.txt').write_text(f'0 {SQUARE}')
    (tmp_path / 'list.txt').write_text('./valid/images/valid.jpg\nvalid/images/gone.jpg\n')
    (tmp_path / 'data.yaml').write_text('train: ../train/images\nval: list.txt\nnc: 1\nnames: [scratch]\n')
    done = convert_yolo(tmp_path, tmp_path / 'data')
    assert done.images == {'train': 1, 'val': 1}
    assert done.report.counts['scratch']['taken'] == 2
    assert [Path(error.subject).name for error in done.report.failed] == ['gone.jpg']


def test_a_test_split_that_was_not_exported_is_told(tmp_path: Path) -> None:
    files: dict[str, str | None] = {'train/a': f'0 {SQUARE}', 'val/b': None}
    yaml = 'train: images/train\nval: images/val\ntest: ../test/images\nnames: [dent]\n'
    done = convert_yolo(write(tmp_path, files, yaml), tmp_path / 'data')
    assert done.images == {'train': 1, 'val': 1}
    (doubt,) = done.report.doubts
    assert 'no images for test' in doubt
    assert 'refers to ../test/images, which does not exist' in doubt


def test_a_bad_file_costs_only_its_image(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        'a': f'0 {SQUARE}', 'b': f'7 {SQUARE}', 'c': 'scratch 1 2', 'd': f'0 {SQUARE} 0.3', 'e': '0 0.1 0.1 5 0.1 5 5',
    }  # fmt: skip
    source = write(tmp_path, files, 'train: images\nnames: [scratch]\n')
    (tmp_path / 'labels/f.txt').write_bytes(b'\xff\xff')
    Image.new('RGB', (10, 10)).save(tmp_path / 'images/f.jpg')
    done = convert_yolo(source, tmp_path / 'data')
    assert done.images == {'train': 3}
    assert [Path(error.subject).name for error in done.report.failed] == ['b.txt', 'c.txt', 'f.txt']
    assert [line.split(': ')[1] for line in done.report.skipped] == [
        'has an odd number of coordinates', 'has a coordinate beyond 0–1',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ('yaml', 'problem'),
    [
        ('names: [a', 'no[t]? valid YAML'),
        ('train: images', '`names:` must be'),
        ('train: images\nnames: [a, a]', 'a name twice: a, a'),
        ('train: elsewhere\nnames: [a]', 'refers to elsewhere, which does not exist'),
        ('names: [a]', 'has no folder with images'),
        ('- a', 'must hold'),
    ],
)
def test_a_wrong_data_yaml_is_refused(yaml: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=problem):
        convert_yolo(write(tmp_path, {'a': ''}, yaml), tmp_path / 'data')
