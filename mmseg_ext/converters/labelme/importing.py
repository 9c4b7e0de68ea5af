"""Import of LabelMe files as masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmseg_ext.converters.labelme.paint import Painting, paint_shapes
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import MASK_SUFFIX, SHAPES_SUFFIX, DataSet, Key, LabelSet
from mmseg_ext.data.images import read_header, turn_upright
from mmseg_ext.data.labelme.document import Document, embedded_orientation, image_size, label_values, read_document
from mmseg_ext.data.masks import write_mask
from mmseg_ext.errors import InputError
from mmseg_ext.files import refuse_existing, staged_files
from mmseg_ext.progress import track

MAX_PIXELS = 500_000_000


@dataclass
class ImportReport:
    """Result of an import.

    Attributes:
        files: Number of masks.
        painted: Number of shapes painted into them.
        overlaps: For each file where shapes of two classes overlap: (hidden class, class on top) → pixels.
        skipped: Number of shapes left out by their label.
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

    Shapes are painted by `paint_shapes`. The size is that of the image; a file that states another one is refused.

    Args:
        folder: Folder of the LabelMe files.
        root: The data set, which names the classes and holds the images.
        out: Folder of the masks.
        splits: The splits; all by default.
        ignore_labels: Labels whose shapes are left out.
        overwrite: Whether files may be replaced.

    Raises:
        InputError: A file cannot be used, or would be replaced. Nothing is written then.
    """
    data = DataSet(root)
    classes = data.classes
    documents = LabelSet(folder, SHAPES_SUFFIX).files(splits)
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
        image_path: Its image; if None, the one that the file names, if that exists.
        classes: Names of the classes.
        ignore_labels: Labels whose shapes are left out.

    Raises:
        InputError: The file cannot be used.
    """
    document = read_document(path)
    orientation = embedded_orientation(document)
    size = _size(document, path, image_path, orientation)
    painting = paint_shapes(
        document['shapes'], size, label_values(classes), str(path), ignore_labels, classes.unlabelled
    )
    return replace(painting, mask=turn_upright(painting.mask, orientation))


def _size(document: Document, path: Path, image_path: Path | None, orientation: int) -> tuple[int, int]:
    """Return height and width that the shapes lie on: of the image, or as the file states them where there is none."""
    stated = image_size(document, path)
    named: Any = document.get('imagePath')
    if image_path is None and isinstance(named, str) and named:
        relative = path.parent / named.replace('\\', '/')
        image_path = relative if relative.is_file() else None
    if image_path is None:
        if stated is None:
            raise InputError(
                path, 'states no imageHeight and imageWidth, and its image does not exist', 'add the image'
            )
        if stated[0] * stated[1] > MAX_PIXELS:
            raise InputError(path, f'states an image of {stated[1]}×{stated[0]} pixels, more than {MAX_PIXELS:,}')
        return stated
    header = read_header(image_path)
    size = header.size[::-1] if orientation >= 5 else header.size
    if stated is not None and stated != size:
        turned = ' and is turned by its EXIF orientation' if header.orientation != 1 else ''
        raise InputError(
            path,
            f'states an image of {stated[1]}×{stated[0]} pixels, but {image_path} has {size[1]}×{size[0]}{turned}',
            'annotate the right image',
        )
    return size
