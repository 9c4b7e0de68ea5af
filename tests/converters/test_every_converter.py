"""What all converters promise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.converters import output
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, list_stems
from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError

Contents = Callable[..., dict[str, Any]]


def test_images_and_masks_arrive_pixel_by_pixel_and_the_source_stays(
    source: Any, tmp_path: Path, contents: Contents
) -> None:
    before = contents(source.folder, times=True)
    done = source.convert(tmp_path / 'data')
    assert contents(source.folder, times=True) == before
    root = tmp_path / 'data'
    found = {}
    for split, count in done.images.items():
        images = list_stems(root / 'img' / split, IMAGE_SUFFIXES)
        masks = list_stems(root / 'labels' / split, ('.png',))
        assert images.keys() == masks.keys()
        assert len(images) == count
        for stem, path in images.items():
            assert stem not in found
            found[stem] = path
            np.testing.assert_array_equal(np.asarray(Image.open(path).convert('RGB')), source.images[stem])
            np.testing.assert_array_equal(read_mask(masks[stem]), source.masks[stem])
    assert found.keys() == source.masks.keys()
    assert done.written == len(found) == sum(done.images.values())
    assert {path.name for path in root.iterdir()} == {'img', 'labels', 'dataset.yaml', 'conversion.json'}
    ids = {int(value) for mask in source.masks.values() for value in np.unique(mask)}
    classes = Classes.read(root)
    assert ids <= {*range(len(classes.names)), classes.ignore_index}


def test_a_second_run_changes_nothing(source: Any, tmp_path: Path, contents: Contents) -> None:
    first = source.convert(tmp_path / 'data')
    before = contents(tmp_path / 'data', times=True)
    second = source.convert(tmp_path / 'data')
    assert contents(tmp_path / 'data', times=True) == before
    assert (second.images, second.written) == (first.images, 0)
    assert '0 written' in str(second)


@pytest.mark.parametrize('after', [0, 1, 2])
def test_a_killed_run_goes_on(
    after: int, source: Any, tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = source.convert(tmp_path / 'whole')
    real, calls = output.write_mask, []

    def killed(path: Path, *arguments: Any) -> None:
        calls.append(path)
        if len(calls) > after:
            (path.parent).mkdir(parents=True, exist_ok=True)
            (path.parent / f'.{path.stem}-abcd_123.png').write_bytes(b'half a file')
            (tmp_path / 'data' / '.conversion-abcd_123.json').write_bytes(b'half a file')
            raise KeyboardInterrupt
        real(path, *arguments)

    monkeypatch.setattr(output, 'write_mask', killed)
    with pytest.raises(KeyboardInterrupt):
        source.convert(tmp_path / 'data')
    assert not (tmp_path / 'data' / 'dataset.yaml').exists()  # which makes it a data set
    monkeypatch.undo()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / 'data' / 'labels').rglob('[!.]*.png')}
    assert len(kept) == after
    assert source.convert(tmp_path / 'data').written == done.written - after
    assert contents(tmp_path / 'data') == contents(tmp_path / 'whole')
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())


@pytest.mark.parametrize('loss', ['missing', 'empty'])
def test_a_half_unpacked_archive_is_refused_before_anything_is_written(loss: str, source: Any, tmp_path: Path) -> None:
    for path in source.needed:
        content = path.read_bytes()
        path.unlink() if loss == 'missing' else path.write_bytes(b'')
        with pytest.raises(InputError, match=r'unpack') as caught:
            source.convert(tmp_path / 'data')
        assert str(path) in str(caught.value)
        assert '\n' not in str(caught.value)
        assert not (tmp_path / 'data').exists()
        path.write_bytes(content)
    assert source.convert(tmp_path / 'data').written > 0


def test_a_source_that_is_not_there_is_refused(source: Any, tmp_path: Path) -> None:
    source.folder.rename(tmp_path / 'elsewhere')
    with pytest.raises(InputError, match=str(source.folder)):
        source.convert(tmp_path / 'data')


def damage(source: Any, root: Path, words: str, change: Callable[[Path], object]) -> None:
    """Change an image, and see that it is named: by the error, or where it costs only itself by the report."""
    path = next(path for path in source.alone + source.needed if path.suffix in ('.jpg', '.bmp', '.png'))
    change(path)
    words = words.format(name=path.name)
    if source.alone:
        done = source.convert(root)
        assert re.search(words, str(done.report.failed[0]))
        assert (len(done.report.failed), done.written) == (1, len(source.alone) - 1)
        assert json.loads((root / 'conversion.json').read_text())['report']['classes']['cat']['image unusable'] == 1
        assert done.report.counts['cat']['taken'] == done.written
        return
    with pytest.raises(InputError, match=words):
        source.convert(root)
    assert not (root / 'dataset.yaml').exists()


def test_a_damaged_image_is_named(source: Any, tmp_path: Path) -> None:
    damage(source, tmp_path / 'data', '{name}', lambda path: path.write_bytes(path.read_bytes()[:40]))


def test_an_image_of_another_size_than_its_mask_is_named(source: Any, tmp_path: Path) -> None:
    words = '{name}: is 5×7 pixels, its mask 32×24'
    damage(source, tmp_path / 'data', words, lambda path: Image.new('RGB', (5, 7)).save(path))


def test_other_settings_need_overwrite(source: Any, tmp_path: Path, contents: Contents) -> None:
    root = tmp_path / 'data'
    source.convert(root)
    before = contents(root, times=True)
    key, value = next(iter(source.other.items()))
    with pytest.raises(InputError, match=rf'conversion\.json: this data set was made with {key} .*`overwrite=True`'):
        source.convert(root, **source.other)
    assert contents(root, times=True) == before
    (root / 'labels_fixed').mkdir()
    (root / 'labels_fixed' / 'note').write_text('drawn by hand')
    source.convert(root, **source.other, overwrite=True)
    assert (root / 'labels_fixed' / 'note').read_text() == 'drawn by hand'
    (root / 'labels_fixed' / 'note').unlink()
    source.convert(tmp_path / 'fresh', **source.other)
    assert contents(root) == contents(tmp_path / 'fresh')
    assert contents(root) != {name: (content, 0) for name, (content, _) in before.items()}
    assert json.loads((root / 'conversion.json').read_text())['settings'][key] == value


def test_overwrite_restores_what_was_changed(source: Any, tmp_path: Path, contents: Contents) -> None:
    root = tmp_path / 'data'
    source.convert(root)
    before = contents(root)
    mask = next((root / 'labels').rglob('*.png'))
    mask.write_bytes(b'drawn over')
    source.convert(root)
    assert mask.read_bytes() == b'drawn over'  # nothing that stands there is overwritten
    source.convert(root, overwrite=True)
    assert contents(root) == before


@pytest.mark.parametrize('overwrite', [False, True])
def test_a_folder_of_others_is_left_alone(overwrite: bool, source: Any, tmp_path: Path, contents: Contents) -> None:
    root = tmp_path / 'data'
    (root / 'img' / 'train').mkdir(parents=True)
    (root / 'img' / 'train' / 'mine.jpg').write_text('mine')
    with pytest.raises(InputError, match=r'data: holds files, but no conversion\.json'):
        source.convert(root, overwrite=overwrite)
    (root / 'conversion.json').write_text('{"converter": "another"')
    with pytest.raises(InputError, match=r'no conversion\.json from a converter'):
        source.convert(root, overwrite=overwrite)
    assert set(contents(root)) == {'img/train/mine.jpg', 'conversion.json'}


def test_a_set_of_another_converter_is_refused(
    make_source: Callable[[str], Any], tmp_path: Path, contents: Contents
) -> None:
    make_source('voc').convert(tmp_path / 'data')
    before = contents(tmp_path / 'data', times=True)
    with pytest.raises(InputError, match='made with the converter voc, not ph2'):
        make_source('ph2').convert(tmp_path / 'data')
    assert contents(tmp_path / 'data', times=True) == before


def test_a_file_in_place_of_the_data_set(source: Any, tmp_path: Path) -> None:
    (tmp_path / 'data').write_text('a file')
    with pytest.raises(InputError, match='is a file; give a folder'):
        source.convert(tmp_path / 'data')
