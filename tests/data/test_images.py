from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.data.images import read_image
from mmseg_ext.errors import InputError

RGB = np.random.default_rng(0).integers(0, 256, (33, 47, 3), dtype=np.uint8)


def smooth(height: int = 48, width: int = 64) -> np.ndarray:
    """A picture that JPEG keeps within a few grey levels."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 3, y * 4, 255 - x - y], -1).astype(np.uint8)


@pytest.mark.parametrize('suffix', ['png', 'bmp', 'tif'])
def test_lossless_formats_come_back_as_rgb(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f'a.{suffix}'
    Image.fromarray(RGB).save(path)
    image = read_image(path)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, RGB)
    np.testing.assert_array_equal(read_image(str(path)), image)


@pytest.mark.parametrize('progressive', [False, True])
def test_a_jpeg_is_what_pillow_sees(progressive: bool, tmp_path: Path) -> None:
    path = tmp_path / 'a.jpg'
    Image.fromarray(smooth()).save(path, quality=95, subsampling=0, progressive=progressive)
    image = read_image(path).astype(int)
    assert image.shape == (48, 64, 3)
    with Image.open(path) as file:
        assert np.abs(image - np.asarray(file)).max() <= 3  # decoders round differently
    assert np.abs(image - smooth()).max() <= 12


@pytest.mark.parametrize('mode', ['L', '1', 'P', 'RGBA', 'LA'])
def test_other_modes_become_three_channels(mode: str, tmp_path: Path) -> None:
    path = tmp_path / 'a.png'
    file = Image.fromarray(RGB).convert(mode)
    file.save(path)
    np.testing.assert_array_equal(read_image(path), np.asarray(file.convert('RGB')))


def test_exif_rotation_is_not_applied_since_masks_have_none(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: a viewer turns the picture by 90°
    Image.fromarray(smooth()).save(tmp_path / 'turned.jpg', exif=exif, quality=95)
    Image.fromarray(smooth()).save(tmp_path / 'plain.jpg', quality=95)
    with Image.open(tmp_path / 'turned.jpg') as file:
        assert file.getexif()[0x0112] == 6
    np.testing.assert_array_equal(read_image(tmp_path / 'turned.jpg'), read_image(tmp_path / 'plain.jpg'))


@pytest.mark.parametrize(('suffix', 'problem'), [('jpg', 'cut short'), ('png', 'cannot be decoded')])
@pytest.mark.parametrize('share', [0.3, 0.9])
def test_a_truncated_file_is_refused(share: float, suffix: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / f'a.{suffix}'
    Image.fromarray(RGB).resize((200, 200)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match=problem) as caught:
        read_image(path)
    assert str(caught.value).startswith(f'{path}: ')


def test_a_film_behind_a_complete_jpeg_is_no_damage(tmp_path: Path) -> None:
    """Phones store "motion photos" so."""
    whole, film = tmp_path / 'whole.jpg', tmp_path / 'film.jpg'
    Image.fromarray(smooth()).save(whole)
    film.write_bytes(whole.read_bytes() + b'ftypmp42' * 1000)
    np.testing.assert_array_equal(read_image(film), read_image(whole))
    film.write_bytes(whole.read_bytes()[:-300] + b'ftypmp42' * 1000)
    with pytest.raises(InputError, match='cut short'):
        read_image(film)


@pytest.mark.parametrize('content', [b'', b'this is a text file\n', b'\xff\xd8\xff\xd9'])
def test_other_content_is_refused_with_its_size(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / 'a.jpg'
    path.write_bytes(content)
    with pytest.raises(InputError, match=f'cannot be decoded .*{len(content)} bytes') as caught:
        read_image(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / 'none.jpg', tmp_path):
        with pytest.raises(InputError, match='image cannot be read') as caught:
            read_image(path)
        assert str(path) in str(caught.value)
