"""Contact sheet of a data set: images next to the same images under their masks."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import MASK_SUFFIX, DataSet
from mmseg_ext.data.images import read_image, write_image
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.errors import InputError

Image = NDArray[np.uint8]
MARGIN_PX = 4
MAX_TILE_HEIGHT_PX = 160
PAIRS_PER_ROW = 4
OPACITY = 0.5


def write_contact_sheet(
    root: str | Path, out_png: str | Path, split: str = 'train', label_set: str = 'labels_true', count: int = 12
) -> None:
    """Write a PNG of tiles ``image | image under its mask``.

    Args:
        root: Data set root with ``dataset.yaml``, ``img/<split>`` and ``<label set>/<split>``.
        out_png: The PNG to write.
        split: Split to show.
        label_set: Label set to show.
        count: Maximal number of images, the first by stem.

    Raises:
        InputError: The name does not end in ``.png``, the split or a mask is missing, or an image cannot be read.
    """
    root = Path(root)
    if Path(out_png).suffix.lower() != '.png':
        raise InputError(out_png, 'must be a PNG', 'use a name that ends in .png')
    data = DataSet(root)
    folder = data.split(split).image_folder
    images = data.split(split).images()
    if not images:
        raise InputError(folder, 'holds no images', 'choose a split that has some')
    classes = data.classes
    tiles = []
    for stem, path in list(images.items())[:count]:
        image = read_image(path)
        mask = read_mask(root / label_set / split / f'{stem}{MASK_SUFFIX}')
        if mask.shape != image.shape[:2]:
            raise InputError(path, f'is {image.shape[:2]}, its mask {mask.shape}', 'both must have the same size')
        tiles.append(_shrink(np.concatenate([image, overlay(image, mask, classes)], axis=1)))
    write_image(out_png, _grid(tiles))


def overlay(image: Image, mask: Mask, classes: Classes) -> Image:
    """Tint an RGB image (H, W, 3) by its mask (H, W) and draw the outlines in full colour."""
    tinted = image.copy()
    for value, colour in enumerate(classes.palette):
        region = (mask == value).astype(np.uint8)
        if value == classes.background or not region.any():
            continue
        blend = image.astype(np.float32) * (1 - OPACITY) + np.array(colour, np.float32) * OPACITY
        tinted[region == 1] = blend[region == 1].astype(np.uint8)
        outlines, _ = cv2.findContours(region, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(tinted, outlines, -1, colour, 1)
    return tinted


def _shrink(tile: Image) -> Image:
    factor = MAX_TILE_HEIGHT_PX / tile.shape[0]
    if factor >= 1:
        return tile
    return np.asarray(cv2.resize(tile, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def _grid(tiles: list[Image]) -> Image:
    """Arrange tiles in rows on white, each cell as large as the largest tile."""
    columns = min(PAIRS_PER_ROW, len(tiles))
    height = max(tile.shape[0] for tile in tiles) + MARGIN_PX
    width = max(tile.shape[1] for tile in tiles) + MARGIN_PX
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * height + MARGIN_PX, columns * width + MARGIN_PX, 3), 255, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = MARGIN_PX + i // columns * height, MARGIN_PX + i % columns * width
        sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet
