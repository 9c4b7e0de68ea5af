"""Headers against Pillow, which decodes the same bytes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from mmseg_ext.data.headers import StoredHeader, read_stored_header


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def header(folder: Path, data: bytes) -> StoredHeader | None:
    path = folder / 'file'
    path.write_bytes(data)
    return read_stored_header(str(path))


@pytest.mark.parametrize('mode', ['1', 'L', 'P', 'LA', 'RGB', 'RGBA', 'I;16'])
def test_a_png(mode: str, tmp_path: Path) -> None:
    image = Image.new(mode, (7, 5))
    if mode == 'P':
        image.putpalette([1, 2, 3, 4, 5, 6])
        image.putpixel((0, 0), 1)
    found = header(tmp_path, encoded(image, 'PNG'))
    assert found is not None
    assert (found.height, found.width) == (5, 7)
    assert found.holds_indices == (mode in ('1', 'L', 'P'))
    assert found.palette == (b'\1\2\3\4\5\6' if mode == 'P' else b'')
    assert not found.has_exif


@pytest.mark.parametrize('options', [{}, {'progressive': True}, {'quality': 5}])
@pytest.mark.parametrize('exif', [False, True])
@pytest.mark.parametrize('profile', [b'', b'p' * 200_000])  # of several segments, behind the bytes that are read first
def test_a_jpeg(profile: bytes, exif: bool, options: dict[str, Any], tmp_path: Path) -> None:
    if exif:
        options = {**options, 'exif': Image.Exif()}
        options['exif'][0x0112] = 6
    data = encoded(Image.new('RGB', (300, 20)), 'JPEG', icc_profile=profile, **options)
    assert header(tmp_path, data) == StoredHeader(20, 300, has_exif=exif)


def test_what_the_first_bytes_do_not_tell(tmp_path: Path) -> None:
    image = Image.new('P', (4, 4))
    text = PngImagePlugin.PngInfo()
    text.add_text('note', 'x' * 5000)
    assert header(tmp_path, encoded(image, 'PNG', pnginfo=text)) is None
    assert header(tmp_path, encoded(image, 'PNG', save_all=True, append_images=[Image.new('P', (4, 4), 1)])) is None
    for kind in ('BMP', 'GIF', 'TIFF', 'WEBP'):
        assert header(tmp_path, encoded(image.convert('RGB'), kind)) is None
    for data in (b'', b'no image', b'\xff\xd8\xff', b'\x89PNG\r\n\x1a\n' + b'\0' * 30, b'\xff\xd8' + b'\xff' * 5000):
        assert header(tmp_path, data) is None
    assert read_stored_header(str(tmp_path / 'none')) is None


@given(st.data())
def test_damaged_bytes_raise_nothing_and_never_give_another_size(data: st.DataObject) -> None:
    """A header that is read differs from Pillow's only where Pillow refuses the file."""
    kind = data.draw(st.sampled_from(['PNG', 'JPEG']))
    good = bytearray(encoded(Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)), kind))
    for position in data.draw(st.lists(st.integers(0, len(good) - 1), max_size=3)):
        good[position] = data.draw(st.integers(0, 255))
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        found = header(Path(folder), bytes(good))
    try:
        with Image.open(io.BytesIO(good)) as image:
            image.load()
            size = image.size
    except Exception:
        return
    assert found is None or (found.width, found.height) == size
