"""COCO: whole images with masks, or crops of objects of chosen classes.

Lin et al., "Microsoft COCO: common objects in context", ECCV 2014. The published archives: ``instances_train2017.json``
and a folder of images. Other data sets in this format can be converted too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.annotated import stem_of
from mmseg_ext.converters.coco_format import (
    CocoImage,
    Instance,
    category_names,
    read_images,
    read_json_file,
    regions,
    unused_groups,
)
from mmseg_ext.converters.crops import Box, crop, crop_box, resize
from mmseg_ext.converters.naming import is_background
from mmseg_ext.converters.output import Converted, Made, Sample, classes_with_background, write_data_set
from mmseg_ext.converters.report import TAKEN, Report, some
from mmseg_ext.converters.source import check_size, read_lines
from mmseg_ext.converters.split import (
    SPLIT_WORDS,
    check_shares,
    empty_splits,
    folder_split,
    is_given,
    split_by_hash,
)
from mmseg_ext.data.classes import IGNORE_INDEX
from mmseg_ext.data.dataset import IMAGE_SUFFIXES
from mmseg_ext.data.images import read_header, read_upright, turn_upright
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError
from mmseg_ext.progress import track
from mmseg_ext.reading import find_file, is_below

MAX_ID_CHARACTERS = 100  # a stem is made of two ids, and file systems allow 255 bytes
CROWD, LOST = 'crowd ignored', 'image unusable'  # outcomes in the report
Crowds = Literal['ignored', 'objects']


@dataclass(frozen=True)
class CocoOptions:
    """Options of a conversion of COCO files.

    Attributes:
        classes: Categories; background is 0 and they are 1, 2, … in this order. None takes all by their ids, except
            one without objects that only groups others (`unused_groups`).
        crowds: Whether objects with ``iscrowd`` become ignored pixels or objects. Some tools set it for every
            object stored as run lengths.
        val: Share of images for val, if the source gives no splits.
        test: Share for test; the rest is train.
        seed: Seed of the split.
    """

    classes: tuple[str, ...] | None = None
    crowds: Crowds = 'ignored'
    val: float = 0.2
    test: float = 0.2
    seed: int = 0

    def check(self) -> None:
        """Raise `InputError` for an option out of range."""
        check_shares(self.val, self.test)


@dataclass(frozen=True)
class WholeOptions(CocoOptions):
    """Options of whole images, kept at their size.

    Attributes:
        keep_empty: Keep images that show none of the classes.
    """

    keep_empty: bool = True


@dataclass(frozen=True)
class CropOptions(CocoOptions):
    """Options of crops of objects.

    Attributes:
        min_area: Pixels that an object must cover in the image to get a crop.
        margin: Background around it, as a share of the longer side of its box.
        size: Side of the square crops in pixels; None for crops that are neither square nor resized.
    """

    min_area: float = 4096
    margin: float = 0.25
    size: int | None = 256

    def check(self) -> None:
        """Raise `InputError` for an option out of range."""
        super().check()
        if not self.min_area >= 1:
            raise InputError(f'`min_area={self.min_area}`', 'must be 1 pixel or more')
        if not 0 <= self.margin <= 10:
            raise InputError(f'`margin={self.margin}`', 'must be a share from 0 to 10')
        if self.size is not None and self.size < 1:
            raise InputError(f'`size={self.size}`', 'must be 1 or more')


@dataclass(frozen=True)
class _Photo:
    """Image of the source, its file, its split, and whether the source gives the split."""

    image: CocoImage
    path: Path
    split: str
    given: bool


_Planned = tuple[_Photo, list[tuple[str, Box]] | None]  # an image, and its crops in a set of crops


def convert_coco(
    annotations: str | Path,
    images: str | Path,
    root: str | Path,
    options: CropOptions | WholeOptions,
    *,
    exclude: Collection[int | str] = (),
    overwrite: bool = False,
) -> Converted:
    """Convert COCO files into a data set of whole images, or of crops.

    Of two objects that overlap, the one that covers fewer pixels lies on top; of equal ones, the later in the file.
    Crowds are ignored where no single object covers them. In a set of crops, an object that lies within the crop
    of a larger one gets no separate crop, but every crop that shows an object has it in its mask.

    Splits that the source gives are kept, and must cover all images: files ``…train….json`` and ``…val….json`` in
    a folder, or images in folders of these names. If it gives none, the split of an image, and so of all its crops,
    depends only on its id and the seed. Images are written upright: an image with an EXIF orientation is turned, and
    its mask with it.

    An annotation or image that cannot be used is left out and counted in the report.

    Args:
        annotations: ``instances_*.json``, or a folder of such files, one for each split.
        images: Folder of the images.
        root: Data set to write.
        options: Options of the crops or of the whole images.
        exclude: Images to leave out by id, file name or stem, such as those of another data set's val and test.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: An annotation file, or every object or image, cannot be used, or an option is out of range.
    """
    options.check()
    files = _annotation_files(Path(annotations))
    contents = {path: read_json_file(path) for path in files}
    known = list(dict.fromkeys(name for path in contents for name in category_names(path, contents[path])))
    groups = unused_groups(contents) if options.classes is None else set()
    chosen = [name for name in known if name not in groups] if options.classes is None else options.classes
    names = tuple(normalize('NFC', name) for name in chosen)
    for name in names:
        if is_background(name):
            raise InputError(f'`classes={name}`', 'is the background, which is always class 0', 'leave it out')
        if name not in known:
            raise InputError(annotations, f'has no category {name!r}', f'choose from {some(sorted(known), 100)}')
    classes = classes_with_background(names)
    report = Report(names)
    report.notes += [
        f'the category {name!r} has no objects and only groups others: it is left out'
        for name in known
        if name in groups
    ]
    photos = [
        photo
        for path, split in files.items()
        for photo in _locate(read_images(path, contents[path], names, report), path, Path(images), split, options)
    ]
    photos = _leave_out(photos, exclude, Path(annotations))
    remedy = 'leave such images out with `exclude`, or start their file names with the folder of a split'
    given = is_given(((photo.image.file_name, photo.split if photo.given else None) for photo in photos), remedy)
    plan = _plan(photos, options, report)
    samples = _samples(plan, options, report)
    if not given:
        drawn = [photo.split for photo in photos]
        report.notes += empty_splits(drawn, {'val': options.val, 'test': options.test}, options.seed)
    converter = 'coco' if isinstance(options, CropOptions) else 'coco-whole'
    settings = _settings(options, names, exclude, given)
    return write_data_set(root, classes, samples, converter, settings, overwrite, report, tolerant=True)


def read_names(path: str | Path) -> set[str]:
    """Read a list of images, one per line: ids, or file names, whose folders do not count.

    Raises:
        InputError: The file cannot be read.
    """
    return {PurePosixPath(line.replace('\\', '/')).name for line in read_lines(Path(path))}


def choose_crops(image: CocoImage, options: CropOptions) -> list[tuple[str, Box]]:
    """Choose the crops of an image: for each, the id of its object and its box."""
    chosen: list[tuple[str, Box]] = []
    for instance in image.instances:
        if _is_ignored(instance, options) or not instance.value or instance.area < options.min_area:
            continue
        if not any(box.encloses(instance.box) for _, box in chosen):
            box = crop_box(instance.box, image.height, image.width, options.margin, square=options.size is not None)
            chosen.append((instance.id, box))
    return chosen


def paint_instances(image: CocoImage, options: CocoOptions) -> Mask:
    """Paint the mask of a whole image, shape (height, width): ignored crowds first, then from large to small."""
    mask = np.zeros((image.height, image.width), np.uint8)
    for instance in sorted(image.instances, key=lambda instance: not _is_ignored(instance, options)):  # stable
        value = IGNORE_INDEX if _is_ignored(instance, options) else instance.value
        for top, left, pixels in regions(instance.segmentation, image.height, image.width):
            mask[top : top + pixels.shape[0], left : left + pixels.shape[1]][pixels] = value
    return mask


def _is_ignored(instance: Instance, options: CocoOptions) -> bool:
    return instance.crowd and options.crowds == 'ignored'


def _annotation_files(path: Path) -> dict[Path, str | None]:
    """Return the annotation files and their splits; a single file has none.

    In a folder, only files ``instances*.json`` count if there are any, since COCO's other files repeat their objects.
    """
    if not path.is_dir():
        return {path: None}
    found = sorted([*path.glob('*.json'), *path.glob('*/*.json')])
    found = [file for file in found if file.name.startswith('instances')] or found
    if not found:
        raise InputError(path, 'holds no .json file', 'give instances_*.json or a folder with such files')
    splits = {file: _split_of(file.stem) or folder_split(file.parent.name) for file in found}
    for file, split in splits.items():
        if split is None:
            remedy = 'rename it, such as instances_train.json, or give one file instead of the folder'
            raise InputError(file, 'its name contains no split (train, val, test)', remedy)
    return splits


def _split_of(name: str) -> str | None:
    """Return the split that the name of an annotation file states, if any.

    >>> _split_of('instances_val2017')
    'val'
    """
    return next((SPLIT_WORDS[word] for word in re.split(r'[^a-z]+', name.lower()) if word in SPLIT_WORDS), None)


def _locate(
    images: Sequence[CocoImage], source: Path, folder: Path, split: str | None, options: CocoOptions
) -> list[_Photo]:
    """Find the file and the split of each image."""
    found = []
    parts = {image.file_name: _safe_parts(image.file_name) for image in images}
    in_folders = {name: folder_split(path.parts[0]) if len(path.parts) > 1 else None for name, path in parts.items()}
    times = Counter(path.name for path in parts.values())
    tops = [source.parent.name, source.stem.removeprefix('instances_'), split] if split else []
    for image in images:
        path = parts[image.file_name]
        places = [*(folder / top / path for top in tops if top), folder / path]
        if times[path.name] == 1:
            places += [*(folder / top / path.name for top in tops if top), folder / path.name]
        place = find_file(*places) or folder / path
        given = split or in_folders[image.file_name]
        drawn = given or split_by_hash(image.id, options.val, options.test, options.seed)
        found.append(_Photo(image, place, drawn, given is not None))
    return found


def _safe_parts(file_name: str) -> PurePosixPath:
    """Return the path of an image below the folder of images; only the name if the path leads elsewhere."""
    path = PurePosixPath(file_name)
    return path if is_below(file_name) else PurePosixPath(path.name)


def _leave_out(photos: list[_Photo], exclude: Collection[int | str], source: Path) -> list[_Photo]:
    """Leave out images by id, file name or stem; a file name may begin with the id, like those of crops."""
    wanted = {str(entry) for entry in exclude}
    names = {name for photo in photos for name in (photo.image.id, photo.path.name, photo.path.stem)}
    numbers = {}
    for entry in wanted - names:
        number = re.match(r'\d+', entry)
        if number is None:
            raise InputError(f'`exclude`: {entry}', f'is not an image of {source} and does not begin with an id')
        numbers[entry] = str(int(number[0]))
    wanted |= set(numbers.values())
    return [p for p in photos if wanted.isdisjoint((p.image.id, p.path.name, p.path.stem))]


def _plan(photos: list[_Photo], options: CropOptions | WholeOptions, report: Report) -> list[_Planned]:
    """Choose the images and their crops, and count the outcomes of the objects."""
    plan: list[_Planned] = []
    empty: Counter[bool] = Counter()  # whether objects of the image were skipped → images
    for photo in photos:
        image = photo.image
        crops = choose_crops(image, options) if isinstance(options, CropOptions) else None
        is_empty = not image.instances
        empty[image.skipped > 0] += is_empty
        kept = bool(crops) if crops is not None else (options.keep_empty or not is_empty)  # type: ignore[union-attr]
        for name, outcome in _outcomes(image, crops, options, report):
            report.add(name, outcome)
        if kept:
            plan.append((photo, crops))
    fate = 'kept' if isinstance(options, WholeOptions) and options.keep_empty else 'left out'
    if empty[False]:
        report.notes.append(f'{empty[False]} images show none of the classes: {fate}')
    if empty[True]:
        report.notes.append(f'{empty[True]} images show only skipped objects, as background: {fate}')
    crowds = report.total(CROWD)
    if crowds:
        report.notes.append(f"{crowds} crowds became ignored pixels; with `crowds='objects'` they are objects")
    return plan


def _outcomes(
    image: CocoImage, crops: list[tuple[str, Box]] | None, options: CocoOptions, report: Report
) -> Iterator[tuple[str, str]]:
    """Yield the class and the outcome of each object of an image."""
    for instance in image.instances:
        name = report.classes[instance.value - 1] if instance.value else 'background'
        if crops is not None and not any(_meet(box, instance.box) for _, box in crops):
            yield name, 'in no crop'
        elif instance.crowd:
            yield name, CROWD if _is_ignored(instance, options) else 'crowd taken'
        else:
            yield name, TAKEN


def _lose(planned: _Planned, options: CocoOptions, report: Report, lost: set[int]) -> None:
    """Count the objects of an image that cannot be used as lost, once."""
    photo, crops = planned
    if id(photo) in lost:
        return
    lost.add(id(photo))
    for name, outcome in _outcomes(photo.image, crops, options, report):
        report.add(name, outcome, -1)
        report.add(name, LOST)


def _meet(one: Box, other: Box) -> bool:
    return max(one.left, other.left) < min(one.right, other.right) and max(one.top, other.top) < min(
        one.bottom, other.bottom
    )


def _samples(plan: list[_Planned], options: CropOptions | WholeOptions, report: Report) -> list[Sample]:
    samples, turned = [], []
    lost: set[int] = set()
    for planned in track(plan, 'reading headers'):
        photo, crops = planned
        lose = partial(_lose, planned, options, report, lost)
        try:
            is_turned = read_header(photo.path).orientation != 1
        except InputError as error:
            report.failed.append(error)
            lose()
            continue
        turned += [photo.image.file_name] if is_turned else []
        if crops is not None:
            used: Counter[str] = Counter()
            assert isinstance(options, CropOptions)
            for key, box in crops:
                used[key] += 1
                stem = f'{_slug_of_image(photo.image.id)}_{_slug(key)}' + (f'-{used[key]}' if used[key] > 1 else '')
                samples.append(Sample(photo.split, stem, '.png', partial(_make_crop, photo, box, options), lose))
            continue
        suffix = photo.path.suffix.lower()
        is_copied = not is_turned and suffix in IMAGE_SUFFIXES
        name = _safe_parts(photo.image.file_name).with_name(photo.path.name)  # as it is on disk
        stem = stem_of(str(name), photo.split)
        make = partial(_make_whole, photo, options, is_copied)
        samples.append(Sample(photo.split, stem, suffix if is_copied else '.png', make, lose))
    if turned:
        report.notes.append(f'{len(turned)} images were turned upright by their EXIF orientation: {some(turned)}')
    return samples


def _slug_of_image(key: str) -> str:
    return f'{_slug(key):0>12}' if key.isdecimal() else _slug(key)


def _slug(text: str) -> str:
    return re.sub(r'[^\w.-]+', '_', text)[:MAX_ID_CHARACTERS]


def _settings(
    options: CocoOptions, names: Sequence[str], exclude: Collection[int | str], given: bool
) -> dict[str, Any]:
    """Return what the content depends on. Newer options are named only if they differ from the default."""
    settings = {**asdict(options), 'classes': list(names), 'exclude': sorted(exclude, key=str)}
    if options.crowds == 'ignored':
        del settings['crowds']
    return settings | ({'splits': 'given'} if given else {})


def _make_crop(photo: _Photo, box: Box, options: CropOptions) -> Made:
    mask = paint_instances(photo.image, options)
    pixels, orientation = _read(photo.path, mask)
    pixels, mask = crop(pixels, mask, box, IGNORE_INDEX)
    if options.size is not None:
        pixels, mask = resize(pixels, mask, (options.size, options.size))
    return turn_upright(pixels, orientation), turn_upright(mask, orientation)


def _make_whole(photo: _Photo, options: CocoOptions, is_copied: bool) -> Made:
    mask = paint_instances(photo.image, options)
    pixels, orientation = _read(photo.path, mask)
    return photo.path if is_copied else turn_upright(pixels, orientation), turn_upright(mask, orientation)


def _read(path: Path, mask: Mask) -> tuple[NDArray[np.uint8], int]:
    """Read the pixels that a mask lies on, and the EXIF orientation by which both have yet to be turned.

    Annotation tools show images upright, so outlines fit the upright image. They fit the stored pixels only if the
    stated size matches those and not the upright image.
    """
    image = read_upright(path)
    pixels, orientation = image.pixels, 1
    if pixels.shape[:2] != mask.shape and image.orientation >= 5:
        orientation = image.orientation
        pixels = turn_upright(pixels, {6: 8, 8: 6}.get(orientation, orientation))  # back to the stored orientation
    check_size(path, pixels, mask)
    return pixels, orientation
