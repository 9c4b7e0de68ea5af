"""COCO: crops of objects of chosen classes, with masks of all objects of these classes in the crop.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014. The published archives: ``instances_train2017.json``
and a folder of images. Other data sets in this format can be converted, too.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.coco_format import CocoImage, read_images
from mmseg_ext.converters.crops import Box, bounding_box, crop, crop_box, resize
from mmseg_ext.converters.output import Converted, Sample, classes_with_background, write_data_set
from mmseg_ext.converters.source import check_size, read_lines, require_files
from mmseg_ext.converters.split import check_shares, split_by_hash
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError
from mmseg_ext.progress import track

IGNORED = 255


@dataclass(frozen=True)
class CropOptions:
    """Options of the crops and of their split.

    Attributes:
        classes: Categories; background is 0 and they are 1, 2, … in this order.
        min_area: Pixels that an object must cover in the image to get a crop.
        margin: Background around it, as a share of the longer side of its box.
        size: Side of the square crops in pixels; None for crops as they are, not square and not resized.
        val: Share of images for val.
        test: Share for test; the rest is train.
        seed: Seed of the split.
    """

    classes: tuple[str, ...]
    min_area: float = 4096
    margin: float = 0.25
    size: int | None = 256
    val: float = 0.2
    test: float = 0.2
    seed: int = 0

    def check(self) -> None:
        """Raise `InputError` for an option out of range."""
        check_shares(self.val, self.test)
        if not self.min_area >= 1:
            raise InputError(f'`min_area={self.min_area}`', 'must be 1 pixel or more')
        if not 0 <= self.margin <= 10:
            raise InputError(f'`margin={self.margin}`', 'must be a share from 0 to 10')
        if self.size is not None and self.size < 1:
            raise InputError(f'`size={self.size}`', 'must be 1 or more')


def convert_coco(
    annotations: str | Path,
    images: str | Path,
    root: str | Path,
    options: CropOptions,
    *,
    exclude: Collection[int] = (),
    overwrite: bool = False,
) -> Converted:
    """Convert objects of a COCO file into a data set of crops.

    An object that lies within the crop of a larger one gets no crop of its own. In every crop that shows an object, it
    is in the mask. The smaller of two that overlap lies on top. Crowds are ignored where no single object covers them.
    All crops of an image go to one split, which depends on its id alone.

    Args:
        annotations: ``instances_*.json``.
        images: Folder of the images.
        root: Data set to write.
        options: Options of the crops.
        exclude: Ids of images to leave out, such as those of another data set's val and test.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: An image is missing or of another size than the file states, a segmentation is damaged, or an option
            is out of range.
    """
    options.check()
    classes = classes_with_background(options.classes)
    found = read_images(Path(annotations), options.classes)
    found = [image for image in found if image.id not in exclude and _has_large_object(image, options)]
    require_files(Path(images) / image.file_name for image in found)
    samples = []
    for image in track(found, 'choosing crops'):
        split = split_by_hash(str(image.id), options.val, options.test, options.seed)
        for key, box in choose_crops(image, options):
            make = partial(_make, Path(images), image, box, options.size)
            samples.append(Sample(split, f'{image.id:012d}_{key}', '.png', make))
    settings = {**asdict(options), 'classes': list(options.classes), 'exclude': sorted(exclude)}
    return write_data_set(root, classes, samples, 'coco', settings, overwrite)


def read_ids(path: str | Path) -> set[int]:
    """Read ids of images from a list of ids or of file names that begin with them, one per line.

    Raises:
        InputError: The file cannot be read, or a line holds no id.
    """
    ids = set()
    for line in read_lines(Path(path)):
        match = re.match(r'\d+', Path(line).name)
        if not match:
            raise InputError(path, f'the line {line!r} begins with no id', 'write one id or file name per line')
        ids.add(int(match[0]))
    return ids


def choose_crops(image: CocoImage, options: CropOptions) -> list[tuple[int, Box]]:
    """Choose the crops of an image: the id of the object of each, and its box.

    Raises:
        InputError: A segmentation is damaged.
    """
    chosen: list[tuple[int, Box]] = []
    for instance in image.instances:
        if instance.crowd or instance.area < options.min_area:
            continue
        covered = image.covered(instance)
        if not covered.any():
            continue
        around = bounding_box(covered)
        if not any(box.encloses(around) for _, box in chosen):
            box = crop_box(around, image.height, image.width, options.margin, square=options.size is not None)
            chosen.append((instance.id, box))
    return chosen


def paint_instances(image: CocoImage) -> Mask:
    """Paint the mask of a whole image, shape (height, width).

    Raises:
        InputError: A segmentation is damaged.
    """
    mask = np.zeros((image.height, image.width), np.uint8)
    crowds_first = sorted(image.instances, key=lambda instance: not instance.crowd)  # stable: then large to small
    for instance in crowds_first:
        mask[image.covered(instance)] = IGNORED if instance.crowd else instance.value
    return mask


def _has_large_object(image: CocoImage, options: CropOptions) -> bool:
    return any(not instance.crowd and instance.area >= options.min_area for instance in image.instances)


def _make(folder: Path, image: CocoImage, box: Box, size: int | None) -> tuple[NDArray[np.uint8], Mask]:
    path = folder / image.file_name
    pixels, mask = read_image(path), paint_instances(image)
    check_size(path, pixels, mask)
    pixels, mask = crop(pixels, mask, box, IGNORED)
    return (pixels, mask) if size is None else resize(pixels, mask, (size, size))
