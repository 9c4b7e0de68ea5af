from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from mmseg_ext.data.images import ImageRules, from_array, read_upright, turn_back, turn_upright
from mmseg_ext.errors import InputError

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def saved(image: Image.Image, kind: str = 'PNG', **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG written by hand, for what Pillow cannot write."""
    header = struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, 0)
    parts = [png_chunk(b'IHDR', header), png_chunk(b'IDAT', zlib.compress(rows)), png_chunk(b'IEND', b'')]
    return b'\x89PNG\r\n\x1a\n' + b''.join(parts)


def test_rgb_is_kept_from_a_path_and_from_bytes(tmp_path: Path) -> None:
    data = saved(Image.fromarray(RGB))
    (tmp_path / 'a.png').write_bytes(data)
    for source in (data, tmp_path / 'a.png', str(tmp_path / 'a.png')):
        photo = read_upright(source)
        assert photo.pixels.dtype == np.uint8
        np.testing.assert_array_equal(photo.pixels, RGB)
        assert photo.orientation == 1


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('kind', ['PNG', 'TIFF', 'WEBP'])
def test_the_exif_rotation_is_that_of_pillow(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(RGB), kind, exif=exif, **({'lossless': True} if kind == 'WEBP' else {}))
    photo = read_upright(data)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert('RGB'))
    np.testing.assert_array_equal(photo.pixels, expected)
    assert photo.pixels.shape == ((7, 5, 3) if orientation >= 5 else (5, 7, 3))
    as_decoded = np.asarray(Image.open(io.BytesIO(data)).convert('RGB'))  # a TIFF file is turned by then
    np.testing.assert_array_equal(turn_back(photo.pixels, photo.orientation), as_decoded)


@given(st.integers(1, 8), st.integers(1, 4), st.integers(1, 4))
def test_turning_back_undoes_turning(orientation: int, height: int, width: int) -> None:
    mask = np.arange(height * width).reshape(height, width)
    np.testing.assert_array_equal(turn_back(turn_upright(mask, orientation), orientation), mask)


@pytest.mark.parametrize('value', [0, 9, 60000])
def test_an_orientation_that_does_not_exist_is_none(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    np.testing.assert_array_equal(read_upright(saved(Image.fromarray(RGB), exif=exif)).pixels, RGB)


def test_grey_of_1_and_8_bits_and_palettes_become_rgb() -> None:
    grey = RGB[..., 0]
    expected = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_upright(saved(Image.fromarray(grey))).pixels, expected)
    np.testing.assert_array_equal(
        read_upright(saved(Image.fromarray(grey > 99))).pixels, np.where(expected > 99, 255, 0).astype(np.uint8)
    )
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    expected = np.array([[[10, 20, 30], [40, 50, 60]], [[70, 80, 90], [40, 50, 60]]], np.uint8)
    np.testing.assert_array_equal(read_upright(saved(image)).pixels, expected)
    np.testing.assert_array_equal(read_upright(saved(image, 'GIF')).pixels, expected)


@pytest.mark.parametrize('kind', ['PNG', 'TIFF'])
def test_16_bits_are_scaled_over_their_full_range(kind: str) -> None:
    values = np.array([[0, 257, 65535], [128, 129, 32896]], np.uint16)
    photo = read_upright(saved(Image.fromarray(values), kind))
    # 128 of 65535 is below half a step of 257, 129 above; 32896 = 128 × 257.
    np.testing.assert_array_equal(photo.pixels[..., 0], [[0, 1, 255], [0, 1, 128]])
    np.testing.assert_array_equal(photo.pixels[..., 0], photo.pixels[..., 2])


def test_colours_of_16_bits_keep_their_upper_byte() -> None:
    row = struct.pack('>6H', 0x1234, 0xFFFF, 0, 0x80FF, 0x8000, 0x00FF)
    photo = read_upright(png(2, 1, 16, 2, b'\0' + row))
    np.testing.assert_allclose(photo.pixels[0].astype(int), [[0x12, 0xFF, 0], [0x80, 0x80, 0]], atol=1)


def test_transparent_pixels_get_the_background() -> None:
    rgba = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 51]]], np.uint8)
    photo = read_upright(saved(Image.fromarray(rgba)))
    np.testing.assert_array_equal(photo.pixels, [[[200, 100, 0], [255, 255, 255], [244, 224, 204]]])
    photo = read_upright(saved(Image.fromarray(rgba)), ImageRules(background=(0, 50, 100)))
    np.testing.assert_array_equal(photo.pixels[0, 1], [0, 50, 100])


def test_transparency_of_grey_and_palettes_counts_too() -> None:
    grey = Image.fromarray(np.array([[[9, 255], [9, 0]]], np.uint8), 'LA')
    np.testing.assert_array_equal(read_upright(saved(grey)).pixels[0, :, 0], [9, 255])
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([10, 20, 30, 40, 50, 60])
    np.testing.assert_array_equal(read_upright(saved(image, transparency=0)).pixels, [[[255, 255, 255], [40, 50, 60]]])
    np.testing.assert_array_equal(
        read_upright(saved(Image.fromarray(np.array([[7, 8]], np.uint8)), transparency=7)).pixels[0, :, 1], [255, 8]
    )


def test_cmyk_becomes_rgb() -> None:
    ink = np.zeros((8, 16, 4), np.uint8)
    ink[:, 8:] = [0, 255, 255, 0]  # magenta and yellow: red
    for kind in ('JPEG', 'TIFF'):
        pixels = read_upright(saved(Image.fromarray(ink, 'CMYK'), kind)).pixels
        np.testing.assert_allclose(pixels[4, 2].astype(int), [255, 255, 255], atol=3)
        np.testing.assert_allclose(pixels[4, 13].astype(int), [255, 0, 0], atol=3)


def frames(kind: str) -> bytes:
    one, two = Image.fromarray(RGB), Image.fromarray(255 - RGB)
    return saved(one, kind, save_all=True, append_images=[two])


@pytest.mark.parametrize('kind', ['GIF', 'PNG', 'WEBP', 'TIFF'])
def test_animations_and_several_pages_are_refused(kind: str) -> None:
    with pytest.raises(InputError, match=r'^film: is animated or has several pages; save the one'):
        read_upright(frames(kind), name='film')


def test_of_a_jpeg_with_further_pictures_the_first_is_read() -> None:
    flat = [Image.new('RGB', (16, 16), colour) for colour in ((200, 0, 0), (0, 0, 200))]
    data = saved(flat[0], 'MPO', save_all=True, append_images=flat[1:])
    assert Image.open(io.BytesIO(data)).n_frames == 2
    np.testing.assert_allclose(read_upright(data).pixels[8, 8].astype(int), [200, 0, 0], atol=4)


@pytest.mark.parametrize('dtype', [np.int32, np.float32])
def test_32_bits_are_refused(dtype: type) -> None:
    with pytest.raises(InputError, match='32-bit values, whose range is not stated; convert it'):
        read_upright(saved(Image.fromarray(np.ones((2, 2), dtype)), 'TIFF'))


def test_a_decompression_bomb_is_refused_before_it_is_decoded(recwarn: pytest.WarningsRecorder) -> None:
    for side, limit in ((9_000, 80_000_000), (60_000, 80_000_000), (3, 8)):  # beyond Pillow's own limits, too
        with pytest.raises(InputError, match='pixels'):
            read_upright(png(side, side, 8, 2, b''), ImageRules(limit))  # there is nothing to decode in it
    assert len(recwarn) == 0
    assert read_upright(saved(Image.fromarray(RGB)), ImageRules(max_pixels=35)).pixels.shape == (5, 7, 3)


JPEG = saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)), 'JPEG')
PNG = saved(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)))


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'no image',
        JPEG[:2000],
        JPEG[:20],
        PNG[:2000],
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b'P5 1 1 255 a',
    ],
)
def test_what_is_damaged_or_no_image_is_named(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / 'broken.jpg'
    path.write_bytes(data)
    with pytest.raises(InputError, match=r'broken\.jpg: ') as caught:
        read_upright(path)
    assert '\n' not in str(caught.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='no such file'):
        read_upright(tmp_path / 'a.jpg')
    with pytest.raises(InputError, match='cannot be read'):
        read_upright(tmp_path)


@given(st.sampled_from([JPEG, PNG, frames('GIF')]), st.integers(0, 2000), st.binary(max_size=8))
def test_any_bytes_give_pixels_or_one_line(data: bytes, place: int, noise: bytes) -> None:
    shape: tuple[int, ...] = (1, 1, 3)
    message = ''
    try:
        shape = read_upright(data[:place] + noise + data[place + len(noise) :]).pixels.shape
    except InputError as error:
        message = str(error)
    assert shape[2:] == (3,)
    assert '\n' not in message


def test_arrays() -> None:
    assert from_array(RGB).pixels is not None
    np.testing.assert_array_equal(from_array(RGB[..., 1]).pixels[..., 2], RGB[..., 1])
    wrong: list[Callable[[], Any]] = [
        lambda: from_array(RGB.astype(np.float32)),
        lambda: from_array(np.zeros((2, 2, 4), np.uint8)),
        lambda: from_array(np.zeros((0, 2, 3), np.uint8)),
        lambda: from_array(np.zeros(3, np.uint8)),
    ]
    for call in wrong:
        with pytest.raises(InputError, match='must be'):
            call()
