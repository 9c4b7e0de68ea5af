"""LabelMe files → masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmseg_ext.converters.labelme.paint import Painting, paint_shapes
from mmseg_ext.converters.labelme.photograph import read_photograph
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import MASK_SUFFIX, DataSet, Key, LabelSet
from mmseg_ext.data.labelme.document import SUFFIX, Document, image_size, label_values, read_document
from mmseg_ext.data.masks import write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.files import refuse_existing, staged_files
from mmseg_ext.progress import track

MOST_PIXELS = 500_000_000


@dataclass
class ImportReport:
    """What was written.

    Attributes:
        files: Masks written.
        painted: Shapes painted into them.
        overlaps: Pixels on which shapes of two classes lie, of each file that has any: (hidden, on top) → pixels.
        skipped: Shapes left out by their label.
    """

    files: int = 0
    painted: int = 0
    overlaps: dict[Key, Counter[tuple[str, str]]] = field(default_factory=dict)
    skipped: int = 0


def import_masks(
    folder: Path,
    root: Path,
    out: Path,
    *,
    splits: Sequence[str] | None = None,
    ignore_labels: Collection[str] = (),
    overwrite: bool = False,
) -> ImportReport:
    """Write ``out/<split>/<stem>.png`` for each LabelMe file ``folder/<split>/<stem>.json``.

    Shapes are painted as `paint_shapes` says. The size is that of the photograph; a file that states another one is
    refused.

    Args:
        folder: Folder of the LabelMe files.
        root: The data set, which names the classes and holds the photographs.
        out: Folder of the masks.
        splits: The splits; all by default.
        ignore_labels: Labels whose shapes are left out.
        overwrite: Whether files may be replaced.

    Raises:
        InputError: A file cannot be used, or would be replaced. Nothing is written then.
    """
    data = DataSet(root)
    classes = data.classes
    documents = LabelSet(folder, SUFFIX).files(splits)
    refuse_existing([out / split / (stem + MASK_SUFFIX) for split, stem in documents], overwrite)
    images = {split: data.split(split).images() for split in {split for split, _ in documents}}
    report = ImportReport()
    with staged_files(out) as stage:
        for split, stem in track(list(documents), 'importing'):
            painting = paint_file(documents[split, stem], images[split].get(stem), classes, ignore_labels)
            write_mask(stage / split / (stem + MASK_SUFFIX), painting.mask, classes.palette)
            report.files += 1
            report.painted += painting.painted
            report.skipped += painting.skipped
            if painting.overlaps:
                report.overlaps[split, stem] = painting.overlaps
    return report


def paint_file(path: Path, image_path: Path | None, classes: Classes, ignore_labels: Collection[str] = ()) -> Painting:
    """Paint the shapes of one LabelMe file.

    Args:
        path: The LabelMe file.
        image_path: Its photograph; where it is None, the one that the file names, if it is there.
        classes: What the labels stand for.
        ignore_labels: Labels whose shapes are left out.

    Raises:
        InputError: The file cannot be used.
    """
    document = read_document(path)
    size = _size(document, path, image_path)
    return paint_shapes(document['shapes'], size, label_values(classes), str(path), ignore_labels)


def _size(document: Document, path: Path, image_path: Path | None) -> tuple[int, int]:
    """Height and width of the mask: of the photograph, or as the file states them where there is none."""
    stated = image_size(document, path)
    named: Any = document.get('imagePath')
    if image_path is None and isinstance(named, str) and named:
        beside = path.parent / named.replace('\\', '/')
        image_path = beside if beside.is_file() else None
    if image_path is None:
        if stated is None:
            raise InputError(f'{path}: states no imageHeight and imageWidth, and its photograph is not there; add it')
        if stated[0] * stated[1] > MOST_PIXELS:
            raise InputError(f'{path}: states an image of {stated[1]}×{stated[0]} pixels, more than {MOST_PIXELS:,}')
        return stated
    photograph = read_photograph(image_path)
    if stated is not None and stated != photograph.size:
        turned = '; it is turned by its EXIF header, see docs/labelme.md' if photograph.turned else ''
        raise InputError(
            f'{path}: states an image of {stated[1]}×{stated[0]} pixels, but {image_path} has '
            f'{photograph.size[1]}×{photograph.size[0]}; annotate the right photograph{turned}'
        )
    return photograph.size
