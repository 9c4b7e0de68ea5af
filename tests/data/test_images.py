from __future__ import annotations

import io
import os
import stat
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from mmseg_ext.data.images import (
    ImageHeader,
    ImageRules,
    from_array,
    read_header,
    read_image,
    read_upright,
    write_image,
)
from mmseg_ext.data.masks import read_mask
from mmseg_ext.errors import InputError

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
LARGE = np.random.default_rng(0).integers(0, 256, (33, 47, 3), dtype=np.uint8)


def smooth(height: int = 48, width: int = 64) -> np.ndarray:
    """An image that JPEG keeps within a few grey levels."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 3, y * 4, 255 - x - y], -1).astype(np.uint8)


@pytest.mark.parametrize('suffix', ['png', 'bmp', 'tif'])
def test_lossless_formats_come_back_as_rgb(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f'a.{suffix}'
    Image.fromarray(LARGE).save(path)
    image = read_image(path)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, LARGE)
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
    file = Image.fromarray(LARGE).convert(mode)
    file.save(path)
    np.testing.assert_array_equal(read_image(path), np.asarray(file.convert('RGB')))


def test_a_turned_jpeg_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: a viewer turns the image by 90°
    Image.fromarray(smooth()).save(tmp_path / 'turned.jpg', exif=exif, quality=95)
    Image.fromarray(smooth()).save(tmp_path / 'plain.jpg', quality=95)
    with Image.open(tmp_path / 'turned.jpg') as file:
        assert file.getexif()[0x0112] == 6
    turned = np.rot90(read_image(tmp_path / 'plain.jpg'), -1)
    np.testing.assert_array_equal(read_image(tmp_path / 'turned.jpg'), turned)


@pytest.mark.parametrize('suffix', ['jpg', 'png'])
@pytest.mark.parametrize('share', [0.3, 0.9])
def test_a_truncated_file_is_refused(
    share: float, suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f'a.{suffix}'
    Image.fromarray(LARGE).resize((200, 200)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(InputError, match='cut short') as caught:
        read_image(path)
    assert str(caught.value).startswith(f'{path}: ')
    assert capfd.readouterr().err == ''  # OpenCV would warn on standard error


def test_a_video_behind_a_complete_jpeg_is_no_damage(tmp_path: Path) -> None:
    """Phones store "motion photos" so."""
    whole, video = tmp_path / 'whole.jpg', tmp_path / 'video.jpg'
    Image.fromarray(smooth()).save(whole)
    video.write_bytes(whole.read_bytes() + b'ftypmp42' * 1000)
    np.testing.assert_array_equal(read_image(video), read_image(whole))
    video.write_bytes(whole.read_bytes()[:-300] + b'ftypmp42' * 1000)
    with pytest.raises(InputError, match='cut short'):
        read_image(video)


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
        image = read_upright(source)
        assert image.pixels.dtype == np.uint8
        np.testing.assert_array_equal(image.pixels, RGB)
        assert image.orientation == 1


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('kind', ['PNG', 'TIFF', 'WEBP'])
def test_the_exif_rotation_is_that_of_pillow(orientation: int, kind: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(RGB), kind, exif=exif, **({'lossless': True} if kind == 'WEBP' else {}))
    image = read_upright(data)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert('RGB'))
    np.testing.assert_array_equal(image.pixels, expected)
    assert image.pixels.shape == ((7, 5, 3) if orientation >= 5 else (5, 7, 3))
    assert image.orientation == orientation
    (tmp_path / 'a').write_bytes(data)
    np.testing.assert_array_equal(read_image(tmp_path / 'a'), expected)
    assert read_header(tmp_path / 'a') == ImageHeader(expected.shape[:2], orientation)


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
    image = read_upright(saved(Image.fromarray(values), kind))
    # 128 of 65535 is below half a step of 257, 129 above; 32896 = 128 × 257.
    np.testing.assert_array_equal(image.pixels[..., 0], [[0, 1, 255], [0, 1, 128]])
    np.testing.assert_array_equal(image.pixels[..., 0], image.pixels[..., 2])


def test_colours_of_16_bits_keep_their_upper_byte() -> None:
    row = struct.pack('>6H', 0x1234, 0xFFFF, 0, 0x80FF, 0x8000, 0x00FF)
    image = read_upright(png(2, 1, 16, 2, b'\0' + row))
    np.testing.assert_allclose(image.pixels[0].astype(int), [[0x12, 0xFF, 0], [0x80, 0x80, 0]], atol=1)


def test_transparent_pixels_get_the_background() -> None:
    rgba = np.array([[[200, 100, 0, 255], [200, 100, 0, 0], [200, 100, 0, 51]]], np.uint8)
    image = read_upright(saved(Image.fromarray(rgba)))
    np.testing.assert_array_equal(image.pixels, [[[200, 100, 0], [255, 255, 255], [244, 224, 204]]])
    image = read_upright(saved(Image.fromarray(rgba)), ImageRules(background=(0, 50, 100)))
    np.testing.assert_array_equal(image.pixels[0, 1], [0, 50, 100])


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
    first, second = Image.fromarray(RGB), Image.fromarray(255 - RGB)
    return saved(first, kind, save_all=True, append_images=[second])


@pytest.mark.parametrize('kind', ['GIF', 'PNG', 'WEBP', 'TIFF'])
def test_animations_and_several_pages_are_refused(kind: str) -> None:
    with pytest.raises(InputError, match=r'^film: is animated or has several pages; save the intended page'):
        read_upright(frames(kind), name='film')


def test_of_a_jpeg_with_further_images_the_first_is_read() -> None:
    flat = [Image.new('RGB', (16, 16), colour) for colour in ((200, 0, 0), (0, 0, 200))]
    data = saved(flat[0], 'MPO', save_all=True, append_images=flat[1:])
    assert Image.open(io.BytesIO(data)).n_frames == 2
    np.testing.assert_allclose(read_upright(data).pixels[8, 8].astype(int), [200, 0, 0], atol=4)


@pytest.mark.parametrize('dtype', [np.int32, np.float32])
def test_32_bits_are_refused(dtype: type) -> None:
    with pytest.raises(InputError, match='32-bit values of unknown range; convert it'):
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


@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'TIFF', 'WEBP'])
@pytest.mark.parametrize('orientation', [None, 1, 6, 9])
def test_a_header_states_the_size_as_stored_and_the_orientation(
    kind: str, orientation: int | None, tmp_path: Path
) -> None:
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    path = tmp_path / 'a'
    path.write_bytes(saved(Image.fromarray(RGB), kind, exif=exif))
    header = read_header(path)
    assert header == ImageHeader(read_image(path).shape[:2], orientation if orientation == 6 else 1)


def tiff(bands: int, bits: int, kind: int, photometric: int = 1) -> bytes:
    """A TIFF header that states bands of a kind (1 whole numbers, 3 floating-point) for one pixel.

    The photometric interpretation is 1 for grey, 2 for RGB with further bands.
    """
    tags = [
        (256, 1, 1),
        (257, 1, 1),
        (258, 1, bits),
        (259, 1, 1),
        (262, 1, photometric),
        (273, 1, 8),
        (277, 1, bands),
        (278, 1, 1),
        (279, 1, 1),
        *([(338, bands - 3, 0)] if photometric == 2 else []),
        (339, 1, kind),
    ]
    entries = b''.join(struct.pack('<HHIHxx', tag, 3, count, value) for tag, count, value in tags)
    return b'II*\0' + struct.pack('<IH', 8, len(tags)) + entries + bytes(4)


@pytest.mark.parametrize(
    ('data', 'reason'),
    [
        (tiff(5, 8, 1), '5 bands of 8-bit values'),
        (tiff(5, 8, 1, photometric=2), '5 bands of 8-bit values'),  # which Pillow would open as RGB
        (tiff(3, 32, 3), '3 bands of 32-bit floating-point values'),
    ],
)
def test_a_tiff_of_measurements_is_refused_for_what_it_is(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=rf'image: is a TIFF of {reason}, not a photograph; convert it to 1 or 3'):
        read_upright(data)


def test_the_limit_of_pixels_is_ours_and_can_be_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'bomb.png'
    path.write_bytes(png(20_000, 20_000, 8, 0, b''))  # more than Pillow itself allows, too
    for read in (read_image, read_mask):
        with pytest.raises(InputError, match=r'has 20000×20000 pixels, more than 80,000,000; .* --max-pixels 400 '):
            read(path)
        monkeypatch.setenv('MMSEG_EXT_MAX_PIXELS', '4e8')
        with pytest.raises(InputError, match=r'cannot be (decoded|read)'):  # there is nothing to decode in it
            read(path)
        monkeypatch.delenv('MMSEG_EXT_MAX_PIXELS')
    monkeypatch.setenv('MMSEG_EXT_MAX_PIXELS', 'many')
    with pytest.raises(InputError, match='MMSEG_EXT_MAX_PIXELS=many: must be a number of pixels'):
        read_image(path)


def test_a_header_needs_no_pixels(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    (tmp_path / 'cut.jpg').write_bytes(saved(Image.fromarray(LARGE), 'JPEG')[:1000])
    assert read_header(tmp_path / 'cut.jpg').size == (33, 47)
    (tmp_path / 'large.png').write_bytes(png(12_000, 9_000, 8, 2, b''))
    assert read_header(tmp_path / 'large.png').size == (9_000, 12_000)
    assert len(recwarn) == 0
    (tmp_path / 'text.jpg').write_text('no image')
    for name, problem in (('text.jpg', 'damaged or not BMP'), ('none.jpg', 'no such file')):
        with pytest.raises(InputError, match=rf'{name}: image cannot be read \({problem}'):
            read_header(tmp_path / name)


def test_decoding_in_threads_leaves_the_filters_of_warnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'a.png').write_bytes(saved(Image.fromarray(RGB)))
    before = list(warnings.filters)
    open_image = Image.open

    def open_slowly(*arguments: Any, **options: Any) -> Image.Image:
        time.sleep(0.1)
        return open_image(*arguments, **options)

    monkeypatch.setattr(Image, 'open', open_slowly)
    threads = [threading.Thread(target=read_image, args=[tmp_path / 'a.png']) for _ in range(2)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)  # the second begins within the first, and ends after it
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before


@pytest.mark.parametrize('suffix', ['.png', '.bmp', '.jpg', '.JPEG'])
def test_what_is_written_is_read_back(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / 'new' / f'a{suffix}'
    write_image(path, smooth())
    read = read_image(path).astype(int)
    assert np.abs(read - smooth()).max() <= (12 if suffix.lower().startswith('.j') else 0)
    assert list(path.parent.iterdir()) == [path]


def test_the_quality_of_a_jpeg(tmp_path: Path) -> None:
    for quality in (20, 95):
        write_image(tmp_path / f'{quality}.jpg', LARGE, jpeg_quality=quality)
    assert (tmp_path / '20.jpg').stat().st_size < (tmp_path / '95.jpg').stat().st_size / 2


@pytest.mark.skipif(os.name == 'nt', reason='POSIX permissions')
def test_an_image_is_as_readable_as_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_image(tmp_path / 'a.png', RGB)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / 'a.png').stat().st_mode) == 0o640


def test_a_failed_write_keeps_the_old_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'a.png'
    write_image(path, RGB)
    monkeypatch.setattr(cv2, 'imwrite', lambda *arguments: False)
    with pytest.raises(InputError, match=r'a\.png: cannot be written'):
        write_image(path, 255 - RGB)
    np.testing.assert_array_equal(read_image(path), RGB)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ('name', 'pixels'), [('a.txt', RGB), ('a', RGB), ('a.png', RGB[..., 0]), ('a.png', RGB.astype(np.float32))]
)
def test_what_is_no_image_is_not_written(name: str, pixels: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'image format|uint8'):
        write_image(tmp_path / name, pixels)
    assert list(tmp_path.iterdir()) == []
