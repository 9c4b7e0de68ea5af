"""Export of a label set to LabelMe files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmseg_ext.converters.labelme.encode import ShapeKind, encode_shapes
from mmseg_ext.converters.labelme.merge import merge_shapes
from mmseg_ext.converters.labelme.paint import PaintRules, paint_shapes
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import SHAPES_SUFFIX, DataSet, Key, choose_files
from mmseg_ext.data.images import ImageHeader, read_header
from mmseg_ext.data.labelme.document import (
    Document,
    embedded_image,
    label_names,
    label_values,
    labels_text,
    new_document,
    read_document,
)
from mmseg_ext.data.masks import Mask, read_palette_mask
from mmseg_ext.errors import InputError, raise_all
from mmseg_ext.files import refuse_existing, staged_files, write_json, write_text
from mmseg_ext.progress import track

LABEL_LIST = 'labels.txt'


@dataclass(frozen=True)
class ExportSettings:
    """Settings of the conversion of masks to shapes.

    Attributes:
        shapes: ``mask`` (exact) or ``polygon``.
        tolerance: Distance in pixels by which polygons may leave the outline.
        merge_from: A folder of LabelMe files whose metadata is kept (`merge_shapes`).
        ignore_labels: Labels in ``merge_from`` that are not classes.
    """

    shapes: ShapeKind = 'mask'
    tolerance: float = 0
    merge_from: Path | None = None
    ignore_labels: tuple[str, ...] = ()


@dataclass
class ExportReport:
    """Result of an export.

    Attributes:
        errors: For each file, the number of pixels that differ after importing it.
        pixels: Number of pixels of all masks.
        merged: Number of files that kept the metadata of an existing file.
        left_out: Reasons why masks were left out.
    """

    errors: dict[Key, int] = field(default_factory=dict)
    pixels: int = 0
    merged: int = 0
    left_out: list[InputError] = field(default_factory=list)


def export_masks(
    root: Path,
    labels: str,
    out: Path,
    settings: ExportSettings | None = None,
    *,
    splits: Sequence[str] | None = None,
    queue: Path | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write ``out/<split>/<stem>.json`` for each mask of a label set, and the label list ``out/labels.txt``.

    Args:
        root: The data set.
        labels: Name of the label set.
        out: Folder of the LabelMe files.
        settings: Settings of the conversion.
        splits: The splits; all by default.
        queue: A text file that chooses files (`choose_files`).
        overwrite: Whether files may be replaced.

    Raises:
        InputError: A file would be replaced, or none can be used; then nothing is written. A mask that cannot be used,
            or lacks its image, costs only itself.
    """
    settings = settings or ExportSettings()
    data = DataSet(root)
    classes = data.classes
    masks = data.label_set(labels).files(splits)
    files = choose_files(masks, queue) if queue else list(masks)
    targets = [out / split / (stem + SHAPES_SUFFIX) for split, stem in files]
    refuse_existing([*targets, *_other_label_list(out, classes)], overwrite)
    images = {split: data.split(split).images() for split in {split for split, _ in files}}
    report = ExportReport()
    with staged_files(out) as stage:
        write_text(stage / LABEL_LIST, labels_text(classes))
        for split, stem in track(files, 'exporting'):
            try:
                mask = _read_mask(masks[split, stem], classes)
                if stem not in images[split]:
                    missing = data.split(split).image_folder / f'{stem}.*'
                    raise InputError(missing, 'image not found, which labelme needs to open the file', 'add it')
                former = _former(settings.merge_from, split, stem)
                document = _document(mask, images[split][stem], out / split, classes, settings, former)
            except InputError as error:
                report.left_out.append(error)
                continue
            rules = PaintRules(settings.ignore_labels)
            painted = paint_shapes(
                document['shapes'], mask.shape, label_values(classes), stem, rules, classes.unlabelled
            ).mask
            report.errors[split, stem] = int((painted != mask).sum())
            report.pixels += mask.size
            report.merged += former is not None
            write_json(stage / split / (stem + SHAPES_SUFFIX), document)
        if not report.errors:
            raise_all(report.left_out)
    return report


def _document(
    mask: Mask,
    image: Path,
    folder: Path,
    classes: Classes,
    settings: ExportSettings,
    former: tuple[Path, Document] | None,
) -> Document:
    """Make the LabelMe document of a mask, from an existing one if there is one."""
    header = _matching_header(image, mask)
    if former is None:
        canvas = np.full_like(mask, classes.unlabelled)
        shapes = encode_shapes(mask, label_names(classes), settings.shapes, settings.tolerance, canvas)
    else:
        source, known = former
        options = settings.shapes, settings.tolerance, settings.ignore_labels
        shapes = merge_shapes(mask, known['shapes'], classes, str(source), *options)
    document = new_document(shapes, image, header, folder)
    if former is not None:
        geometry = {key: document[key] for key in ('shapes', 'imagePath', 'imageHeight', 'imageWidth')}
        embedded = former[1].get('imageData') or document['imageData']
        document = {**document, **former[1], **geometry, 'imageData': embedded}
    return document


def _other_label_list(out: Path, classes: Classes) -> list[Path]:
    """Return the label list in a folder if its content differs from an export's."""
    path = out / LABEL_LIST
    same = not path.exists() or path.read_bytes() == labels_text(classes).encode()
    return [] if same else [path]


def _matching_header(image: Path, mask: Mask) -> ImageHeader:
    header = read_header(image)
    if header.size != mask.shape:
        problem = f'is {header.size[1]}×{header.size[0]} pixels but its mask {mask.shape[1]}×{mask.shape[0]}'
        raise InputError(image, problem, 'correct one of them')
    return header


def _read_mask(path: Path, classes: Classes) -> Mask:
    mask, palette = read_palette_mask(path)
    classes.check(mask, path, palette)
    return mask


def _former(folder: Path | None, split: str, stem: str) -> tuple[Path, Document] | None:
    """Read the existing LabelMe file of a mask, if there is one: its path and content."""
    path = folder / split / (stem + SHAPES_SUFFIX) if folder else None
    if not path or not path.exists():
        return None
    document = read_document(path)
    embedded = embedded_image(document)
    if embedded is not None and embedded.orientation != 1:
        raise InputError(path, 'its shapes refer to the stored pixels, before the EXIF rotation', 'import it first')
    return path, document
