"""Large images cut into overlapping tiles, and predictions of tiles put together again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.crops import PAD_COLOUR
from mmseg_ext.data.classes import FILE_NAME, Classes, mask_values
from mmseg_ext.data.dataset import IMAGES, DataSet, Item
from mmseg_ext.data.images import pixel_limit, read_image, write_image
from mmseg_ext.data.masks import Mask, read_palette_mask, write_mask
from mmseg_ext.data.tiles import Tile, place_tiles, tile_cores, tile_weights
from mmseg_ext.errors import InputError, NotWritableError
from mmseg_ext.files import (
    check_result_folder,
    recorded_names,
    refuse_existing,
    staged_folder,
    write_json,
    written_names,
)
from mmseg_ext.inference.outputs import conflicting_class_files, write_class_files
from mmseg_ext.progress import track
from mmseg_ext.reading import is_file_name, names_file, read_json

RECORD_FILE = 'tiles.json'
MIN_SIZE = 8
ROWS = 1024  # of a mask that are checked at a time, since that takes 8 bytes a pixel


@dataclass
class TileReport:
    """Outcome of cutting or putting together.

    Attributes:
        images: Images that were cut, or put together.
        tiles: Their tiles.
        padded: Images smaller than a tile.
        absent: Images without a mask in a label set, or without a prediction.
        failed: One error for each image that cannot be used.
    """

    images: int = 0
    tiles: int = 0
    padded: int = 0
    absent: int = 0
    failed: list[InputError] = field(default_factory=list)


def tile_stem(stem: str, tile: Tile) -> str:
    """Name a tile of an image.

    >>> tile_stem('field_7', (0, 448, 512, 960))
    'field_7__y0_x448'
    """
    return f'{stem}__y{tile[0]}_x{tile[1]}'


def tile_data_set(
    root: str | Path,
    out: str | Path,
    *,
    size: int = 512,
    overlap: int = 64,
    labels: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
    overwrite: bool = False,
) -> TileReport:
    """Cut the images and masks of a data set into square tiles: a new data set, whose tiles stay in the split.

    All tiles have the full size: the last of a row or column is moved back to end at the border of the image, and
    overlaps more. An image smaller than a tile is padded; the pixels beyond it are ignored. Tiles are PNG, so that no
    pixel changes. No decoder here reads a part of a PNG or JPEG: one whole image is in memory at a time, about 7
    bytes a pixel while it is decoded.

    Args:
        root: The data set.
        out: Data set to write.
        size: Side of a tile in pixels.
        overlap: Least number of pixels that neighbours share.
        labels: Label sets; all by default.
        splits: Which splits; all by default.
        overwrite: Replace an earlier result.

    Raises:
        InputError: An argument cannot be used, ``out`` holds something else, or no image can be cut.
    """
    if size < MIN_SIZE:
        raise InputError(f'`size={size}`', f'must be {MIN_SIZE} or more')
    if not 0 <= overlap < size:
        raise InputError(f'`overlap={overlap}`', f'must be at least 0 and below the size, {size}')
    data, out = DataSet(root), Path(out)
    classes = data.classes
    chosen = data.label_sets() if labels is None else tuple(labels)
    folders = {name: data.label_set(name).folder for name in chosen}
    if out.resolve().is_relative_to(data.root.resolve()):
        raise InputError(out, 'is in the data set to cut', 'choose a folder outside of it')
    names = {RECORD_FILE, *recorded_names(out / RECORD_FILE)}
    check_result_folder(out, names, overwrite, record=RECORD_FILE)
    report = TileReport()
    images = []
    with staged_folder(out) as stage:
        for item in track(data.items(None, splits), 'cutting'):
            try:
                height, width = _cut(item, folders, stage, classes, size, overlap, report)
            except NotWritableError:
                raise
            except InputError as error:
                report.failed.append(error)
                continue
            images.append({'split': item.split.name, 'stem': item.stem, 'height': height, 'width': width})
        if not images:
            raise InputError(report.failed[0], 'no other image can be cut either')
        classes.write(stage)
        record = {'size': size, 'overlap': overlap, 'images': images, 'files': written_names(stage)}
        write_json(stage / RECORD_FILE, record)
    return report


def _cut(
    item: Item, folders: dict[str, Path], stage: Path, classes: Classes, size: int, overlap: int, report: TileReport
) -> tuple[int, int]:
    """Cut one image and its masks; all masks are checked before a tile is written."""
    split, stem = item.key
    if item.image is None:
        raise InputError('/'.join(item.key), 'has no image')
    pixels = read_image(item.image)
    height, width = pixels.shape[:2]
    found = {name: folder / split / f'{stem}.png' for name, folder in folders.items()}
    masks = {name: path for name, path in found.items() if path.is_file()}
    for path in masks.values():
        _read_mask(path, (height, width), classes)
    report.absent += len(found) - len(masks)
    tiles = place_tiles(height, width, size, size - overlap)
    for tile in tiles:
        write_image(stage / IMAGES / split / f'{tile_stem(stem, tile)}.png', _part(pixels, tile, size, PAD_COLOUR))
    del pixels  # before a mask needs the memory
    for name, path in masks.items():
        mask = _read_mask(path, (height, width), classes)
        for tile in tiles:
            target = stage / name / split / f'{tile_stem(stem, tile)}.png'
            write_mask(target, _part(mask, tile, size, classes.ignore_index), classes.palette)
    report.images += 1
    report.tiles += len(tiles)
    report.padded += height < size or width < size
    return height, width


def _part(pixels: NDArray[np.uint8], tile: Tile, size: int, beyond: int | tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a tile of pixels (H, W, …) in its full size, with a value or colour beyond the image."""
    top, left, bottom, right = tile
    part = np.full((size, size, *pixels.shape[2:]), beyond, np.uint8)
    part[: bottom - top, : right - left] = pixels[top:bottom, left:right]
    return part


def _read_mask(path: Path, size: tuple[int, int], classes: Classes) -> Mask:
    mask, palette = read_palette_mask(path)
    values = {value for first in range(0, len(mask), ROWS) for value in mask_values(mask[first : first + ROWS])}
    classes.check_values(sorted(values), path, palette)
    if mask.shape != size:
        problem = f'is {mask.shape[1]}×{mask.shape[0]} pixels but its image {size[1]}×{size[0]}'
        raise InputError(path, problem, 'correct one of them')
    return mask


def stitch_predictions(
    tiles: str | Path, predictions: str | Path, out: str | Path, *, overwrite: bool = False
) -> TileReport:
    """Put predictions of tiles together: ``out/masks/<stem>.png`` of each whole image, and ``out/dataset.yaml``.

    Where ``predictions`` has the class probabilities of all tiles of an image, they are averaged with weights that fall
    towards the border of a tile (`tile_weights`). Otherwise each pixel comes from the tile in which it is farthest from
    the border. In memory are the mask, and of the probabilities a strip as high as a tile.

    Args:
        tiles: The data set of tiles (`tile_data_set`).
        predictions: A result folder of a test or a prediction (``probabilities/<tile>.npz``, ``masks/<tile>.png``), a
            label set of the tiles (``<split>/<tile>.png``), or a folder of ``<tile>.png``.
        out: Folder to write.
        overwrite: Replace existing files.

    Returns:
        The images put together; those without any predicted tile are absent.

    Raises:
        InputError: A folder cannot be used, a file exists, or no image has predictions. An image of which a tile is
            missing or damaged is reported.
    """
    tiles, predictions, out = Path(tiles), Path(predictions), Path(out)
    size, overlap, images = _read_record(tiles / RECORD_FILE)
    classes = Classes.read(tiles)
    if not predictions.is_dir():
        raise InputError(predictions, 'folder not found', 'give the folder of the predictions')
    if (predictions / FILE_NAME).is_file() and (names := Classes.read(predictions).names) != classes.names:
        problem = f'has the classes {", ".join(names)}, but the tiles have {", ".join(classes.names)}'
        raise InputError(predictions, problem, 'predict the tiles with a model of their classes')
    report = TileReport()
    predicted = []
    for split, stem, height, width in images:
        places = place_tiles(height, width, size, size - overlap)
        found = {tile: _find(predictions, split, tile_stem(stem, tile)) for tile in places}
        if any(found.values()):
            predicted.append((split, stem, (height, width), found))
    report.absent = len(images) - len(predicted)
    targets = [out / 'masks' / f'{stem}.png' for _, stem, *_ in predicted]
    refuse_existing([*targets, *conflicting_class_files(out, ('masks',), classes)], overwrite)
    owners: dict[str, str] = {}
    for target, (split, stem, shape, found) in zip(targets, track(predicted, 'stitching'), strict=True):
        try:
            if stem in owners:
                raise InputError(
                    f'{split}/{stem}', f'has the same stem as one of {owners[stem]}', 'predict one split at a time'
                )
            mask = _stitch(found, predictions, shape, size, overlap, classes)
        except InputError as error:
            report.failed.append(error)
            continue
        write_mask(target, mask, classes.palette)
        owners[stem] = split
        report.images += 1
        report.tiles += len(found)
    if not report.images:
        if report.failed:
            raise report.failed[0]
        raise InputError(
            predictions, f'holds no prediction of a tile of {tiles}', 'give the folder that contains masks/'
        )
    write_class_files(out, ('masks',), classes)
    return report


def _read_record(path: Path) -> tuple[int, int, list[tuple[str, str, int, int]]]:
    remedy = 'give a data set made by mmseg-ext tile'
    content = read_json(path, remedy)
    try:
        size, overlap = int(content['size']), int(content['overlap'])
        images = [(str(i['split']), str(i['stem']), int(i['height']), int(i['width'])) for i in content['images']]
        limit = pixel_limit()
        if not 0 <= overlap < size or any(h < 1 or w < 1 or h * w > limit for _, _, h, w in images):
            raise ValueError('sizes out of range')
        if strange := next((name for image in images for name in image[:2] if not is_file_name(name)), None):
            raise ValueError(f'{strange!r} is not a file name')
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(path, f'is not a record of tiles ({error!r})', remedy) from error
    return size, overlap, images


def _find(folder: Path, split: str, stem: str) -> list[Path]:
    """Find the files of a tile: probabilities first."""
    names = (f'probabilities/{stem}.npz', f'masks/{stem}.png', f'{split}/{stem}.png', f'{stem}.png')
    return [folder / name for name in names if names_file(folder / name)]


def _stitch(
    found: dict[Tile, list[Path]], folder: Path, shape: tuple[int, int], size: int, overlap: int, classes: Classes
) -> Mask:
    probabilities, masks = (
        {tile: next((path for path in paths if path.suffix == suffix), None) for tile, paths in found.items()}
        for suffix in ('.npz', '.png')
    )
    files, stitch = (probabilities, stitch_probabilities) if all(probabilities.values()) else (masks, stitch_masks)
    missing = [tile for tile, path in files.items() if path is None]
    if missing:
        top, left = missing[0][:2]
        known = next(path.name for paths in found.values() for path in paths)
        problem = f'lacks {len(missing)} of the {len(files)} tiles of an image, such as the one at y {top}, x {left}'
        raise InputError(folder, f'{problem} (it has {known})', 'predict all of them')
    result: Mask = stitch(partial(_read_tile, files, size, classes), shape, size, overlap)
    return result


def _read_tile(files: dict[Tile, Path | None], size: int, classes: Classes, tile: Tile) -> NDArray[Any]:
    """Read the probabilities (K, h, w) or the mask (h, w) of a tile, without the padding of a small image."""
    from mmseg_ext.evaluation.probability_maps import load_probabilities

    path = files[tile]
    assert path is not None
    values: NDArray[Any]
    if path.suffix == '.npz':
        values = load_probabilities([path])
    else:
        values, palette = read_palette_mask(path)
        classes.check(values, path, palette)
    if values.shape[-2:] != (size, size):
        height, width = values.shape[-2:]
        raise InputError(path, f'is {width}×{height} pixels, but the tile {size}×{size}', 'predict the tiles again')
    if values.ndim == 3 and len(values) != len(classes.names):
        problem = f'holds {len(values)} classes, expected {len(classes.names)}'
        raise InputError(path, problem, 'use a model with these classes')
    top, left, bottom, right = tile
    return values[..., : bottom - top, : right - left]


def stitch_masks(read: Callable[[Tile], Mask], shape: tuple[int, int], size: int, overlap: int) -> Mask:
    """Put masks of tiles together: each pixel comes from the tile in which it is farthest from the border.

    Args:
        read: Returns the mask of a tile, shape (h, w).
        shape: Height and width of the image.
        size: Side of a tile.
        overlap: Pixels that neighbours share at least.
    """
    mask = np.zeros(shape, np.uint8)
    places, cores = (place(*shape, size, size - overlap) for place in (place_tiles, tile_cores))
    for tile, (top, left, bottom, right) in zip(places, cores, strict=True):
        part = read(tile)
        mask[top:bottom, left:right] = part[top - tile[0] : bottom - tile[0], left - tile[1] : right - tile[1]]
    return mask


def stitch_probabilities(
    read: Callable[[Tile], NDArray[np.float32]], shape: tuple[int, int], size: int, overlap: int
) -> Mask:
    """Average class probabilities of tiles by `tile_weights`, and take the most probable class of each pixel.

    Args:
        read: Returns the probabilities of a tile, shape (K, h, w).
        shape: Height and width of the image.
        size: Side of a tile.
        overlap: Pixels that neighbours share at least.
    """
    height, width = shape
    mask = np.zeros(shape, np.uint8)
    strip: NDArray[np.float32] | None = None  # sums of the rows from `first` on
    first = 0
    for top, row in groupby(place_tiles(height, width, size, size - overlap), key=lambda tile: tile[0]):
        if strip is not None:  # the rows above are complete
            done = top - first
            mask[first:top] = strip[:, :done].argmax(axis=0)
            strip[:, :-done] = strip[:, done:].copy()
            strip[:, -done:] = 0
        first = top
        for tile in row:
            part = read(tile)
            if strip is None:
                strip = np.zeros((len(part), min(size, height), width), np.float32)
            strip[:, : tile[2] - top, tile[1] : tile[3]] += part * tile_weights(*part.shape[1:])
    assert strip is not None
    mask[first:] = strip[:, : height - first].argmax(axis=0)
    return mask
