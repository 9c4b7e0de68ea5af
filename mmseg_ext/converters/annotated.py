"""Data sets from images with lists of labelled shapes, the usual export of annotation tools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.converters.drawing import Drawn
from mmseg_ext.converters.naming import Naming
from mmseg_ext.converters.output import Converted, Sample, earlier_splits, write_data_set
from mmseg_ext.converters.report import Report, some
from mmseg_ext.converters.source import upright_image, upright_suffix
from mmseg_ext.converters.split import SplitOptions, assign_splits, folder_split, is_given
from mmseg_ext.data.masks import Mask
from mmseg_ext.errors import InputError

Order = Literal['source', 'area']
HIDDEN = 'hidden'  # taken, but covered by later shapes
NOT_CHOSEN = 'not chosen'


@dataclass(frozen=True)
class Annotation:
    """Labelled shape.

    Attributes:
        label: Its class in the source.
        draw: Returns its pixels in an image of given height and width; raises `ValueError` with the reason if it
            cannot be used.
        layer: Shapes of a higher layer are painted over those of a lower one.
    """

    label: str
    draw: Callable[[int, int], Drawn]
    layer: int = 0


@dataclass(frozen=True)
class AnnotatedImage:
    """Image with its shapes.

    Attributes:
        path: The image file.
        stem: Its stem in the new data set.
        annotations: Its shapes, in the order of the source.
        split: Its split, if the source gives one.
        size: Height and width as the source states them, or None.
        problem: Why it cannot be used, if known.
    """

    path: Path
    stem: str
    annotations: Sequence[Annotation] = ()
    split: str | None = None
    size: tuple[int, int] | None = None
    problem: InputError | None = None


def stem_of(name: str, split: str | None = None) -> str:
    """Return a stem for an image that a source names by a path: its folders are kept, joined by ``_``.

    Only a first folder that is named after the given split of the image is left out.

    It is empty for a path that names nothing, such as ``.``.

    >>> stem_of('day 1/cam/0001.jpg')
    'day 1_cam_0001'
    >>> stem_of('val2017/0001.jpg', 'val')
    '0001'
    """
    path = PurePosixPath(name)
    if not path.name:
        return ''
    parts = path.with_suffix('').parts
    is_named = split is not None and len(parts) > 1 and folder_split(parts[0]) == split
    return '_'.join(parts[1:] if is_named else parts)


def convert_annotated(
    images: Sequence[AnnotatedImage],
    naming: Naming,
    root: str | Path,
    converter: str,
    settings: Mapping[str, Any],
    report: Report,
    *,
    split: SplitOptions | None = None,
    order: Order = 'source',
    overwrite: bool = False,
) -> Converted:
    """Paint the shapes of images into masks and write the data set.

    An image with an EXIF orientation is stored upright, as annotation tools show it.

    Args:
        images: All images.
        naming: Classes of the masks.
        root: Data set to write.
        converter: Name of the converter, for the record.
        settings: Everything else that the content depends on, as JSON values.
        report: Gets the counts and failed images.
        split: How images are assigned to splits if the source gives none.
        order: ``source`` paints later shapes over earlier ones; ``area`` smaller ones over larger ones.
        overwrite: As in `write_data_set`.

    Raises:
        InputError: As in `write_data_set`; or an option cannot be used, or the source gives some images a split and
            others none.
    """
    options = split or SplitOptions()
    used: dict[str, Any] = {}
    remedy = 'give it one there, or list all splits with `list`'
    if not options.lists and is_given(((image.path, image.split) for image in images), remedy):
        splits = [image.split for image in images]  # two of them may have images with one name
    else:
        earlier = {} if overwrite else earlier_splits(root)
        split_of, used = assign_splits([image.stem for image in images], options, earlier), options.settings()
        splits = [split_of.get(image.stem) for image in images]
    samples = []
    unlisted = [image for image, name in zip(images, splits, strict=True) if name is None]
    if unlisted:
        report.notes.append(
            f'{len(unlisted)} images are in none of the lists and left out: {some(i.path.name for i in unlisted)}'
        )
    for image, name in zip(images, splits, strict=True):
        if name is None:
            continue
        make = partial(_make, image, naming, order, report)
        samples.append(Sample(name, image.stem, upright_suffix(image.path), make))
    used = {'classes': list(naming.classes.names), 'order': order, **settings, **used}
    return write_data_set(
        root, naming.classes, samples, converter, used, overwrite, report, tolerant=True, count_masks=True
    )


def _make(image: AnnotatedImage, naming: Naming, order: Order, report: Report) -> tuple[NDArray[np.uint8] | Path, Mask]:
    if image.problem is not None:
        raise image.problem
    pixels, size, _ = upright_image(image.path)
    if image.size is not None and image.size != size:
        problem = f'is {size[1]}×{size[0]} pixels, but the annotations are for {image.size[1]}×{image.size[0]}'
        raise InputError(image.path, problem, 'use the image that was annotated')
    return pixels, paint_annotations(image.annotations, size, naming, order, report, image.path.name)


def paint_annotations(
    annotations: Sequence[Annotation],
    size: tuple[int, int],
    naming: Naming,
    order: Order,
    report: Report,
    source: str,
) -> Mask:
    """Paint shapes into a background mask of shape ``size``, and count them in a report.

    Args:
        annotations: The shapes.
        size: Height and width.
        naming: Classes of the mask.
        order: As in `convert_annotated`.
        report: Gets the counts.
        source: Name of the image in the report.
    """
    values = naming.values
    drawn: list[tuple[Annotation, Drawn]] = []
    for number, annotation in enumerate(annotations, 1):
        if annotation.label not in values:
            report.add(annotation.label, NOT_CHOSEN)
            continue
        try:
            drawn.append((annotation, annotation.draw(*size)))
        except ValueError as error:
            report.skip(naming.shown(annotation.label), f'{source}, shape {number}', str(error))
    if order == 'area':
        drawn.sort(key=lambda pair: -int(pair[1].pixels.sum()))
    drawn.sort(key=lambda pair: pair[0].layer)  # stable
    owner = np.full(size, -1, np.int32)
    mask = np.zeros(size, np.uint8)
    for position, (annotation, shape) in enumerate(drawn):
        mask[shape.place][shape.pixels] = values[annotation.label]
        owner[shape.place][shape.pixels] = position
        report.add(naming.shown(annotation.label))
    visible = np.bincount(owner.reshape(-1) + 1, minlength=len(drawn) + 1)[1:]
    for position, (annotation, _) in enumerate(drawn):
        if not visible[position]:
            report.add(naming.shown(annotation.label), HIDDEN)
    return mask
