from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mmseg_ext.commands.main import main
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import read_mask, write_mask
from mmseg_ext.data.tiles import Tile, TileMean, place_tiles, tile_cores
from mmseg_ext.demo import DemoSettings, make_demo_data
from mmseg_ext.errors import InputError, NotWritableError
from mmseg_ext.evaluation.probability_maps import save_probabilities
from mmseg_ext.workflows.tile import stitch_masks, stitch_predictions, stitch_probabilities, tile_data_set

CLASSES = Classes(('background', 'cat'), ((0, 0, 0), (200, 60, 60)))
SIZES = {'train/large': (50, 71), 'train/small': (9, 40), 'val/exact': (16, 16)}


def write(root: Path) -> Path:
    CLASSES.write(root)
    for seed, (name, size) in enumerate(SIZES.items()):
        rng = np.random.default_rng(seed)
        for folder in ('img', 'labels', 'labels_fixed'):
            (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(root / f'img/{name}.png')
        for labels in ('labels', 'labels_fixed'):
            mask = rng.choice(np.array([0, 1, 255], np.uint8), size)
            write_mask(root / labels / f'{name}.png', mask, CLASSES.palette)
    (root / 'labels_fixed/val/exact.png').unlink()
    return root


def test_tiles_have_the_full_size_and_stay_in_their_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write(tmp_path / 'data'), tmp_path / 'tiles'
    assert main(['tile', str(data), '--out', str(out), '--size', '16', '--overlap', '4']) == 0
    text = capsys.readouterr().out
    assert '1 image is smaller than a tile' in text
    assert '1 mask is missing' in text
    assert f'{out}: 28 tiles from 3 images' in text  # 4 × 6, 1 × 3 and 1
    assert Classes.read(out) == CLASSES
    for split, stems in (('train', {'large', 'small'}), ('val', {'exact'})):
        images = sorted((out / 'img' / split).iterdir())
        assert {path.stem.split('__')[0] for path in images} == stems
        assert all(Image.open(path).size == (16, 16) for path in images)
        assert [path.name for path in sorted((out / 'labels' / split).iterdir())] == [path.name for path in images]
    source = np.asarray(Image.open(data / 'img/train/large.png'))
    last = np.asarray(Image.open(out / 'img/train/large__y34_x55.png'))
    np.testing.assert_array_equal(last, source[34:50, 55:71])  # moved back to the border
    padded = read_mask(out / 'labels/train/small__y0_x24.png')
    np.testing.assert_array_equal(padded[:9], read_mask(data / 'labels/train/small.png')[:, 24:40])
    assert (padded[9:] == 255).all()


@pytest.mark.parametrize('labels', ['labels', 'labels_fixed'])
def test_masks_survive_cutting_and_stitching(labels: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = write(tmp_path / 'data'), tmp_path / 'tiles'
    tile_data_set(data, out, size=16, overlap=5)
    assert main(['stitch', str(out), str(out / labels), '--out', str(tmp_path / 'whole')]) == 0
    assert ('1 image has no prediction' in capsys.readouterr().out) == (labels == 'labels_fixed')
    for name in SIZES:
        if (data / labels / f'{name}.png').exists():
            whole = read_mask(tmp_path / 'whole/masks' / f'{Path(name).name}.png')
            np.testing.assert_array_equal(whole, read_mask(data / labels / f'{name}.png'))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(2, 20), st.data())
def test_cores_cover_each_pixel_once_within_their_tiles(
    height: int, width: int, size: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, size))
    count = np.zeros((height, width), int)
    for tile, core in zip(
        place_tiles(height, width, size, stride), tile_cores(height, width, size, stride), strict=True
    ):
        assert tile[0] <= core[0] < core[2] <= tile[2]
        assert tile[1] <= core[1] < core[3] <= tile[3]
        count[core[0] : core[2], core[1] : core[3]] += 1
    assert (count == 1).all()


def test_the_mean_in_strips_is_the_mean_in_the_whole() -> None:
    for shape in ((50, 71), (16, 40), (9, 40), (33, 16)):
        rng = np.random.default_rng(0)
        parts = {
            tile: rng.random((3, tile[2] - tile[0], tile[3] - tile[1]), np.float32)
            for tile in place_tiles(*shape, 16, 11)
        }
        mean = TileMean(*shape)
        for tile, part in parts.items():
            mean.add(tile, part)
        np.testing.assert_array_equal(
            stitch_probabilities(parts.__getitem__, shape, 16, 5), mean.result().argmax(axis=0)
        )


def test_each_pixel_comes_from_the_tile_that_has_it_farthest_inside() -> None:
    def read(tile: Tile) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return np.full((4, 4), tile[1] + 1, np.uint8)

    np.testing.assert_array_equal(stitch_masks(read, (4, 6), 4, 2), [[1, 1, 1, 3, 3, 3]] * 4)


def test_probabilities_go_before_masks_and_a_missing_tile_costs_its_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tile_data_set(write(tmp_path / 'data'), tmp_path / 'tiles', size=16, overlap=4)
    result = tmp_path / 'result'
    for path in sorted((tmp_path / 'tiles/img/train').iterdir()):
        write_mask(result / 'masks' / path.name, np.zeros((16, 16), np.uint8), CLASSES.palette)
        certain = np.stack([np.full((16, 16), 0.25), np.full((16, 16), 0.75)])
        save_probabilities(result / 'probabilities' / f'{path.stem}.npz', certain)
    report = stitch_predictions(tmp_path / 'tiles', result, tmp_path / 'whole')
    assert (report.images, report.absent) == (2, 1)
    assert (read_mask(tmp_path / 'whole/masks/small.png') == 1).all()
    (result / 'probabilities/small__y0_x12.npz').unlink()
    stitch_predictions(tmp_path / 'tiles', result, tmp_path / 'whole', overwrite=True)
    assert (read_mask(tmp_path / 'whole/masks/small.png') == 0).all()  # of the masks
    (result / 'masks/small__y0_x12.png').unlink()
    write_mask(result / 'masks/large__y0_x0.png', np.zeros((8, 8), np.uint8), CLASSES.palette)
    command = ['stitch', str(tmp_path / 'tiles'), str(result), '--out', str(tmp_path / 'third')]
    assert main(command) == 1
    text = capsys.readouterr()
    assert 'lacks 1 of the 3 tiles of an image, such as the one at y 0, x 12' in text.err.splitlines()[0]
    assert text.err.splitlines()[-1] == '1 file was left out'
    assert text.out.splitlines()[-1].endswith(': 1 masks from 24 tiles')


def test_what_stitching_would_replace_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    tiles, whole = tmp_path / 'tiles', tmp_path / 'whole'
    tile_data_set(write(tmp_path / 'data'), tiles, size=16, overlap=4)
    write_mask(whole / 'masks/small.png', np.zeros((2, 2), np.uint8), CLASSES.palette)
    with pytest.raises(InputError, match=r'small\.png: exists'):
        stitch_predictions(tiles, tiles / 'labels', whole)
    assert [path.name for path in whole.rglob('*.*')] == ['small.png']
    (whole / 'masks/small.png').unlink()
    other = Classes(('background', 'dog'), CLASSES.palette)
    other.write(whole)
    with pytest.raises(InputError, match=r'dataset\.yaml: exists'):
        stitch_predictions(tiles, tiles / 'labels', whole)
    assert Classes.read(whole) == other
    assert [path.name for path in whole.rglob('*.*')] == ['dataset.yaml']
    assert stitch_predictions(tiles, tiles / 'labels', whole, overwrite=True).images == 3
    assert Classes.read(whole) == CLASSES


def test_predictions_of_classes_in_another_order_are_not_stitched(tmp_path: Path) -> None:
    tiles, predictions = tmp_path / 'tiles', tmp_path / 'predictions'
    tile_data_set(write(tmp_path / 'data'), tiles, size=16, overlap=4, labels=['labels'])
    shutil.copytree(tiles / 'labels', predictions)
    path = predictions / 'val/exact__y0_x0.png'
    write_mask(path, read_mask(path), CLASSES.palette[::-1])
    (error,) = stitch_predictions(tiles, predictions, tmp_path / 'whole').failed
    assert 'its palette holds the colours of dataset.yaml in another order' in str(error)
    (predictions / 'dataset.yaml').write_text('classes: [cat, background]')
    with pytest.raises(InputError, match='has the classes cat, background, but the tiles have background, cat; '):
        stitch_predictions(tiles, predictions, tmp_path / 'other')


def test_a_disk_that_is_full_for_a_moment_leaves_no_set_with_half_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_demo_data(tmp_path / 'data', DemoSettings(train=3, val=1, test=1, size=64))
    left, fsync = iter(range(10)), os.fsync

    def full(handle: int) -> None:
        if next(left, None) == 2:
            raise OSError(28, 'No space left on device')
        fsync(handle)

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(NotWritableError, match=r'out/img/.*png: cannot be written \(No space left'):
        tile_data_set(tmp_path / 'data', tmp_path / 'out', size=32, overlap=0)
    assert [path.name for path in tmp_path.iterdir()] == ['data']


def test_wrong_use(tmp_path: Path) -> None:
    data = write(tmp_path / 'data')
    for options, problem in (
        ({'size': 4}, '`size=4`'),
        ({'overlap': 512}, '`overlap=512`'),
        ({'labels': ['a']}, 'not found'),
    ):
        with pytest.raises(InputError, match=problem):
            tile_data_set(data, tmp_path / 'out', **options)  # type: ignore[arg-type]
    for place in (data, data / 'tiles'):  # where it would be taken for a label set
        with pytest.raises(InputError, match='is in the data set to cut'):
            tile_data_set(data, place, overwrite=True)
    with pytest.raises(InputError, match=r'holds files but no tiles\.json'):
        tile_data_set(data, write(tmp_path / 'other'), overwrite=True)
    with pytest.raises(InputError, match=r'tiles\.json: cannot be read \(No such file.*made by mmseg-ext tile'):
        stitch_predictions(data, data / 'labels', tmp_path / 'whole')
    Image.new('RGB', (3, 3)).save(data / 'img/train/large.png')
    report = tile_data_set(data, tmp_path / 'out', size=16, overlap=4)
    assert 'is 71×50 pixels but its image 3×3' in str(report.failed[0])
    assert not list((tmp_path / 'out').rglob('large*'))
    write_mask(data / 'labels/train/small.png', read_mask(data / 'labels/train/small.png'), CLASSES.palette[::-1])
    report = tile_data_set(data, tmp_path / 'out', size=16, overlap=4, overwrite=True)
    assert 'small.png: its palette holds the colours of dataset.yaml in another order' in str(report.failed[1])
    with pytest.raises(InputError, match='holds an earlier result'):
        tile_data_set(data, tmp_path / 'out')
    tile_data_set(data, tmp_path / 'out', size=16, overlap=4, labels=['labels'], overwrite=True)
    (tmp_path / 'out/labels_mine').mkdir()
    with pytest.raises(InputError, match=r'holds other files .labels_mine.'):
        tile_data_set(data, tmp_path / 'out', overwrite=True)
    with pytest.raises(InputError, match='holds no prediction of a tile'):
        stitch_predictions(tmp_path / 'out', data, tmp_path / 'whole')
    image = {'split': 'train', 'stem': 'a', 'height': 9, 'width': 9}
    for overlap, change in ((9, {}), (0, {'stem': '../../a'}), (0, {'split': '..'}), (0, {'width': 2**40})):
        record = {'size': 8, 'overlap': overlap, 'images': [{**image, **change}]}
        (tmp_path / 'out/tiles.json').write_text(json.dumps(record))
        with pytest.raises(InputError, match='is not a record of tiles'):
            stitch_predictions(tmp_path / 'out', data, tmp_path / 'whole')
    record = {'size': 8, 'overlap': 0, 'images': [{**image, 'stem': 'a' * 300}]}  # longer than a file system allows
    (tmp_path / 'out/tiles.json').write_text(json.dumps(record))
    with pytest.raises(InputError, match='holds no prediction of a tile'):
        stitch_predictions(tmp_path / 'out', data, tmp_path / 'whole')
