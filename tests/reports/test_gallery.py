from __future__ import annotations

import base64
import io
import os
import re
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_ext.errors import InputError
from mmseg_ext.reports.gallery import MAX_SIDE_PX, Card, Ordered, Panel, Table, write_gallery


def embedded_images(path: Path) -> list[tuple[str, np.ndarray]]:
    """Return the embedded images of a page: format, and pixels as a reader decodes them."""
    found = re.findall(r'<img src="data:image/(\w+);base64,([^"]+)"', path.read_text(encoding='utf-8'))
    return [(kind, np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert('RGB'))) for kind, text in found]


def natural_image(height: int, width: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


def test_a_mask_is_embedded_exactly(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).choice(np.array([[0, 0, 0], [220, 60, 60], [60, 100, 230]], np.uint8), (37, 53))
    write_gallery(tmp_path / 'page.html', title='t', cards=[Card('a', [Panel('mask', mask)])])
    [(kind, pixels)] = embedded_images(tmp_path / 'page.html')
    assert kind == 'webp'
    assert np.array_equal(pixels, mask)


def test_a_natural_image_is_compressed_and_hardly_changed(tmp_path: Path) -> None:
    image = natural_image(120, 160)
    write_gallery(tmp_path / 'page.html', title='t', cards=[Card('a', [Panel('image', image)])])
    [(kind, pixels)] = embedded_images(tmp_path / 'page.html')
    assert kind == 'jpeg'
    assert np.abs(pixels.astype(float) - image).mean() < 3
    assert (tmp_path / 'page.html').stat().st_size < image.nbytes


def test_a_large_image_is_shrunk(tmp_path: Path) -> None:
    flat = np.zeros((100, 2 * MAX_SIDE_PX, 3), np.uint8)
    flat[:, MAX_SIDE_PX + 1 :] = (0, 255, 0)  # an edge within a pixel of the shrunk image
    panels = [Panel('image', natural_image(1000, 2000)), Panel('mask', flat)]
    write_gallery(tmp_path / 'page.html', title='t', cards=[Card('a', panels)])
    [(_, large), (_, mask)] = embedded_images(tmp_path / 'page.html')
    assert large.shape == (MAX_SIDE_PX // 2, MAX_SIDE_PX, 3)
    assert mask.shape == (50, MAX_SIDE_PX, 3)
    assert np.unique(mask.reshape(-1, 3), axis=0).tolist() == [[0, 0, 0], [0, 255, 0]]  # no blended colours


def test_user_text_is_escaped_everywhere(tmp_path: Path) -> None:
    evil = '<script>alert("1")</script>'
    card = Card(evil, [Panel(evil, natural_image(9, 9))], {evil: evil}, [evil], evil)
    write_gallery(
        tmp_path / 'page.html',
        title=evil,
        intro=[evil],
        tables=[Table(evil, [evil], [[evil]])],
        cards=[card],
        tag_label=evil,
        sort_by=evil,
    )
    page = (tmp_path / 'page.html').read_text(encoding='utf-8')
    assert page.count('<script>') == 1  # the page's own
    assert 'alert("1")' not in page


@pytest.mark.parametrize(
    ('value', 'shown', 'sorted_by'),
    [
        (3, '3', '3'),
        (0.123456, '0.1235', '0.123456'),
        (np.float32(0.5), '0.5', '0.5'),
        (1e-7, '1e-07', '1e-07'),
        (None, '–', ''),
        (float('nan'), '–', ''),
        (np.float32('nan'), '–', ''),
        (float('-inf'), '-inf', '-Infinity'),
        ('word', 'word', 'word'),
        (Ordered('error', 0), 'error', '0'),
    ],
)
def test_facts_and_cells_as_shown_and_as_sorted(tmp_path: Path, value: object, shown: str, sorted_by: str) -> None:
    table = Table('t', ['column'], [[value]])
    write_gallery(tmp_path / 'page.html', title='t', tables=[table], cards=[Card('a', [], {'fact': value})])
    page = (tmp_path / 'page.html').read_text(encoding='utf-8')
    assert page.count(f'<data value="{sorted_by}">{shown}</data>') == 2


def test_memory_holds_a_few_cards_at_a_time(tmp_path: Path) -> None:
    alive: weakref.WeakValueDictionary[int, np.ndarray] = weakref.WeakValueDictionary()
    most = 0

    def cards() -> Iterator[Card]:
        nonlocal most
        for number in range(50):
            image = alive[number] = np.zeros((4, 4, 3), np.uint8)
            most = max(most, len(alive))
            yield Card(f'card {number}', [Panel('x', image)])

    write_gallery(tmp_path / 'page.html', title='t', cards=cards())
    assert len(embedded_images(tmp_path / 'page.html')) == 50
    assert most <= 3


def test_a_failure_midway_leaves_the_old_page(tmp_path: Path) -> None:
    def cards() -> Iterator[Card]:
        yield Card('a', [])
        raise InputError('mask.png', 'broken')

    path = tmp_path / 'page.html'
    path.write_text('old')
    with pytest.raises(InputError, match=r'mask\.png: broken'):
        write_gallery(path, title='t', cards=cards())
    assert path.read_text() == 'old'
    assert os.listdir(tmp_path) == ['page.html']


def test_a_name_that_is_no_utf8_can_be_written(tmp_path: Path) -> None:
    write_gallery(tmp_path / 'page.html', title='t', cards=[Card(os.fsdecode(b'na\xefve'), [])])
    assert '<h3>na?ve</h3>' in (tmp_path / 'page.html').read_text(encoding='utf-8')


def test_wrong_images_and_rows_are_refused(tmp_path: Path) -> None:
    for image in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match=r'must be \(H, W, 3\) uint8'):
            write_gallery(tmp_path / 'page.html', title='t', cards=[Card('a', [Panel('x', image)])])
    with pytest.raises(ValueError, match='each row must have 2 cells'):
        Table('t', ['a', 'b'], [[1]])
    assert os.listdir(tmp_path) == []
