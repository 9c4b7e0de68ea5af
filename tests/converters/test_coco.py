from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.converters.coco import CropOptions, convert_coco, read_ids
from mmseg_ext.converters.split import split_by_hash
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError

HEIGHT, WIDTH = 40, 60
Write = Callable[..., None]


def rectangle(left: int, top: int, right: int, bottom: int) -> list[list[float]]:
    return [[left, top, right, top, right, bottom, left, bottom]]


def region(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:bottom, left:right] = True
    return mask


def runs(mask: np.ndarray) -> dict[str, Any]:
    flat = mask.T.reshape(-1)
    borders = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *borders, flat.size]).tolist()
    return {'size': [HEIGHT, WIDTH], 'counts': counts if not flat[0] else [0, *counts]}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a COCO file of one image with objects (category, area, crowd, segmentation), and others like it."""

    def write(*objects: tuple[int, float, int, Any], images: int = 1) -> None:
        (tmp_path / 'photos').mkdir(exist_ok=True)
        entries, annotations = [], []
        for key in range(1, images + 1):
            noise = np.random.default_rng(key).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / 'photos' / f'{key}.png')
            entries.append({'id': key, 'file_name': f'{key}.png', 'height': HEIGHT, 'width': WIDTH})
            for position, (category, area, crowd, segmentation) in enumerate(objects):
                annotations.append(
                    {'id': 10 * key + position, 'image_id': key, 'category_id': category, 'area': area,
                     'iscrowd': crowd, 'segmentation': segmentation, 'bbox': [0, 0, 1, 1]}
                )  # fmt: skip
        categories = [{'id': 1, 'name': 'person'}, {'id': 17, 'name': 'cat'}, {'id': 18, 'name': 'dog'}]
        content = {'images': entries, 'annotations': annotations, 'categories': categories}
        (tmp_path / 'instances.json').write_text(json.dumps(content))

    return write


def convert(tmp_path: Path, exclude: set[int] | None = None, **options: Any) -> dict[str, np.ndarray]:
    """Convert, and give the masks: stem → mask."""
    chosen = {'classes': ('cat', 'dog'), 'min_area': 20.0, 'margin': 0.0, 'size': None, **options}
    convert_coco(
        tmp_path / 'instances.json',
        tmp_path / 'photos',
        tmp_path / 'data',
        CropOptions(**chosen),
        exclude=exclude or set(),
    )
    return {path.stem: read_mask(path) for path in (tmp_path / 'data' / 'labels').glob('*/*.png')}


def test_objects_crowds_and_other_classes_in_one_crop(write: Write, tmp_path: Path) -> None:
    cat, dog = (10, 5, 40, 35), (30, 20, 45, 30)
    crowd, person = region(0, 0, 60, 12), (12, 30, 20, 40)
    write(
        (18, 150, 0, rectangle(*dog)),  # smaller, and so on top
        (17, 900, 0, runs(region(*cat))),
        (17, 720, 1, runs(crowd)),
        (1, 80, 0, rectangle(*person)),
    )
    masks = convert(tmp_path, margin=0.2)
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[crowd] = 255
    expected[region(*cat)] = 1
    expected[region(*dog)] = 2
    assert masks.keys() == {'000000000001_11'}  # the dog lies in the cat's crop
    np.testing.assert_array_equal(masks['000000000001_11'], expected[0:40, 4:46])
    image = next((tmp_path / 'data' / 'img').glob('*/*.png'))
    np.testing.assert_array_equal(
        np.asarray(Image.open(image)), np.asarray(Image.open(tmp_path / 'photos/1.png'))[:, 4:46]
    )
    assert Classes.read(tmp_path / 'data').names == ('background', 'cat', 'dog')


def test_an_object_outside_the_crop_of_another_gets_its_own(write: Write, tmp_path: Path) -> None:
    write(
        (17, 100, 0, rectangle(0, 0, 10, 10)),
        (18, 64, 0, rectangle(8, 8, 16, 16)),
        (17, 9, 0, rectangle(14, 14, 17, 17)),
    )
    masks = convert(tmp_path)
    assert masks.keys() == {'000000000001_10', '000000000001_11'}  # 9 pixels are too few
    first = np.ones((10, 10), np.uint8)
    first[8:, 8:] = 2
    np.testing.assert_array_equal(masks['000000000001_10'], first)
    second = np.full((8, 8), 2, np.uint8)
    second[6:, 6:] = 1
    np.testing.assert_array_equal(masks['000000000001_11'], second)


def test_crowds_and_small_objects_alone_give_no_crop(write: Write, tmp_path: Path) -> None:
    write(
        (17, 900, 1, runs(region(5, 5, 35, 35))),
        (18, 19, 0, rectangle(0, 0, 4, 5)),
        (1, 900, 0, rectangle(5, 5, 35, 35)),
    )
    with pytest.raises(InputError, match='nothing was written'):
        convert(tmp_path)
    assert not (tmp_path / 'data').exists()


def test_squares_of_one_size(write: Write, tmp_path: Path) -> None:
    write((17, 600, 0, rectangle(0, 10, 60, 20)))
    masks = convert(tmp_path, size=60)
    expected = np.full((60, 60), 255, np.uint8)
    expected[10:50] = 0
    expected[20:30] = 1
    np.testing.assert_array_equal(masks['000000000001_10'], expected)
    image = np.asarray(Image.open(next((tmp_path / 'data' / 'img').glob('*/*.png'))))
    assert image.shape == (60, 60, 3)
    assert (image[:10] == image[0, 0]).all()
    assert not (image[10:50] == image[0, 0]).all(axis=2).all()


def test_all_crops_of_an_image_are_in_one_split_whatever_is_added(write: Write, tmp_path: Path) -> None:
    objects = [(17, 100, 0, rectangle(0, 0, 10, 10)), (18, 100, 0, rectangle(30, 20, 40, 30))]
    data = tmp_path / 'data'

    def splits() -> dict[str, str]:
        return {path.stem: path.parent.name for path in data.glob('labels/*/*.png')}

    write(*objects, images=12)
    convert(tmp_path)
    before = splits()
    assert len(before) == 24
    assert set(before.values()) == {'train', 'val', 'test'}
    assert all(before[f'{key:012d}_{10 * key}'] == before[f'{key:012d}_{10 * key + 1}'] for key in range(1, 13))
    write(*objects, images=30)
    convert(tmp_path)  # into the same folder
    after = splits()
    assert len(after) == 60
    assert {stem: after[stem] for stem in before} == before
    assert all(split == split_by_hash(str(int(stem[:12])), 0.2, 0.2, 0) for stem, split in after.items())


def test_images_of_another_set_are_left_out(write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)), images=4)
    (tmp_path / 'others.txt').write_text('2\nimg/val/000000000004_4014.png\n\n')
    assert read_ids(tmp_path / 'others.txt') == {2, 4}
    assert convert(tmp_path, exclude={2, 4}).keys() == {'000000000001_10', '000000000003_30'}
    (tmp_path / 'others.txt').write_text('cat.png\n')
    with pytest.raises(InputError, match='begins with no id'):
        read_ids(tmp_path / 'others.txt')


def test_only_images_with_crops_are_needed(write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)), images=4)
    (tmp_path / 'photos' / '2.png').unlink()
    assert len(convert(tmp_path, exclude={2})) == 3


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'classes': ('cat', 'horse')}, "has no category 'horse'; `classes` may be cat, dog, person"),
        ({'classes': ()}, '`classes=`'),
        ({'classes': ('cat', 'cat')}, '`classes=cat,cat`'),
        ({'classes': ('background',)}, '`classes=background`'),
        ({'min_area': 0}, '`min_area='),
        ({'min_area': float('nan')}, '`min_area='),
        ({'margin': -0.1}, '`margin='),
        ({'size': 0}, '`size='),
        ({'val': 0.6, 'test': 0.4}, '`val=0.6` and `test=0.4`'),
    ],
)
def test_options_out_of_range(options: dict[str, Any], words: str, write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)))
    with pytest.raises(InputError, match=words):
        convert(tmp_path, **options)
    assert not (tmp_path / 'data').exists()


def test_a_damaged_segmentation_names_its_annotation(write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, {'size': [1, 2], 'counts': [2]}))
    with pytest.raises(InputError, match=r'instances\.json: segmentation of annotation 10 cannot be used'):
        convert(tmp_path)


@pytest.mark.parametrize(
    'content',
    [
        '',
        '{',
        '[]',
        '{}',
        '{"categories": [], "images": [], "annotations": 3}',
        '{"categories": [{"id": "x", "name": 1}]}',
    ],
)
def test_files_of_another_kind(content: str, write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)))
    (tmp_path / 'instances.json').write_text(content)
    with pytest.raises(InputError, match=r'instances\.json: ') as caught:
        convert(tmp_path)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('key', ['images', 'annotations', 'categories', 'area', 'segmentation', 'height', 'file_name'])
def test_a_missing_field_is_named(key: str, write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)))
    path = tmp_path / 'instances.json'
    path.write_text(path.read_text().replace(f'"{key}"', '"other"'))
    with pytest.raises(InputError, match=rf"is no COCO file of instances \(lacks '{key}'\)"):
        convert(tmp_path)
