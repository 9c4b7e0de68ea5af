from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmseg_ext.reports.drawing import overlay
from mmseg_ext.reports.sample_sheet import CAPTION_PX, MARGIN_PX, Sample, write_sheet

PALETTE = [(0, 0, 0), (200, 0, 0), (0, 0, 200)]


def sample(stem: str = 'a', mask: Any = None, size: tuple[int, int] = (8, 8)) -> Sample:
    stored = np.full((16, 24, 3), (10, 200, 30), np.uint8)
    image = np.random.default_rng(len(stem)).integers(0, 256, (*size, 3), dtype=np.uint8)
    return Sample(stem, stored, image, mask)


def sheet(path: Path, samples: list[Sample], **arguments: Any) -> np.ndarray:
    write_sheet(samples, path, PALETTE, **arguments)
    return np.asarray(Image.open(path))


def test_stored_image_and_mask_are_side_by_side(tmp_path: Path) -> None:
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5, 1:4], mask[6:] = 1, 255
    drawn = sample(mask=mask)
    found = sheet(tmp_path / 'sheet.png', [drawn], height=8)
    top, left = MARGIN_PX + CAPTION_PX, MARGIN_PX
    assert found.shape == (top + 8 + MARGIN_PX, 12 + 8 + 8 + 3 * MARGIN_PX + 2 * MARGIN_PX, 3)
    np.testing.assert_array_equal(found[top : top + 8, left : left + 12], np.full((8, 12, 3), (10, 200, 30)))
    left += 12 + MARGIN_PX
    np.testing.assert_array_equal(found[top : top + 8, left : left + 8], drawn.image)
    left += 8 + MARGIN_PX
    np.testing.assert_array_equal(found[top : top + 8, left : left + 8], overlay(drawn.image, mask, PALETTE))
    assert (found[MARGIN_PX : MARGIN_PX + CAPTION_PX, :20] < 128).any()  # the name


def test_samples_fill_rows_from_the_left(tmp_path: Path) -> None:
    samples = [sample('a' * number) for number in range(1, 4)]
    found = sheet(tmp_path / 'sheet.png', samples, height=8)
    width = found.shape[1] // 2
    row = CAPTION_PX + 8 + MARGIN_PX
    assert found.shape[0] == 2 * row + MARGIN_PX
    for number, placed in enumerate(samples):
        top = MARGIN_PX + number // 2 * row + CAPTION_PX
        left = number % 2 * width + MARGIN_PX + 12 + MARGIN_PX
        np.testing.assert_array_equal(found[top : top + 8, left : left + 8], placed.image)
    assert (found[-row:, width:] == 255).all()


def test_all_images_have_one_height(tmp_path: Path) -> None:
    found = sheet(tmp_path / 'sheet.png', [sample(size=(4, 8)), sample('bb', size=(20, 10))], height=20, columns=1)
    assert found.shape[0] == 2 * (CAPTION_PX + 20 + MARGIN_PX) + MARGIN_PX


def test_soft_targets_are_drawn_by_their_shares(tmp_path: Path) -> None:
    shares = np.zeros((3, 8, 8), np.float32)
    shares[0, :2] = 1
    shares[0, 2:4], shares[2, 2:4] = 0.5, 0.5
    shares[1, 4:6] = 1
    shares[:, 6:] = -1
    drawn = sample(mask=shares)
    found = sheet(tmp_path / 'sheet.png', [drawn], height=8)[MARGIN_PX + CAPTION_PX :, 12 + 8 + 3 * MARGIN_PX :][
        :8, :8
    ].astype(int)
    image = drawn.image.astype(float)
    np.testing.assert_array_equal(found[:2], image[:2])
    for rows, colour, weight in (
        (slice(2, 4), (0, 0, 200), 0.25),
        (slice(4, 6), (200, 0, 0), 0.5),
        (6, (150,) * 3, 0.5),
    ):
        assert np.abs(found[rows] - (image[rows] * (1 - weight) + np.array(colour) * weight)).max() <= 0.5


def test_a_name_that_is_too_long_is_cut(tmp_path: Path) -> None:
    short, long = (sheet(tmp_path / f'{n}.png', [sample('x' * n)], height=8) for n in (3, 300))
    assert short.shape == long.shape
    assert (long[:, -MARGIN_PX:] == 255).all()
