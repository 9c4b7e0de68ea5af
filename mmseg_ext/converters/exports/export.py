"""Export of a label set to a foreign format."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmseg_ext.converters.exports.formats import (
    CocoPolygonWriter,
    CocoWriter,
    CvatWriter,
    VocWriter,
    Writer,
    YoloWriter,
)
from mmseg_ext.converters.exports.shapes import Canvas, regions_of
from mmseg_ext.converters.report import Report
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import DataSet, Item
from mmseg_ext.data.images import read_header
from mmseg_ext.data.masks import Mask, read_palette_mask
from mmseg_ext.errors import InputError, NotWritableError
from mmseg_ext.files import (
    check_result_folder,
    make_folder,
    recorded_names,
    staged_folder,
    write_json,
    written_names,
)
from mmseg_ext.progress import track

FORMATS: dict[str, type[Writer]] = {
    'coco': CocoWriter, 'coco-polygon': CocoPolygonWriter, 'cvat': CvatWriter, 'voc': VocWriter, 'yolo': YoloWriter,
}  # fmt: skip
RECORD_FILE = 'export.json'
OBJECTS, WRONG = 'objects', 'px differ'


def export_labels(
    root: str | Path,
    labels: str,
    out: str | Path,
    kind: str,
    *,
    splits: Sequence[str] | None = None,
    images: bool = False,
    tolerance: float = 0,
    overwrite: bool = False,
) -> Report:
    """Write a label set in a foreign format; objects are 8-connected regions.

    Every mask is compared with what a reader gets from the written file: the report counts the pixels that differ,
    by their class in the mask.

    Args:
        root: The data set.
        labels: Name of the label set.
        out: Folder to write.
        kind: A key of `FORMATS`.
        splits: Which splits; all by default.
        images: Also copy the images.
        tolerance: Distance in pixels by which a polygon may leave the outline to have fewer corners; 0 is exact.
        overwrite: Replace an earlier export.

    Returns:
        Counts by class, and the images that could not be exported.

    Raises:
        InputError: An argument cannot be used, ``out`` holds something else, or no image can be exported.
    """
    data, out = DataSet(root), Path(out)
    data.label_set(labels)
    classes = data.classes
    names = {RECORD_FILE, *recorded_names(out / RECORD_FILE)}
    check_result_folder(out, names, overwrite, record=RECORD_FILE)
    report = Report(classes.names)
    done: set[str] = set()
    with staged_folder(out) as stage:
        writer = FORMATS[kind](stage, classes, tolerance)
        for item in track(data.items(labels, splits), 'exporting'):
            try:
                mask, image = _read(item, classes)
                back = writer.add(item.split.name, image.name, mask)
            except NotWritableError:
                raise
            except InputError as error:
                report.failed.append(error)
                continue
            done.add(item.split.name)
            _count(report, mask, back, classes, writer.values)
            if images:
                folder = make_folder(stage / writer.images.format(split=item.split.name))
                shutil.copyfile(image, folder / image.name)
        if not done:
            raise InputError(report.failed[0], 'no other image can be exported either')
        writer.finish([split for split in data.splits(labels, splits) if split in done])
        report.notes += writer.notes
        settings = {'format': kind, 'labels': labels, 'splits': sorted(done), 'tolerance': tolerance}
        write_json(stage / RECORD_FILE, {**settings, 'report': report.as_json(), 'files': written_names(stage)})
    return report


def _read(item: Item, classes: Classes) -> tuple[Mask, Path]:
    if item.image is None or item.mask is None:
        missing = 'image' if item.image is None else 'mask'
        raise InputError('/'.join(item.key), f'has no {missing}', 'add it, or leave the split out with `splits`')
    mask, palette = read_palette_mask(item.mask)
    classes.check(mask, item.mask, palette)
    size = read_header(item.image).size
    if size != mask.shape:
        problem = f'is {size[1]}×{size[0]} pixels but its mask {mask.shape[1]}×{mask.shape[0]}'
        raise InputError(item.image, problem, 'correct one of them')
    return mask, item.image


def _count(report: Report, mask: Mask, back: Canvas, classes: Classes, values: Sequence[int]) -> None:
    report.add_mask(mask, classes)
    for region in regions_of(mask, values):
        report.add(classes.names[region.value], OBJECTS)
    wrong = np.bincount(mask[mask != back], minlength=256)
    for value in np.flatnonzero(wrong):
        name = report.ignored if value == classes.ignore_index else classes.names[value]
        report.add(name, WRONG, int(wrong[value]))
