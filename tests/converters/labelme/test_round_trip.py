"""Export and import, on files."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.converters.labelme.encode import ShapeKind, encode_shapes
from mmseg_ext.converters.labelme.exporting import ExportSettings, export_masks
from mmseg_ext.converters.labelme.importing import import_masks, paint_file
from mmseg_ext.converters.labelme.paint import PaintRules, paint_shapes
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.images import read_image
from mmseg_ext.data.labelme.document import label_names, label_values
from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.errors import CombinedInputError, InputError

KINDS: tuple[ShapeKind, ...] = ('mask', 'polygon')


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def write_image(path: Path, size: tuple[int, int], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.full((*size, 3), 90, np.uint8)).save(path, exif=exif)


@pytest.mark.parametrize('kind', KINDS)
def test_masks_come_back_exactly_and_sources_stay(data: Path, tmp_path: Path, kind: ShapeKind) -> None:
    before = listing(data)
    report = export_masks(data, 'labels', tmp_path / 'json', ExportSettings(kind))
    assert report.errors == {('train', 'a'): 0, ('train', 'b'): 0, ('val', 'a'): 0}
    assert import_masks(tmp_path / 'json', data, tmp_path / 'masks').files == 3
    assert listing(data) == before
    for name in ('train/a.png', 'train/b.png', 'val/a.png'):
        assert (read_mask(tmp_path / 'masks' / name) == read_mask(data / 'labels' / name)).all()
    assert sorted(listing(tmp_path / 'masks')) == ['train/a.png', 'train/b.png', 'val/a.png']


@pytest.mark.parametrize('kind', KINDS)
def test_without_a_background_every_class_is_a_shape_and_the_rest_is_ignored(
    data: Path, tmp_path: Path, kind: ShapeKind
) -> None:
    with (data / 'dataset.yaml').open('a') as stream:
        stream.write('background: null\n')
    mask = np.zeros((40, 60), np.uint8)
    mask[:20, 10:], mask[30:, :] = 1, 255
    write_mask(data / 'labels' / 'train' / 'a.png', mask, [(0, 0, 0)])
    assert export_masks(data, 'labels', tmp_path / 'json', ExportSettings(kind)).errors['train', 'a'] == 0
    labels = {shape['label'] for shape in load(tmp_path / 'json/train/a.json')['shapes']}
    assert labels == {'background', 'cat'}  # the first class has shapes of its own; ignored pixels need none
    import_masks(tmp_path / 'json', data, tmp_path / 'masks')
    np.testing.assert_array_equal(read_mask(tmp_path / 'masks/train/a.png'), mask)


def test_what_a_file_holds(data: Path, tmp_path: Path) -> None:
    export_masks(data, 'labels', tmp_path / 'x' / 'json')
    document = load(tmp_path / 'x' / 'json' / 'train' / 'a.json')
    assert list(document) == ['version', 'flags', 'shapes', 'imagePath', 'imageData', 'imageHeight', 'imageWidth']
    assert (document['imageHeight'], document['imageWidth'], document['imageData']) == (40, 60, None)
    assert document['imagePath'] == '../../../data/img/train/a.jpg'
    assert (tmp_path / 'x' / 'json' / 'train' / document['imagePath']).is_file()
    assert {shape['label'] for shape in document['shapes']} == {'cat', 'dog', '__ignore__'}
    assert {tuple(shape) for shape in document['shapes']} == {
        ('label', 'points', 'group_id', 'description', 'shape_type', 'flags', 'mask')
    }
    assert (tmp_path / 'x' / 'json' / 'labels.txt').read_text() == '__ignore__\nbackground\ncat\ndog\n'


def test_the_path_of_the_image_holds_behind_a_linked_folder(data: Path, tmp_path: Path) -> None:
    (tmp_path / 'far' / 'away').mkdir(parents=True)
    (tmp_path / 'link').symlink_to(tmp_path / 'far' / 'away')
    export_masks(data, 'labels', tmp_path / 'link')
    document = load(tmp_path / 'link' / 'train' / 'a.json')
    assert (tmp_path / 'link' / 'train' / document['imagePath']).is_file()


def test_a_polygon_that_leaves_the_outline_is_reported(data: Path, tmp_path: Path) -> None:
    rows, columns = np.ogrid[:40, :60]
    mask = ((rows - 20) ** 2 + (columns - 30) ** 2 < 200).astype(np.uint8)
    write_mask(data / 'labels' / 'train' / 'a.png', mask, [(0, 0, 0)])
    report = export_masks(data, 'labels', tmp_path / 'json', ExportSettings('polygon', 2), splits=['train'])
    import_masks(tmp_path / 'json', data, tmp_path / 'masks')
    wrong = int((read_mask(tmp_path / 'masks' / 'train' / 'a.png') != mask).sum())
    assert report.errors['train', 'a'] == wrong > 0
    assert report.pixels == 2 * 40 * 60


def test_shapes_lie_on_the_upright_image_as_labelme_shows_it(data: Path, tmp_path: Path) -> None:
    path = data / 'img' / 'train' / 'a.jpg'
    write_image(path, (60, 40), orientation=6)  # 40×60, as the mask, once it is turned
    export_masks(data, 'labels', tmp_path / 'json')
    document = load(tmp_path / 'json' / 'train' / 'a.json')
    assert document['imageData'] is None
    assert (document['imageHeight'], document['imageWidth']) == (40, 60)
    import_masks(tmp_path / 'json', data, tmp_path / 'masks')
    assert (read_mask(tmp_path / 'masks/train/a.png') == read_mask(data / 'labels/train/a.png')).all()
    document['imageHeight'], document['imageWidth'] = 60, 40  # as a tool writes it that does not turn the image
    (tmp_path / 'json' / 'train' / 'a.json').write_text(json.dumps(document))
    (error,) = import_masks(tmp_path / 'json', data, tmp_path / 'masks', overwrite=True).counts.failed
    assert re.search(r'a\.json: states an image size of 40×60 .* has 60×40 .* EXIF', str(error))


def test_shapes_on_an_embedded_image_are_turned_with_it_since_labelme_does_not(data: Path, tmp_path: Path) -> None:
    path = data / 'img' / 'train' / 'a.jpg'
    write_image(path, (60, 40), orientation=6)
    corner = {'label': 'cat', 'shape_type': 'rectangle', 'points': [[0, 0], [9, 4]]}  # 5 rows, 10 columns as stored
    embedded = {'imageData': base64.b64encode(path.read_bytes()).decode(), 'imageHeight': 60, 'imageWidth': 40}
    folder = tmp_path / 'json' / 'train'
    folder.mkdir(parents=True)
    (folder / 'a.json').write_text(json.dumps({'shapes': [corner], **embedded}))
    import_masks(tmp_path / 'json', data, tmp_path / 'masks')
    expected = np.zeros((40, 60), np.uint8)
    expected[:10, -5:] = 1  # a quarter turn clockwise
    np.testing.assert_array_equal(read_mask(tmp_path / 'masks/train/a.png'), expected)
    report = export_masks(data, 'labels', tmp_path / 'again', ExportSettings(merge_from=tmp_path / 'json'))
    assert 'a.json: its shapes refer to the stored pixels' in str(report.left_out[0])


def test_metadata_survives_the_way_to_masks_and_back(data: Path, tmp_path: Path) -> None:
    out = tmp_path / 'json'
    export_masks(data, 'labels', out)
    document = load(out / 'train' / 'a.json')
    document |= {'flags': {'checked': True}, 'reviewer': {'name': 'Zoë'}, 'version': '5.4.1', 'imageData': 'AAAA'}
    for number, shape in enumerate(document['shapes']):
        shape |= {'group_id': number, 'description': f'no. {number}', 'confidence': number / 8}
    document['shapes'].append({'label': 'tail-line', 'points': [[0, 0], [5, 5]], 'shape_type': 'line'})
    (out / 'train' / 'a.json').write_text(json.dumps(document))
    ignored = ('tail-line',)

    import_masks(out, data, data / 'labels_mine', rules=PaintRules(ignored))
    settings = ExportSettings(merge_from=out, ignore_labels=ignored)
    report = export_masks(data, 'labels_mine', tmp_path / 'again', settings)
    assert report.merged == 3
    assert load(tmp_path / 'again' / 'train' / 'a.json') == document

    mask = read_mask(data / 'labels_mine' / 'train' / 'a.png')
    mask[5, 5] = 0
    write_mask(data / 'labels_mine' / 'train' / 'a.png', mask, [(0, 0, 0)])
    report = export_masks(data, 'labels_mine', out, settings, overwrite=True)  # onto the very files
    changed = load(out / 'train' / 'a.json')
    assert report.errors['train', 'a'] == 0
    assert {key: changed[key] for key in changed if key != 'shapes'} == {
        key: document[key] for key in document if key != 'shapes'
    }
    assert [shape in document['shapes'] for shape in changed['shapes']].count(False) == 1
    (cat,) = (shape for shape in changed['shapes'] if shape not in document['shapes'])
    assert cat['label'] == 'cat'
    assert cat['confidence'] == cat['group_id'] / 8


def test_a_queue_chooses_files(data: Path, tmp_path: Path) -> None:
    queue = tmp_path / 'queue.txt'
    queue.write_text('# worst first\n\nb\nval/a\nb\n', encoding='utf-8')
    report = export_masks(data, 'labels', tmp_path / 'json', queue=queue)
    assert list(report.errors) == [('train', 'b'), ('val', 'a')]
    assert sorted(listing(tmp_path / 'json')) == ['labels.txt', 'train/b.json', 'val/a.json']


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'a\n', "line 1: 'a' is in train and val; write split/stem"),
        (b'b\nzebra\n', "line 2: 'zebra' has no mask"),
        (b'# nothing\n', 'lists no files'),
        (b'\xff\xff', 'is not UTF-8 text'),
    ],
)
def test_a_queue_that_cannot_be_followed_is_refused(data: Path, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / 'queue.txt').write_bytes(content)
    with pytest.raises(InputError, match=r'queue\.txt: ') as caught:
        export_masks(data, 'labels', tmp_path / 'json', queue=tmp_path / 'queue.txt')
    assert words in str(caught.value)
    assert not (tmp_path / 'json').exists()


def test_nothing_is_replaced_unasked(data: Path, tmp_path: Path) -> None:
    out = tmp_path / 'json'
    export_masks(data, 'labels', out, splits=['train'])
    before = listing(out)
    with pytest.raises(InputError, match=r'train/a\.json: exists'):
        export_masks(data, 'labels', out)
    assert listing(out) == before
    export_masks(data, 'labels', out, splits=['val'])  # another split may join; the label list is the same
    assert set(listing(out)) == {*before, 'val/a.json'}
    (out / 'labels.txt').write_text('mine\n')
    (out / 'val' / 'a.json').unlink()
    with pytest.raises(InputError, match=r'labels\.txt: exists'):
        export_masks(data, 'labels', out, splits=['val'])
    export_masks(data, 'labels', out, overwrite=True)
    assert (out / 'labels.txt').read_text().startswith('__ignore__')
    import_masks(out, data, tmp_path / 'masks')
    with pytest.raises(InputError, match=r'train/a\.png: exists'):
        import_masks(out, data, tmp_path / 'masks')
    import_masks(out, data, tmp_path / 'masks', overwrite=True)


def test_a_bad_file_costs_only_itself_and_nothing_is_written_where_all_are_bad(data: Path, tmp_path: Path) -> None:
    export_masks(data, 'labels', tmp_path / 'json')
    whole = listing(tmp_path / 'json')
    (tmp_path / 'json' / 'val' / 'a.json').write_text('{')
    report = import_masks(tmp_path / 'json', data, tmp_path / 'some')
    (error,) = report.counts.failed
    assert 'val/a.json: is not valid JSON' in str(error)
    stems = {name.removesuffix('.json') for name in whole if name.endswith('.json')}
    assert {name.removesuffix('.png') for name in listing(tmp_path / 'some')} == stems - {'val/a'}
    (tmp_path / 'masks').mkdir()
    (tmp_path / 'masks' / 'mine.txt').write_text('mine')
    with pytest.raises(InputError, match='is not valid JSON'):
        import_masks(tmp_path / 'json', data, tmp_path / 'masks', splits=['val'])
    assert [path.name for path in (tmp_path / 'masks').iterdir()] == ['mine.txt']


def test_a_mask_that_cannot_be_exported_is_named(data: Path, tmp_path: Path) -> None:
    mask = read_mask(data / 'labels' / 'train' / 'b.png')
    mask[0, :2] = 7, 9
    write_mask(data / 'labels' / 'train' / 'b.png', mask % 2, Classes.read(data).palette[::-1])
    (error,) = export_masks(data, 'labels', tmp_path / 'order').left_out
    assert 'its palette holds the colours of dataset.yaml in another order' in str(error)
    write_mask(data / 'labels' / 'train' / 'b.png', mask, [(0, 0, 0)])
    image = data / 'img' / 'train' / 'a.jpg'
    Image.new('RGB', (50, 40)).save(image)
    report = export_masks(data, 'labels', tmp_path / 'some')
    assert [error.problem.partition(',')[0] for error in report.left_out] == [
        'is 50×40 pixels but its mask 60×40', 'holds class id 7',
    ]  # fmt: skip
    assert sorted(listing(tmp_path / 'some')) == ['labels.txt', 'val/a.json']
    image.write_bytes(b'no image')
    (error, _) = export_masks(data, 'labels', tmp_path / 'some', overwrite=True).left_out
    assert 'train/a.jpg: image cannot be read' in str(error)
    image.unlink()
    (error, _) = export_masks(data, 'labels', tmp_path / 'some', overwrite=True).left_out
    assert 'train/a.*: image not found' in str(error)
    with pytest.raises(CombinedInputError):  # nothing is left
        export_masks(data, 'labels', tmp_path / 'json', splits=['train'])
    with pytest.raises(InputError, match='nothing: label set not found'):
        export_masks(data, 'nothing', tmp_path / 'json')
    with pytest.raises(InputError, match="no split 'test'; choose `splits` from train,val"):
        export_masks(data, 'labels', tmp_path / 'json', splits=['test'])
    assert not (tmp_path / 'json').exists()


def test_the_size_comes_from_the_image_where_the_file_is_silent(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'json' / 'train'
    folder.mkdir(parents=True)
    shape = {'label': 'cat', 'points': [[1, 1], [4, 1], [4, 3]]}
    (folder / 'a.json').write_text(json.dumps({'shapes': [shape]}))
    import_masks(tmp_path / 'json', data, tmp_path / 'masks')
    assert read_mask(tmp_path / 'masks' / 'train' / 'a.png').shape == (40, 60)

    named = {'shapes': [shape], 'imagePath': '..\\pictures\\zebra.png'}  # as labelme on Windows may write it
    (folder / 'a.json').rename(folder / 'zebra.json')
    (folder / 'zebra.json').write_text(json.dumps(named))
    with pytest.raises(InputError, match=r'zebra\.json: has no imageHeight and imageWidth'):
        import_masks(tmp_path / 'json', data, tmp_path / 'zebras')
    (tmp_path / 'json' / 'pictures').mkdir()
    Image.new('RGB', (9, 8)).save(tmp_path / 'json' / 'pictures' / 'zebra.png')
    import_masks(tmp_path / 'json', data, tmp_path / 'zebras', splits=['train'])
    assert read_mask(tmp_path / 'zebras' / 'train' / 'zebra.png').shape == (8, 9)
    (folder / 'zebra.json').write_text(json.dumps({'shapes': [shape], 'imageHeight': 5, 'imageWidth': 6}))
    import_masks(tmp_path / 'json', data, tmp_path / 'stated', splits=['train'])
    assert read_mask(tmp_path / 'stated' / 'train' / 'zebra.png').shape == (5, 6)


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'', 'is not valid JSON'),
        (b'[' * 100_000, 'is not valid JSON'),
        (b'{"shapes": [{"label": "c\xe4t"}]}', 'is not UTF-8 text (byte 24)'),
        (b'[]', 'is not a LabelMe file'),
        (b'{"shapes": {}}', 'is not a LabelMe file'),
        (b'{"shapes": [3]}', 'shape 1 has no `label:`'),
        (b'{"shapes": [{"label": 3}]}', 'shape 1 has no `label:`'),
        (b'{"shapes": [{"label": "cat"}]}', 'shape 1 (cat): `points:` must be'),
        (b'{"shapes": [{"label": "wolf"}]}', "shape 1 has the unknown label 'wolf'"),
        (b'{"shapes": [], "imageHeight": "40", "imageWidth": 60}', 'must be whole numbers above 0'),
        (b'{"shapes": [], "imageHeight": 40, "imageWidth": 0}', 'must be whole numbers above 0'),
        (b'{"shapes": [], "imageHeight": true, "imageWidth": 60}', 'must be whole numbers above 0'),
        (b'{"shapes": [], "imageHeight": 1e99, "imageWidth": 60}', 'must be whole numbers above 0'),
        (b'{"shapes": [], "imageHeight": 1000000, "imageWidth": 60}', 'states an image size of 60×1000000 pixels'),
        (b'{"shapes": [' + b'0,' * 50_000 + b'0]}', 'holds 50,001 shapes, more than 50,000'),
        (b'{"shapes": [], "imageHeight": 4, "imageWidth": 6}', 'states an image size of 6×4 pixels'),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_in_one_line(data: Path, tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / 'json' / 'train').mkdir(parents=True)
    (tmp_path / 'json' / 'train' / 'a.json').write_bytes(content)
    with pytest.raises(InputError, match=r'train/a\.json: ') as caught:
        import_masks(tmp_path / 'json', data, tmp_path / 'masks')
    assert words in str(caught.value)
    assert '\n' not in str(caught.value)


def test_an_absurd_size_is_refused_before_memory_is_asked_for(data: Path, tmp_path: Path) -> None:
    (tmp_path / 'json' / 'train').mkdir(parents=True)
    huge = {'shapes': [], 'imageHeight': 10**6, 'imageWidth': 10**6}
    (tmp_path / 'json' / 'train' / 'zebra.json').write_text(json.dumps(huge))
    with pytest.raises(InputError, match=r'zebra\.json: states an image size of 1000000×1000000 pixels, more than'):
        import_masks(tmp_path / 'json', data, tmp_path / 'masks')


def embed(image: Image.Image, orientation: int = 1) -> str:
    stream, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    image.save(stream, format='PNG', exif=exif)
    return base64.b64encode(stream.getvalue()).decode()


@pytest.mark.parametrize('orientation', [1, 3, 6])
def test_an_embedded_image_stands_for_one_that_is_missing(data: Path, tmp_path: Path, orientation: int) -> None:
    (tmp_path / 'json' / 'test').mkdir(parents=True)
    shape = {'label': 'cat', 'points': [[1, 1], [4, 2]], 'shape_type': 'rectangle'}
    document = {'shapes': [shape], 'imagePath': 'gone.jpg', 'imageData': embed(Image.new('RGB', (30, 20)), orientation)}
    path = tmp_path / 'json' / 'test' / 'new.json'
    path.write_text(json.dumps({**document, 'imageHeight': 21, 'imageWidth': 30}))
    with pytest.raises(
        InputError, match=r'new\.json: states an image size of 30×21 pixels, but the embedded image has 30×20'
    ):
        import_masks(tmp_path / 'json', data, data / 'mine', splits=['test'], add_images=True)
    assert not (data / 'img' / 'test').exists()
    path.write_text(json.dumps(document))
    report = import_masks(tmp_path / 'json', data, data / 'mine', splits=['test'], add_images=True)
    assert report.images == [('test', 'new')]
    drawn = np.zeros((20, 30), np.uint8)
    drawn[1:3, 1:5] = 1
    mask = read_mask(data / 'mine' / 'test' / 'new.png')
    assert (mask == {1: drawn, 3: drawn[::-1, ::-1], 6: np.rot90(drawn, -1)}[orientation]).all()
    assert read_image(data / 'img' / 'test' / 'new.png').shape[:2] == mask.shape
    assert import_masks(tmp_path / 'json', data, tmp_path / 'masks', splits=['test'], add_images=True).images == []


def test_all_bad_files_are_named_at_once(data: Path, tmp_path: Path) -> None:
    export_masks(data, 'labels', tmp_path / 'json', splits=['train'])
    (tmp_path / 'json' / 'train' / 'a.json').write_text('{')
    (tmp_path / 'json' / 'train' / 'b.json').write_text('{"shapes": [{"label": "wolf"}, {"label": "cat"}]}')
    with pytest.raises(
        CombinedInputError, match=r'a\.json: is not valid JSON.*b\.json: shape 1 .*b\.json: shape 2'
    ) as caught:
        import_masks(tmp_path / 'json', data, tmp_path / 'masks')
    assert len(caught.value.problems) == 3
    assert not (tmp_path / 'masks').exists()


def test_an_embedded_image_is_not_decoded(data: Path, tmp_path: Path) -> None:
    (tmp_path / 'json' / 'train').mkdir(parents=True)
    document = {'shapes': [], 'imageData': 'no base64 ' * 500_000, 'imageHeight': 40, 'imageWidth': 60}
    (tmp_path / 'json' / 'train' / 'a.json').write_text('\ufeff' + json.dumps(document), encoding='utf-8')
    assert import_masks(tmp_path / 'json', data, tmp_path / 'masks').files == 1


def test_a_folder_without_files_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / 'json').mkdir()
    (tmp_path / 'json' / 'a.json').write_text('{"shapes": []}')
    with pytest.raises(
        InputError, match=r'holds no file <split>/<stem>\.json; give the folder that contains the splits'
    ):
        import_masks(tmp_path / 'json', data, tmp_path / 'masks')


def test_a_name_that_is_no_text_is_refused(data: Path, tmp_path: Path) -> None:
    try:
        os.rename(
            os.fsencode(data / 'labels' / 'train' / 'a.png'), os.fsencode(data / 'labels' / 'train') + b'/\xff.png'
        )
    except OSError:
        pytest.skip('needs a file system that takes any bytes as a name')
    with pytest.raises(InputError, match='its name cannot be printed'):
        export_masks(data, 'labels', tmp_path / 'json')


@pytest.mark.parametrize('labels', ['labels', 'labels_fixed'])
@pytest.mark.parametrize('kind', KINDS)
def test_the_real_masks_come_back_exactly(shared_data: Path, labels: str, kind: ShapeKind) -> None:
    classes = Classes.read(shared_data / 'pets')
    paths = sorted((shared_data / 'pets' / labels).glob('*/*.png'))
    assert len(paths) == 318
    for path in paths if kind == 'mask' else paths[::4]:
        mask = read_mask(path)
        shapes = json.loads(json.dumps(encode_shapes(mask, label_names(classes), kind)))
        assert (paint_shapes(shapes, mask.shape, label_values(classes), str(path)).mask == mask).all(), path


def test_the_real_labelme_files_give_the_corrected_masks_pixel_by_pixel(shared_data: Path) -> None:
    root = shared_data / 'pets'
    classes = Classes.read(root)
    paths = sorted((root / 'labelme').glob('*/*.json'))
    assert len(paths) == 318
    for path in paths:
        split, stem = path.parent.name, path.stem
        painting = paint_file(path, root / 'img' / split / f'{stem}.jpg', classes)
        assert (painting.mask == read_mask(root / 'labels_fixed' / split / f'{stem}.png')).all(), path
        assert not painting.overlaps


LOAD = """
import sys
import numpy as np
import PIL.Image
from labelme import utils
try:
    from labelme._label_file import LabelFile
except ImportError:
    from labelme.label_file import LabelFile
values = {'background': 0, 'cat': 1, 'dog': 2, '__ignore__': 255}
for json_path, mask_path in zip(sys.argv[1::2], sys.argv[2::2]):
    file = LabelFile(json_path)
    image = utils.img_data_to_arr(getattr(file, 'image_data', None) or file.imageData)
    painted, _ = utils.shapes_to_label(image.shape, file.shapes, values)
    assert (painted == np.array(PIL.Image.open(mask_path))).all(), json_path
print('equal')
"""


@pytest.mark.parametrize('kind', KINDS)
def test_the_real_labelme_opens_the_files_and_paints_the_same(data: Path, tmp_path: Path, kind: ShapeKind) -> None:
    python = os.environ.get('LABELME_PYTHON')
    if not python:
        pytest.skip('needs labelme: set LABELME_PYTHON to the Python of an environment that has it')
    write_image(data / 'img' / 'train' / 'a.jpg', (60, 40), orientation=6)
    export_masks(data, 'labels', tmp_path / 'json', ExportSettings(kind))
    files = [(tmp_path / 'json' / f'{name}.json', data / 'labels' / f'{name}.png') for name in ('train/a', 'train/b')]
    command = [python, '-c', LOAD, *(str(path) for pair in files for path in pair)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.stdout.strip() == 'equal', result.stderr


def test_the_image_need_not_be_a_jpeg(data: Path, tmp_path: Path) -> None:
    (data / 'img' / 'train' / 'a.jpg').unlink()
    stream = io.BytesIO()
    Image.new('L', (60, 40)).save(stream, format='PNG')
    (data / 'img' / 'train' / 'a.png').write_bytes(stream.getvalue())
    export_masks(data, 'labels', tmp_path / 'json')
    assert load(tmp_path / 'json' / 'train' / 'a.json')['imagePath'].endswith('img/train/a.png')
