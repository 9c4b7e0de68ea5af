from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colour_networks import ColourNetwork
from PIL import Image

from mmseg_ext.converters.labelme.importing import import_masks
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.probability_maps import load_probabilities
from mmseg_ext.inference.outputs import labelme_document
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.inference.views import Views
from mmseg_ext.workflows.predict import find_images, predict_files

COLOURS = np.array([[0, 0, 250], [250, 0, 0], [0, 250, 0]], np.uint8)
Save = Callable[..., np.ndarray]


@pytest.fixture
def predictor() -> Predictor:
    return Predictor(ColourNetwork(), batch_size=3)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Saves a photograph of known classes, and returns its mask."""

    def make(name: str, seed: int = 0, orientation: int = 1) -> np.ndarray:
        mask = np.random.default_rng(seed).integers(0, 3, (32, 64), dtype=np.uint8)
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = tmp_path / 'photos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(COLOURS[mask]).save(path, exif=exif, **({'lossless': True} if path.suffix == '.webp' else {}))
        return mask

    return make


def test_files_folders_and_patterns(save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('b.png', 'a.PNG', 'deep/c.png', 'deep/[d].png', '.hidden.png'):
        save(name)
    photos = tmp_path / 'photos'
    (photos / 'notes.txt').write_text('no image')
    a, b, c, d = photos / 'a.PNG', photos / 'b.png', photos / 'deep' / 'c.png', photos / 'deep' / '[d].png'
    assert find_images([photos]) == [a, b]
    assert find_images([str(photos / '**' / '*.png')]) == sorted([b, c, d])
    assert find_images([str(b), photos, str(d), str(photos / 'b.*')]) == [b, a, d]  # each once, in this order
    monkeypatch.chdir(photos)
    assert find_images(['*.png']) == [Path('b.png')]


def test_sources_that_hold_nothing_or_collide_are_refused(save: Save, tmp_path: Path) -> None:
    save('a.png')
    save('a.webp')
    save('deep/a.png')
    photos = tmp_path / 'photos'
    with pytest.raises(InputError, match=r'a\.webp: has the same stem, and so the same mask name, as .*a\.png'):
        find_images([photos])
    with pytest.raises(InputError, match='has the same stem'):
        find_images([photos / 'a.png', photos / 'deep'])
    with pytest.raises(InputError, match=r'none\.png: no such image or folder'):
        find_images([photos / 'none.png'])
    with pytest.raises(InputError, match='no file matches this pattern'):
        find_images([str(photos / '*.jpg')])
    (tmp_path / 'empty' / 'deep').mkdir(parents=True)
    with pytest.raises(InputError, match=r'holds no .*write ".*/empty/\*\*/\*\.jpg"'):
        find_images([tmp_path / 'empty'])
    save('3.21\u202fPM.png')  # as macOS names pictures of the screen
    assert find_images([photos / '3.21\u202fPM.png']) == [photos / '3.21\u202fPM.png']
    save('line\nbreak.png')
    with pytest.raises(InputError, match=r'line\\nbreak\.png.*cannot be printed'):
        find_images([photos / 'line\nbreak.png'])


def test_every_image_gets_its_files(save: Save, predictor: Predictor, tmp_path: Path) -> None:
    masks = {f'p{n}': save(f'p{n}.png', n) for n in range(5)}
    before = {path: path.read_bytes() for path in (tmp_path / 'photos').iterdir()}
    out = tmp_path / 'out'
    report = predict_files(predictor, find_images([tmp_path / 'photos']), out, ['masks', 'overlays'], opacity=1)
    assert (report.predicted, report.errors) == (5, [])
    assert sorted(path.name for path in out.rglob('*')) == sorted(
        ['dataset.yaml', 'masks', 'overlays', *(f'{n}{s}' for n in masks for s in ('.png', '.jpg'))]
    )
    assert Classes.read(out) == predictor.classes
    for name, mask in masks.items():
        np.testing.assert_array_equal(read_mask(out / 'masks' / f'{name}.png'), mask)
        assert Image.open(out / 'masks' / f'{name}.png').getpalette()[3:6] == [220, 60, 60]
        overlay = np.asarray(Image.open(out / 'overlays' / f'{name}.jpg')).astype(int)
        assert overlay.shape == (32, 64, 3)
        expected = np.array([[0, 0, 250], [220, 60, 60], [60, 100, 230]])[mask]
        assert np.abs(overlay - expected).mean() < 25
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize('views', [None, Views((None,), flip=True, tile=32, stride=20)], ids=['whole', 'tiles'])
def test_probabilities_as_float16(views: Views | None, save: Save, tmp_path: Path) -> None:
    masks = {name: save(name, n, orientation) for n, (name, orientation) in enumerate([('a.png', 1), ('b.png', 6)])}
    predictor = Predictor(ColourNetwork(), views=views)
    out, images = tmp_path / 'out', find_images([tmp_path / 'photos'])
    predict_files(predictor, images, out, ['masks', 'probabilities'])
    for path in images:
        with np.load(out / 'probabilities' / f'{path.stem}.npz') as content:
            found = content['probabilities']
        assert (found.dtype, found.shape[0]) == (np.float16, 3)
        np.testing.assert_allclose(found, predictor.predict(path).probabilities, atol=5e-4)
        upright = masks[path.name] if path.stem == 'a' else np.rot90(masks[path.name], -1)
        np.testing.assert_array_equal(found.argmax(0), upright)
        read = load_probabilities([out / 'probabilities' / f'{path.stem}.npz'])
        np.testing.assert_allclose(read, found, atol=1e-3)


def test_what_cannot_be_read_costs_only_itself(save: Save, predictor: Predictor, tmp_path: Path) -> None:
    for n in range(7):
        save(f'p{n}.png', n)
    broken = tmp_path / 'photos' / 'p3.png'
    broken.write_bytes(broken.read_bytes()[:200])
    report = predict_files(predictor, find_images([tmp_path / 'photos']), tmp_path / 'out', ['masks'])
    assert report.predicted == 6
    (error,) = report.errors
    assert error.subject == str(broken)
    names = sorted(path.stem for path in (tmp_path / 'out' / 'masks').iterdir())
    assert names == ['p0', 'p1', 'p2', 'p4', 'p5', 'p6']


def test_nothing_is_replaced_unasked(save: Save, predictor: Predictor, tmp_path: Path) -> None:
    mask = save('a.png')
    save('b.png')
    photos, out = find_images([tmp_path / 'photos']), tmp_path / 'out'
    (out / 'masks').mkdir(parents=True)
    (out / 'masks' / 'b.png').write_text('mine')
    with pytest.raises(InputError, match=r'masks/b\.png: exists; replace it with `overwrite=True`'):
        predict_files(predictor, photos, out)
    assert [path.name for path in out.rglob('*')] == ['masks', 'b.png']  # nothing written before it was noticed
    predict_files(predictor, photos, out, overwrite=True)
    np.testing.assert_array_equal(read_mask(out / 'masks' / 'a.png'), mask)
    predict_files(predictor, photos, out, ['overlays'])  # the same classes: dataset.yaml may stay
    (out / 'dataset.yaml').write_text('classes: [other]')
    with pytest.raises(InputError, match=r'dataset\.yaml: exists'):
        predict_files(predictor, photos, out, ['labelme'])
    masks = find_images([out / 'masks'])
    with pytest.raises(InputError, match=r'masks/a\.png: is one of the images'):
        predict_files(predictor, masks, out, overwrite=True)


def test_a_folder_that_cannot_be_written_is_named(save: Save, predictor: Predictor, tmp_path: Path) -> None:
    save('a.png')
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='file: is a file'):
        predict_files(predictor, find_images([tmp_path / 'photos']), tmp_path / 'file' / 'out')


@pytest.mark.parametrize('orientation', [1, 3, 6])
def test_labelme_files_come_back_as_the_same_masks(
    orientation: int, save: Save, predictor: Predictor, tmp_path: Path
) -> None:
    mask = save('a.png', orientation=orientation)
    out = tmp_path / 'out'
    predict_files(predictor, find_images([tmp_path / 'photos']), out, ['masks', 'labelme'])
    import_masks(out, out, tmp_path / 'back', splits=['labelme'])
    upright = {1: mask, 3: mask[::-1, ::-1], 6: np.rot90(mask, -1)}[orientation]
    np.testing.assert_array_equal(read_mask(out / 'masks' / 'a.png'), upright)
    np.testing.assert_array_equal(read_mask(tmp_path / 'back' / 'labelme' / 'a.png'), upright)
    document = json.loads((out / 'labelme' / 'a.json').read_text())
    assert document['imagePath'] == '../../photos/a.png'
    assert (document['imageHeight'], document['imageWidth']) == upright.shape
    assert {shape['shape_type'] for shape in document['shapes']} == {'mask'}
    assert {shape['label'] for shape in document['shapes']} == {'cat', 'dog'}
    assert document['imageData'] is None  # labelme turns what it opens by its path
    assert (out / 'labels.txt').read_text() == '__ignore__\nbackground\ncat\ndog\n'


def test_a_turned_tiff_file_agrees_with_its_labelme_file(save: Save, predictor: Predictor, tmp_path: Path) -> None:
    save('a.tif', orientation=6)
    path = tmp_path / 'photos' / 'a.tif'
    result = predictor.predict(path)
    document = labelme_document(result, path, tmp_path)
    with Image.open(path) as image:
        image.load()
        assert (document['imageHeight'], document['imageWidth']) == image.size[::-1] == result.mask.shape


def test_too_little_memory_is_reported(
    save: Save, predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save('a.png')

    def fail(*arguments: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(predictor, '_predict', fail)
    report = predict_files(predictor, find_images([tmp_path / 'photos']), tmp_path / 'out')
    assert report.predicted == 0
    assert 'does not fit into memory' in str(report.errors[0])
