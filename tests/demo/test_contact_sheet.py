"""The contact sheet shows each image next to the image under its mask."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.masks import write_mask
from mmseg_ext.demo.contact_sheet import MARGIN_PX, MAX_TILE_HEIGHT_PX, PAIRS_PER_ROW, overlay, write_contact_sheet
from mmseg_ext.errors import InputError

CLASSES = Classes(('background', 'cat', 'dog'), ((0, 0, 0), (220, 60, 60), (60, 100, 230)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Five grey images of 64 pixels with a cat in the middle of each."""
    (tmp_path / 'img' / 'train').mkdir(parents=True)
    (tmp_path / 'dataset.yaml').write_text(
        'classes: [background, cat, dog]\npalette: [[0, 0, 0], [220, 60, 60], [60, 100, 230]]\n'
    )
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 20:40] = 1
    for i in range(5):
        cv2.imwrite(str(tmp_path / 'img' / 'train' / f'{i}.png'), np.full((64, 64, 3), 40 * i, np.uint8))
        write_mask(tmp_path / 'labels' / 'train' / f'{i}.png', mask, CLASSES.palette)
    return tmp_path


def test_overlay_tints_the_inside_and_outlines_it_in_full_colour() -> None:
    image = np.full((10, 10, 3), 100, np.uint8)
    mask = np.zeros((10, 10), np.uint8)
    mask[2:7, 2:7] = 2
    shown = overlay(image, mask, CLASSES)
    assert shown[0, 0].tolist() == [100, 100, 100]
    assert shown[2, 2].tolist() == [60, 100, 230]
    assert shown[4, 4].tolist() == [80, 100, 165]
    assert (image == 100).all()


def test_without_a_background_every_class_is_tinted() -> None:
    image, mask = np.full((10, 10, 3), 100, np.uint8), np.zeros((10, 10), np.uint8)
    shown = overlay(image, mask, Classes(('road', 'sky'), ((0, 0, 0), (220, 60, 60)), background=None))
    assert shown[4, 4].tolist() == [50, 50, 50]


def test_sheet_is_laid_out_in_rows_of_pairs(root: Path, tmp_path: Path) -> None:
    target = tmp_path / 'out' / 'sheet.png'
    write_contact_sheet(root, target, 'train', 'labels', count=5)
    sheet = cv2.imread(str(target))
    assert sheet.shape == (2 * (64 + MARGIN_PX) + MARGIN_PX, PAIRS_PER_ROW * (128 + MARGIN_PX) + MARGIN_PX, 3)
    second = MARGIN_PX + 128 + MARGIN_PX
    assert sheet[MARGIN_PX, second].tolist() == [40, 40, 40]
    assert sheet[MARGIN_PX + 20, second + 64 + 20].tolist() == [60, 60, 220]  # OpenCV reads BGR
    assert sheet[-MARGIN_PX - 1, -MARGIN_PX - 1].tolist() == [255, 255, 255]  # no sixth pair


def test_images_keep_their_colours(root: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(root / 'img' / 'train' / '0.png'), np.full((64, 64, 3), (200, 100, 50), np.uint8))
    write_contact_sheet(root, tmp_path / 'sheet.png', 'train', 'labels', count=1)
    assert cv2.imread(str(tmp_path / 'sheet.png'))[MARGIN_PX, MARGIN_PX].tolist() == [200, 100, 50]


def test_large_images_are_shrunk(root: Path, tmp_path: Path) -> None:
    for folder, image in (('img', np.zeros((300, 300, 3), np.uint8)), ('labels', np.zeros((300, 300), np.uint8))):
        cv2.imwrite(str(root / folder / 'train' / '0.png'), image)
    write_contact_sheet(root, tmp_path / 'sheet.png', 'train', 'labels', count=1)
    assert cv2.imread(str(tmp_path / 'sheet.png')).shape[0] == MAX_TILE_HEIGHT_PX + 2 * MARGIN_PX


@pytest.mark.parametrize(
    ('name', 'split', 'label_set', 'message'),
    [
        ('sheet.jpg', 'train', 'labels', r'sheet\.jpg: must be a PNG'),
        ('sheet.png', 'val', 'labels', 'holds no images'),
        ('sheet.png', 'train', 'labels_true', 'mask not found'),
    ],
)
def test_wrong_use_is_named(root: Path, name: str, split: str, label_set: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_contact_sheet(root, root / name, split, label_set)
    assert not (root / name).exists()


def test_a_damaged_image_and_a_mask_of_another_size_are_named(root: Path) -> None:
    write_mask(root / 'labels' / 'train' / '0.png', np.zeros((8, 8), np.uint8), CLASSES.palette)
    with pytest.raises(InputError, match=r'0\.png: is \(64, 64\), its mask \(8, 8\)'):
        write_contact_sheet(root, root / 'sheet.png', 'train', 'labels')
    (root / 'img' / 'train' / '0.png').write_bytes(b'no image')
    with pytest.raises(InputError, match=r'0\.png: image cannot be decoded'):
        write_contact_sheet(root, root / 'sheet.png', 'train', 'labels')
