"""Masks → LabelMe files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_ext.converters.labelme.encode import ShapeKind, encode_shapes
from mmseg_ext.converters.labelme.merge import merge_shapes
from mmseg_ext.converters.labelme.paint import paint_shapes
from mmseg_ext.converters.labelme.photograph import Photograph, read_photograph
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import DataSet, Key, choose_files
from mmseg_ext.data.labelme.document import (
    SUFFIX,
    Document,
    label_names,
    label_values,
    labels_text,
    new_document,
    read_document,
)
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.errors import InputError
from mmseg_ext.files import refuse_existing, staged_files, write_json, write_text
from mmseg_ext.progress import track

LABEL_LIST = 'labels.txt'


@dataclass(frozen=True)
class ExportSettings:
    """How masks become shapes.

    Attributes:
        shapes: ``mask`` (exact) or ``polygon``.
        tolerance: How far polygons may leave the outline, in pixels.
        merge_from: A folder of LabelMe files whose metadata is kept (`merge_shapes`).
        ignore_labels: Labels in ``merge_from`` that are no classes.
    """

    shapes: ShapeKind = 'mask'
    tolerance: float = 0
    merge_from: Path | None = None
    ignore_labels: tuple[str, ...] = ()


@dataclass
class ExportReport:
    """What was written.

    Attributes:
        errors: Pixels of each file that importing it would change.
        pixels: Pixels of all masks.
        merged: How many files kept the metadata of an existing one.
    """

    errors: dict[Key, int] = field(default_factory=dict)
    pixels: int = 0
    merged: int = 0


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
        settings: How masks become shapes.
        splits: The splits; all by default.
        queue: A text file that chooses files (`choose_files`).
        overwrite: Whether files may be replaced.

    Raises:
        InputError: A file cannot be used, lacks its photograph, or would be replaced. Nothing is written then.
    """
    settings = settings or ExportSettings()
    data = DataSet(root)
    classes = data.classes
    masks = data.label_set(labels).files(splits)
    files = choose_files(masks, queue) if queue else list(masks)
    targets = [out / split / (stem + SUFFIX) for split, stem in files]
    refuse_existing([*targets, *_other_label_list(out, classes)], overwrite)
    images = {split: data.split(split).images() for split in {split for split, _ in files}}
    report = ExportReport()
    with staged_files(out) as stage:
        write_text(stage / LABEL_LIST, labels_text(classes))
        for split, stem in track(files, 'exporting'):
            mask = _read_mask(masks[split, stem], classes)
            photograph = _photograph(images[split], root / 'img' / split, stem, mask)
            former = _former(settings.merge_from, split, stem)
            document = _document(mask, photograph, out / split, classes, settings, former)
            painted = paint_shapes(
                document['shapes'], mask.shape, label_values(classes), stem, settings.ignore_labels
            ).mask
            report.errors[split, stem] = int((painted != mask).sum())
            report.pixels += mask.size
            report.merged += former is not None
            write_json(stage / split / (stem + SUFFIX), document)
    return report


def _document(
    mask: Mask,
    photograph: Photograph,
    folder: Path,
    classes: Classes,
    settings: ExportSettings,
    former: tuple[Path, Document] | None,
) -> Document:
    """The LabelMe file of one mask, made anew or from an existing one."""
    if former is None:
        shapes = encode_shapes(mask, label_names(classes), settings.shapes, settings.tolerance)
    else:
        source, known = former
        kinds = settings.shapes, settings.tolerance, settings.ignore_labels
        shapes = merge_shapes(mask, known['shapes'], classes, str(source), *kinds)
    document = new_document(shapes, photograph.path_from(folder), photograph.size)
    document['imageData'] = photograph.embedded()
    if former is not None:
        geometry = {key: document[key] for key in ('shapes', 'imagePath', 'imageHeight', 'imageWidth')}
        embedded = former[1].get('imageData') or document['imageData']
        document = {**document, **former[1], **geometry, 'imageData': embedded}
    return document


def _other_label_list(out: Path, classes: Classes) -> list[Path]:
    """The label list in a folder if it is not the one that we would write."""
    path = out / LABEL_LIST
    same = not path.exists() or path.read_bytes() == labels_text(classes).encode()
    return [] if same else [path]


def _photograph(images: dict[str, Path], folder: Path, stem: str, mask: Mask) -> Photograph:
    if stem not in images:
        raise InputError(f'{folder / stem}.*: no such photograph, and labelme opens none without; add it')
    photograph = read_photograph(images[stem])
    if photograph.size != mask.shape:
        raise InputError(
            f'{photograph.path}: is {photograph.size[1]}×{photograph.size[0]} pixels but its mask '
            f'{mask.shape[1]}×{mask.shape[0]}; mend one of them'
        )
    return photograph


def _read_mask(path: Path, classes: Classes) -> Mask:
    mask = read_mask(path)
    classes.check(mask, path)
    return mask


def _former(folder: Path | None, split: str, stem: str) -> tuple[Path, Document] | None:
    """The existing LabelMe file of a mask and its content, if there is one."""
    path = folder / split / (stem + SUFFIX) if folder else None
    return (path, read_document(path)) if path and path.exists() else None
