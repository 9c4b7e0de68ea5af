"""COCO: crops of objects of chosen classes, with a mask of all that the crop shows of them.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014. The published archives: ``instances_train2017.json``
and a folder of photographs; any other data set in this format will do.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.coco_file import Photograph, read_photographs
from mmseg_ext.converters.crops import Box, bounding_box, cut, frame, resize
from mmseg_ext.converters.output import Converted, Sample, write_data_set
from mmseg_ext.converters.palette import classes_with_background
from mmseg_ext.converters.source import check_size, read_lines, require_files
from mmseg_ext.converters.split import check_shares, split_by_hash
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError
from mmseg_ext.progress import track

IGNORED = 255


@dataclass(frozen=True)
class CropOptions:
    """What to cut out of the photographs.

    Attributes:
        classes: Categories; background is 0 and they are 1, 2, … in this order.
        min_area: Pixels that an object must cover in the photograph to get a crop.
        margin: Ground around it, as a share of the longer side of its box.
        size: Side of the square crops in pixels; None for crops as they are, not square and not resized.
        val: Share of photographs for val.
        test: Share for test; the rest is train.
        seed: Of the split.
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
            raise InputError(f'--min-area {self.min_area}: must be 1 pixel or more')
        if not 0 <= self.margin <= 10:
            raise InputError(f'--margin {self.margin}: must be a share from 0 to 10')
        if self.size is not None and self.size < 1:
            raise InputError(f'--size {self.size}: must be 1 or more')


def convert_coco(
    annotations: str | Path,
    images: str | Path,
    root: str | Path,
    options: CropOptions,
    exclude: Collection[int] = (),
    overwrite: bool = False,
) -> Converted:
    """Convert objects of a COCO file into a data set of crops.

    An object that lies within the crop of a larger one gets none of its own; in whatever crop it is seen, it is in the
    mask. The smaller of two that overlap lies on top. Crowds are ignored where no single object covers them. All crops
    of a photograph go to one split, which depends on its id alone.

    Args:
        annotations: ``instances_*.json``.
        images: Folder of the photographs.
        root: Data set to write.
        options: What to cut out.
        exclude: Ids of photographs to leave out, such as those of another set's val and test.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: A photograph is missing or of another size than the file says, a segmentation is damaged, or an
            option is out of range.
    """
    options.check()
    classes = classes_with_background(options.classes)
    found = read_photographs(Path(annotations), options.classes)
    found = [photo for photo in found if photo.id not in exclude and _worth_a_crop(photo, options)]
    require_files(Path(images) / photo.file_name for photo in found)
    samples = []
    for photo in track(found, 'choosing crops'):
        split = split_by_hash(str(photo.id), options.val, options.test, options.seed)
        for key, part in choose_crops(photo, options):
            make = partial(_make, Path(images), photo, part, options.size)
            samples.append(Sample(split, f'{photo.id:012d}_{key}', '.png', make))
    settings = {**asdict(options), 'classes': list(options.classes), 'exclude': sorted(exclude)}
    return write_data_set(root, classes, samples, 'coco', settings, overwrite)


def read_ids(path: str | Path) -> set[int]:
    """Read the ids of photographs from a list of ids or of file names that begin with them, one a line.

    Raises:
        InputError: The file cannot be read, or a line holds no id.
    """
    ids = set()
    for line in read_lines(Path(path)):
        match = re.match(r'\d+', Path(line).name)
        if not match:
            raise InputError(f'{path}: the line {line!r} begins with no id; write one id or file name a line')
        ids.add(int(match[0]))
    return ids


def choose_crops(photo: Photograph, options: CropOptions) -> list[tuple[int, Box]]:
    """The crops of a photograph: id of the object that each is made for, and its frame.

    Raises:
        InputError: A segmentation is damaged.
    """
    chosen: list[tuple[int, Box]] = []
    for instance in photo.instances:
        if instance.crowd or instance.area < options.min_area:
            continue
        covered = photo.covered(instance)
        if not covered.any():
            continue
        box = bounding_box(covered)
        if not any(part.encloses(box) for _, part in chosen):
            part = frame(box, photo.height, photo.width, options.margin, square=options.size is not None)
            chosen.append((instance.id, part))
    return chosen


def paint(photo: Photograph) -> Mask:
    """The mask of a whole photograph, shape (height, width).

    Raises:
        InputError: A segmentation is damaged.
    """
    mask = np.zeros((photo.height, photo.width), np.uint8)
    for instance in sorted(photo.instances, key=lambda one: not one.crowd):  # stable: crowds first, then large to small
        mask[photo.covered(instance)] = IGNORED if instance.crowd else instance.value
    return mask


def _worth_a_crop(photo: Photograph, options: CropOptions) -> bool:
    return any(not one.crowd and one.area >= options.min_area for one in photo.instances)


def _make(images: Path, photo: Photograph, part: Box, size: int | None) -> tuple[NDArray[np.uint8], Mask]:
    path = images / photo.file_name
    image, mask = read_image(path), paint(photo)
    check_size(path, image, mask)
    image, mask = cut(image, mask, part, IGNORED)
    return (image, mask) if size is None else resize(image, mask, (size, size))
