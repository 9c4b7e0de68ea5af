from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.converters.coco import CropOptions, WholeOptions, convert_coco, read_names
from mmseg_ext.converters.output import Converted
from mmseg_ext.converters.split import split_by_hash
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import read_upright
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


def convert(tmp_path: Path, exclude: Collection[int | str] | None = None, **options: Any) -> dict[str, np.ndarray]:
    """Convert, and give the masks: stem → mask."""
    chosen = {'classes': ('cat', 'dog'), 'min_area': 20.0, 'margin': 0.0, 'size': None, **options}
    convert_coco(
        tmp_path / 'instances.json',
        tmp_path / 'photos',
        tmp_path / 'data',
        CropOptions(**chosen),
        exclude=exclude or (),
    )
    return {path.stem: read_mask(path) for path in (tmp_path / 'data' / 'labels').glob('*/*.png')}


def test_ids_of_thousands_of_digits(write: Write, tmp_path: Path) -> None:
    write((17, 900, 0, rectangle(10, 5, 40, 35)), (17, 900, 0, rectangle(20, 30, 40, 25)), images=2)
    count = len(convert(tmp_path))
    shutil.rmtree(tmp_path / 'data')
    path = tmp_path / 'instances.json'
    content = json.loads(path.read_text())
    content['images'][0]['id'] = '9' * 5000  # text: as a number it would be no JSON
    for annotation in content['annotations'][:2]:
        annotation.update(image_id='9' * 5000, id=f'{annotation["id"]}{"9" * 5000}')
    path.write_text(json.dumps(content))
    assert len(convert(tmp_path)) == count == 2


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
        (18, 900, 0, rectangle(0, 0, 4, 4)),  # 16 pixels, whatever is stated
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
    assert convert(tmp_path, exclude=read_names(tmp_path / 'others.txt')).keys() == {
        '000000000001_10',
        '000000000003_30',
    }
    (tmp_path / 'others.txt').write_text('cat.png\n')
    with pytest.raises(InputError, match=r'`exclude`: cat.png: is not an image of .* and does not begin with an id'):
        convert(tmp_path, exclude=read_names(tmp_path / 'others.txt'))


def test_an_unusable_image_costs_only_itself(write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)), images=4)
    (tmp_path / 'photos' / '2.png').unlink()
    edit(tmp_path, lambda content: content['images'][2].update(height=0))
    masks, done = whole(tmp_path)
    assert masks.keys() == {'1', '4'}
    assert [str(error).rpartition('/')[2] for error in done.report.failed] == [
        'instances.json: 3.png: has the stated size 60×0, must have 1 to 80,000,000 pixels; correct its entry',
        '2.png: image cannot be read (no such file); copy or convert the file',
    ]
    assert done.report.counts['cat'] == {'taken': 2, 'image unusable': 1, 'image not listed': 1}
    assert len(convert(tmp_path, exclude={2})) == 2  # an excluded image is not looked for
    (tmp_path / 'photos' / '1.png').unlink()
    (tmp_path / 'photos' / '4.png').unlink()
    with pytest.raises(InputError, match='none of the 4 images can be used'):
        whole(tmp_path)


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'classes': ('cat', 'horse')}, "has no category 'horse'; choose from cat, dog, person"),
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


@pytest.mark.parametrize('key', ['images', 'annotations', 'categories', 'height', 'file_name'])
def test_a_missing_field_is_named(key: str, write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)))
    path = tmp_path / 'instances.json'
    path.write_text(path.read_text().replace(f'"{key}"', '"other"'))
    with pytest.raises(InputError, match=rf"is not a COCO instances file \(.*lacks '{key}'\)"):
        convert(tmp_path)


def whole(tmp_path: Path, annotations: Any = None, **options: Any) -> tuple[dict[str, np.ndarray], Converted]:
    """Convert whole images: stem → mask, and the result."""
    chosen = {'classes': ('cat', 'dog'), **options}
    source = annotations or tmp_path / 'instances.json'
    done = convert_coco(source, tmp_path / 'photos', tmp_path / 'whole', WholeOptions(**chosen))
    return {path.stem: read_mask(path) for path in (tmp_path / 'whole' / 'labels').glob('*/*.png')}, done


def edit(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads((tmp_path / 'instances.json').read_text())
    change(content)
    (tmp_path / 'instances.json').write_text(json.dumps(content))


def test_whole_images_are_copied_with_the_masks_of_an_independent_decoder(write: Write, tmp_path: Path) -> None:
    toolkit = pytest.importorskip('pycocotools.coco')
    odd = [[3.2, 4.1, 31.7, 2.9, 25.5, 33.3, 8.8, 36.0], [40, 3, 55, 3, 50, 20]]
    write((17, 0, 0, odd), (18, 1, 0, runs(region(30, 10, 50, 30))), (1, 9, 0, rectangle(0, 0, 9, 9)), images=2)
    masks, done = whole(tmp_path)
    coco = toolkit.COCO(tmp_path / 'instances.json')
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    for value, category in ((1, 17), (2, 18)):  # the cat covers more, and so lies below
        (annotation,) = coco.loadAnns(coco.getAnnIds(imgIds=[1], catIds=[category]))
        expected[coco.annToMask(annotation) > 0] = value
    assert masks.keys() == {'1', '2'}
    assert (masks['1'] != expected).mean() < 0.01  # the toolkit rounds outlines to a fifth of a pixel
    np.testing.assert_array_equal(masks['1'] == 2, expected == 2)
    image = next((tmp_path / 'whole' / 'img').glob('*/1.png'))
    assert image.read_bytes() == (tmp_path / 'photos' / '1.png').read_bytes()
    assert done.report.counts['cat'] == {'taken': 2}


def test_crowds_are_counted_and_are_objects_on_request(write: Write, tmp_path: Path) -> None:
    write((17, 0, 0, rectangle(0, 0, 10, 10)), (18, 0, 1, runs(region(20, 20, 40, 30))))
    masks, done = whole(tmp_path)
    assert sorted(np.unique(masks['1'])) == [0, 1, 255]
    assert done.report.table() == [('class', 'taken', 'crowd ignored'), ('cat', '1', '0'), ('dog', '0', '1')]
    record = json.loads((tmp_path / 'whole' / 'conversion.json').read_text())
    assert record['report']['classes'] == {'cat': {'taken': 1}, 'dog': {'crowd ignored': 1}}
    with pytest.raises(InputError, match='made with crowds null instead of "objects"'):
        whole(tmp_path, crowds='objects')
    (tmp_path / 'whole').rename(tmp_path / 'first')
    masks, done = whole(tmp_path, crowds='objects')
    np.testing.assert_array_equal(masks['1'] == 2, region(20, 20, 40, 30))
    assert done.report.counts['dog'] == {'crowd taken': 1}
    assert convert(tmp_path, crowds='objects').keys() == {'000000000001_11', '000000000001_10'}


@pytest.mark.parametrize('area', [0, 1.0, None, 'much'])
def test_areas_are_those_of_the_segmentations(area: Any, write: Write, tmp_path: Path) -> None:
    write((17, area, 0, rectangle(0, 0, 40, 40)), (18, area, 0, rectangle(10, 10, 20, 20)))
    if area is None:
        edit(tmp_path, lambda content: [entry.pop('area') for entry in content['annotations']])
    masks, _ = whole(tmp_path)
    np.testing.assert_array_equal(masks['1'], np.where(region(10, 10, 20, 20), 2, region(0, 0, 40, 40)))
    assert convert(tmp_path, min_area=1600.0).keys() == {'000000000001_10'}


BAD = {
    'null': (None, 'has no segmentation'),
    'nothing': ([], 'has no segmentation'),
    'two_points': ([[1, 1, 2, 2]], 'a polygon has 2 points'),
    'odd': ([[1, 1, 2, 2, 3, 3, 4]], 'a polygon is not a list of alternating'),
    'flat': ([1, 1, 5, 1, 5, 5], 'a polygon is not a list of alternating'),
    'words': ([['a', 'b', 'c', 'd', 'e', 'f']], 'a polygon is not a list of alternating'),
    'infinite': ([[1, 1, 1e999, 1, 5, 5]], 'not a number or is beyond'),
    'line': ([[1, 1, 9, 9, 1, 1]], 'covers no pixel'),
    'outside': (rectangle(100, 100, 120, 120), 'covers no pixel'),
    'other_size': ({'size': [1, 2], 'counts': [2]}, 'its size [1, 2] is not the image size, [40, 60]'),
    'too_many': ({'size': [HEIGHT, WIDTH], 'counts': [2**62] * 4}, 'do not add up'),
    'endless': ({'size': [HEIGHT, WIDTH], 'counts': 'o' * 10_000}, 'too long'),
    'text': ('x', 'is not a list of polygons'),
}


def test_annotations_that_cannot_be_used_are_counted_and_the_rest_goes_on(write: Write, tmp_path: Path) -> None:
    good = (17, 1, 0, rectangle(0, 0, 10, 10))
    mixed = (18, 1, 0, [*rectangle(20, 20, 30, 30), [1, 1, 2, 2]])
    write(good, *((17, 1, 0, segmentation) for segmentation, _ in BAD.values()), mixed)
    masks, done = whole(tmp_path)
    np.testing.assert_array_equal(masks['1'], region(0, 0, 10, 10) + 2 * region(20, 20, 30, 30))
    assert done.report.counts == {'cat': {'taken': 1, 'skipped': len(BAD)}, 'dog': {'taken': 1}}
    for number, (line, (_, why)) in enumerate(zip(done.report.skipped, BAD.values(), strict=False), 11):
        assert line.startswith(f'annotation {number} of 1.png (cat): ')
        assert why in line
    assert done.report.skipped[-1] == f'a part of annotation {11 + len(BAD)} of 1.png (dog): a polygon has 2 points'


def test_a_file_without_a_usable_segmentation_is_refused(write: Write, tmp_path: Path) -> None:
    write((17, 1, 0, None))
    with pytest.raises(InputError, match=r'none of its objects .* can be used; annotation 10 of 1.png .* no seg'):
        whole(tmp_path)
    assert not (tmp_path / 'whole').exists()


def test_odd_ids_and_lists(write: Write, tmp_path: Path) -> None:
    write((17, 1, 0, rectangle(0, 0, 10, 10)), (3, 1, 0, rectangle(20, 20, 30, 30)), images=3)

    def change(content: dict[str, Any]) -> None:
        content['categories'].append({'id': 3, 'name': 'cat'})  # the name twice
        for entry in content['images']:
            entry['id'] = f'photo/{entry["id"]}'
        for entry in content['annotations']:
            entry['image_id'] = f'photo/{entry["image_id"]}'
        content['annotations'] = [entry for entry in content['annotations'] if entry['image_id'] != 'photo/3']
        lost = {'id': 99, 'image_id': 'gone', 'category_id': 17, 'segmentation': rectangle(0, 0, 9, 9)}
        content['annotations'] += [lost, {**lost, 'category_id': 55}, {'id': 98}, 7]
        content['annotations'].append({**content['annotations'][0], 'segmentation': rectangle(40, 0, 50, 10)})

    edit(tmp_path, change)
    masks, done = whole(tmp_path)
    both = region(0, 0, 10, 10) | region(20, 20, 30, 30)
    np.testing.assert_array_equal(masks['1'], both | region(40, 0, 50, 10))  # two annotations share an id
    np.testing.assert_array_equal(masks['2'], both)
    assert not masks['3'].any()
    assert done.report.counts['cat'] == {'taken': 5, 'image not listed': 1}
    notes = '\n'.join(done.report.notes)
    assert "the category 'cat' has several ids" in notes
    assert '1 annotations have a category_id that the file does not list' in notes
    assert '1 annotations belong to images that it does not list: image_id gone' in notes
    assert '1 images show none of the classes: kept' in notes
    assert len(done.report.skipped) == 2
    crops = convert(tmp_path, exclude=['photo/2'])
    assert crops.keys() == {'photo_1_10', 'photo_1_11', 'photo_1_10-2'}
    with pytest.raises(InputError, match='keep_empty'):
        whole(tmp_path, keep_empty=False)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (
            lambda c: c['images'].append({**c['images'][0], 'file_name': 'b.png'}),
            'id 1 is used for both 1.png and b.png',
        ),
        (
            lambda c: c['categories'].append({'id': 17, 'name': 'lynx'}),
            "category id 17 is used for both 'cat' and 'lynx'",
        ),
        (lambda c: c['images'][0].update(height=10**6, width=10**6), '1.png has the stated size 1000000×1000000'),
        (lambda c: c['images'][0].update(height=0), '1.png has the stated size 60×0'),
        (lambda c: c['images'][0].update(id=None), 'None is not an id'),
    ],
)
def test_contradictions_are_refused(change: Any, words: str, write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)))
    edit(tmp_path, change)
    with pytest.raises(InputError, match='is not a COCO instances file') as caught:
        whole(tmp_path)
    assert words in str(caught.value)


def test_what_some_tools_write_otherwise(write: Write, tmp_path: Path) -> None:
    write((17, 1, 0, rectangle(0, 0, 10, 10)), (18, 1, 0, rectangle(20, 20, 30, 30)))

    def change(content: dict[str, Any]) -> None:
        content['categories'] = [{'id': 900, 'name': 'dog'}, {'id': -1, 'name': 'cat'}]
        content['images'][0]['file_name'] = 'e\u0301.png'  # decomposed, as from macOS
        for entry, category in zip(content['annotations'], (-1, 900), strict=True):
            entry.update(iscrowd='0', category_id=category)

    edit(tmp_path, change)
    (tmp_path / 'photos/1.png').rename(tmp_path / 'photos/\u00e9.png')
    masks, done = whole(tmp_path, classes=None)
    assert Classes.read(tmp_path / 'whole').names == ('background', 'cat', 'dog')  # by their ids
    np.testing.assert_array_equal(masks['\u00e9'], region(0, 0, 10, 10) + 2 * region(20, 20, 30, 30))
    assert done.report.is_clean
    edit(tmp_path, lambda content: content['categories'][0].update(name=None))
    with pytest.raises(InputError, match='category id 900 has no name'):
        whole(tmp_path)


def test_two_ids_of_one_photograph_give_one_mask(write: Write, tmp_path: Path) -> None:
    write((17, 1, 0, rectangle(0, 0, 10, 10)), (18, 1, 0, rectangle(20, 20, 30, 30)))

    def change(content: dict[str, Any]) -> None:
        content['images'].append({**content['images'][0], 'id': 2})
        content['annotations'][1]['image_id'] = 2

    edit(tmp_path, change)
    masks, done = whole(tmp_path)
    np.testing.assert_array_equal(masks['1'], region(0, 0, 10, 10) + 2 * region(20, 20, 30, 30))
    assert done.report.notes == ['instances.json: images with several ids, each used once: 1.png']


def test_a_split_that_no_image_fell_into_is_named(write: Write, tmp_path: Path) -> None:
    write((17, 1, 0, rectangle(0, 0, 10, 10)), images=4)
    _, done = whole(tmp_path)
    empty = {'val', 'test'} - {split_by_hash(str(key), 0.2, 0.2, 0) for key in range(1, 5)}
    assert empty
    lines = [line for line in done.report.notes if 'try a `seed`' in line]
    assert [line.split()[0] for line in lines] == sorted(empty, reverse=True)


def test_given_splits_are_kept(write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)), images=2)
    content = json.loads((tmp_path / 'instances.json').read_text())
    (tmp_path / 'annotations').mkdir()
    for key, name in ((1, 'instances_train2017'), (2, 'instances_val2017')):
        part = {**content, 'images': [content['images'][key - 1] | {'file_name': 'a.png'}]}
        part['annotations'] = [entry for entry in content['annotations'] if entry['image_id'] == key]
        (tmp_path / 'annotations' / f'{name}.json').write_text(json.dumps(part))
        folder = tmp_path / 'photos' / name.removeprefix('instances_')
        folder.mkdir()
        (tmp_path / 'photos' / f'{key}.png').rename(folder / 'a.png')
    (tmp_path / 'annotations' / 'captions_train2017.json').write_text('{"images": [], "annotations": []}')
    _, done = whole(tmp_path, tmp_path / 'annotations')
    assert done.images == {'train': 1, 'val': 1}
    for key, split in ((1, 'train'), (2, 'val')):
        (image,) = (tmp_path / 'whole' / 'img' / split).iterdir()
        noise = np.random.default_rng(key).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        np.testing.assert_array_equal(np.asarray(Image.open(image)), noise)

    def names(content: dict[str, Any]) -> None:
        content['images'][0]['file_name'], content['images'][1]['file_name'] = 'train2017/a.png', 'val2017\\a.png'

    edit(tmp_path, names)  # one file that names the splits by folders
    assert whole(tmp_path)[1].written == 0  # since their names leave out the folders
    (tmp_path / 'annotations' / 'instances_all.json').write_text(json.dumps(content))
    with pytest.raises(InputError, match=r'instances_all\.json: its name contains no split'):
        whole(tmp_path, tmp_path / 'annotations')


@pytest.mark.parametrize(
    ('orientation', 'frame'), [*((key, 'upright') for key in range(1, 9)), *((key, 'stored') for key in range(5, 9))]
)
def test_masks_fit_turned_photographs(orientation: int, frame: str, write: Write, tmp_path: Path) -> None:
    """Outline a red block at the upper left of the upright image, as tools that turn and that do not turn state it."""
    write((17, 1, 0, rectangle(4, 6, 20, 14)))
    upright = Image.new('RGB', (WIDTH, HEIGHT), 'white')
    upright.paste('red', (4, 6, 20, 14))
    inverse = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # Image.Transpose that undoes it
    stored = upright if inverse is None else upright.transpose(Image.Transpose(inverse))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / 'photos' / '1.png', exif=exif)
    if frame == 'stored':
        rows, columns = np.nonzero(np.asarray(stored)[..., 1] == 0)
        drawn = rectangle(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        drawn = [[float(value) for value in drawn[0]]]
        edit(tmp_path, lambda c: c['images'][0].update(height=WIDTH, width=HEIGHT))
        edit(tmp_path, lambda c: c['annotations'][0].update(segmentation=drawn))
    masks, done = whole(tmp_path)
    np.testing.assert_array_equal(masks['1'], region(4, 6, 20, 14))
    image = next((tmp_path / 'whole' / 'img').glob('*/1.png'))
    np.testing.assert_array_equal(read_upright(image).pixels[..., 1] == 0, masks['1'] == 1)
    assert Image.open(image).size == (WIDTH, HEIGHT)
    assert bool(done.report.notes) == (orientation != 1)
    crop = convert(tmp_path, margin=0.25)['000000000001_10']
    np.testing.assert_array_equal(crop, region(4, 6, 20, 14)[2:18, 0:24])


@pytest.mark.parametrize('folder', ['Test drive', 'test-field_A', 'crop_dev', 'test1'])
def test_a_folder_is_a_split_only_by_its_whole_name(folder: str, write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)), images=2)
    edit(tmp_path, lambda content: content['images'][0].update(file_name=f'{folder}/1.png'))
    masks, done = whole(tmp_path, val=0, test=0)
    assert done.images == {'train': 2}
    assert masks.keys() == {f'{folder}_1', '2'}
    (tmp_path / folder).mkdir()
    (tmp_path / 'instances.json').rename(tmp_path / folder / 'labels.json')
    with pytest.raises(InputError, match=r'labels\.json: its name contains no split'):
        whole(tmp_path, tmp_path / folder)


def test_an_image_that_is_added_renames_no_other(write: Write, tmp_path: Path) -> None:
    def names(content: dict[str, Any]) -> None:
        for entry, name in zip(content['images'], ('day 1/1.png', 'day 1/2.png', 'day 2/1.png'), strict=False):
            entry['file_name'] = name

    write((17, 100, 0, rectangle(0, 0, 10, 10)), images=2)
    edit(tmp_path, names)
    assert whole(tmp_path)[0].keys() == {'day 1_1', 'day 1_2'}
    write((17, 100, 0, rectangle(0, 0, 10, 10)), images=3)
    edit(tmp_path, names)
    for key, folder in ((1, 'day 1'), (3, 'day 2')):
        (tmp_path / 'photos' / folder).mkdir()
        (tmp_path / f'photos/{key}.png').rename(tmp_path / f'photos/{folder}/1.png')
    masks, done = whole(tmp_path)
    assert masks.keys() == {'day 1_1', 'day 1_2', 'day 2_1'}  # 2.png, the only one of its name, is in no folder
    assert (done.written, done.report.lines()) == (1, done.report.notes)


def test_an_equal_id_in_a_split_that_is_added_renames_no_crop(write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)), images=2)
    content = json.loads((tmp_path / 'instances.json').read_text())
    options = CropOptions(classes=('cat',), min_area=20, size=None)
    for key, split in ((1, 'train'), (2, 'val')):
        image = {**content['images'][key - 1], 'id': 1}
        (tmp_path / 'sets' / split).mkdir(parents=True)
        part = json.dumps({**content, 'images': [image], 'annotations': content['annotations'][:1]})
        (tmp_path / 'sets' / split / 'labels.json').write_text(part)
        done = convert_coco(tmp_path / 'sets', tmp_path / 'photos', tmp_path / 'data', options)
        assert (done.written, done.report.is_clean) == (1, True)
    assert done.images == {'train': 1, 'val': 1}
    assert {path.stem for path in (tmp_path / 'data').rglob('*.png')} == {'000000000001_10'}


def test_images_of_one_name_cost_only_themselves(write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)), images=4)
    for key, name in ((1, 'a.jpg'), (2, 'a.png'), (3, f'{"b" * 245}.png')):
        (tmp_path / f'photos/{key}.png').rename(tmp_path / 'photos' / name)
        edit(tmp_path, lambda content, key=key, name=name: content['images'][key - 1].update(file_name=name))
    masks, done = whole(tmp_path, val=0, test=0)
    assert masks.keys() == {'4'}
    assert [str(error) for error in done.report.failed] == [
        'train/a.jpg: 2 images of the source have this stem; give them different names',
        'train/a.png: 2 images of the source have this stem; give them different names',
        f'train/{"b" * 245}: is too long for a file name; shorten it',
    ]
    assert done.report.counts['cat'] == {'taken': 1, 'image unusable': 3}


def test_a_category_that_only_groups_others_is_left_out(write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)), images=2)

    def group(content: dict[str, Any]) -> None:
        content['categories'] = [{'id': 0, 'name': 'pets', 'supercategory': 'none'}] + [
            {**category, 'supercategory': 'pets'} for category in content['categories']
        ]

    edit(tmp_path, group)
    _, done = whole(tmp_path, classes=None)
    assert Classes.read(tmp_path / 'whole').names == ('background', 'person', 'cat', 'dog')  # person has no objects
    assert done.report.notes[0] == "the category 'pets' has no objects and only groups others: it is left out"
    with pytest.raises(InputError, match=r'classes \["person", "cat", "dog"\] instead of \["pets"\]'):
        whole(tmp_path, classes=('pets',))
    (tmp_path / 'whole').rename(tmp_path / 'first')
    edit(tmp_path, lambda content: content['annotations'][0].update(category_id=0))
    whole(tmp_path, classes=None)
    assert Classes.read(tmp_path / 'whole').names == ('background', 'pets', 'person', 'cat', 'dog')


def test_a_split_of_some_images_alone_is_refused(write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)), images=2)
    edit(tmp_path, lambda content: content['images'][0].update(file_name='val/1.png'))
    with pytest.raises(InputError, match=r'^2\.png: has no split .like 1 of 2 images'):
        whole(tmp_path)
    assert convert(tmp_path, exclude=['2']).keys() == {'000000000001_10'}
    assert [path.name for path in (tmp_path / 'data/img').iterdir()] == ['val']


def test_a_corrected_outline_is_told(write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)))
    _, first = whole(tmp_path)
    write((17, 100, 0, rectangle(0, 0, 10, 11)))
    _, second = whole(tmp_path)
    assert first.report.is_clean
    assert second.report.doubts[-1].startswith('1 images or masks differ from the current source')


@pytest.mark.parametrize('name', ['Background', '__background__'])
def test_a_background_is_known_by_every_name(name: str, write: Write, tmp_path: Path) -> None:
    write((17, 100, 0, rectangle(0, 0, 10, 10)), (1, 100, 0, rectangle(0, 0, 5, 5)))
    edit(tmp_path, lambda content: content['categories'][0].update(name=name))
    masks, _ = whole(tmp_path)
    assert Classes.read(tmp_path / 'whole').names == ('background', 'cat', 'dog')
    (mask,) = masks.values()
    assert mask[:5, :5].max() == 0
    assert (mask == 1).sum() == 75
    with pytest.raises(InputError, match=f'`classes={name}`: is the background'):
        whole(tmp_path, classes=(name,))
