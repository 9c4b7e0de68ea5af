"""Import of LabelMe files as masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmseg_ext.converters.labelme.paint import Painting, PaintRules, paint_shapes
from mmseg_ext.converters.report import SKIPPED, Report
from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import IMAGES, MASK_SUFFIX, SHAPES_SUFFIX, DataSet, Key, LabelSet
from mmseg_ext.data.images import ImageRules, read_header, turn_upright
from mmseg_ext.data.labelme.document import (
    Document,
    EmbeddedImage,
    embedded_image,
    image_size,
    label_values,
    read_document,
)
from mmseg_ext.data.masks import write_mask
from mmseg_ext.errors import CombinedInputError, InputError, raise_all
from mmseg_ext.files import refuse_existing, staged_files
from mmseg_ext.progress import track
from mmseg_ext.reading import names_file

IGNORED_OUTCOME = 'left out'
HIDDEN_OUTCOME = 'of them hidden'


@dataclass
class ImportReport:
    """Result of an import.

    Attributes:
        files: Number of masks.
        overlaps: For each file where shapes of two classes overlap: (hidden class, class on top) → pixels.
        images: Embedded images that were added to the data set, which lacked them.
        counts: Shapes by label and outcome; notes on hidden and cropped ones; reasons for those left out; the
            problems of files that cannot be used.
    """

    files: int = 0
    overlaps: dict[Key, Counter[tuple[str, str]]] = field(default_factory=dict)
    images: list[Key] = field(default_factory=list)
    counts: Report = field(default_factory=lambda: Report(()))

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        overlaps = {
            '/'.join(key): [{'hidden': a, 'top': b, 'pixels': count} for (a, b), count in found.items()]
            for key, found in self.overlaps.items()
        }
        images = ['/'.join(key) for key in self.images]
        return {'files': self.files, 'overlaps': overlaps, 'images_added': images, **self.counts.as_json()}

    @property
    def painted(self) -> int:
        """Number of shapes painted."""
        return self.counts.total('taken')

    @property
    def skipped(self) -> int:
        """Number of shapes left out, by their label or because they are damaged or cover no area."""
        return self.counts.total(IGNORED_OUTCOME) + self.counts.total(SKIPPED)


def import_masks(
    folder: Path,
    root: Path,
    out: Path,
    *,
    splits: Sequence[str] | None = None,
    rules: PaintRules | None = None,
    add_images: bool = False,
    overwrite: bool = False,
) -> ImportReport:
    """Write ``out/<split>/<stem>.png`` for each LabelMe file ``folder/<split>/<stem>.json``.

    Shapes are painted by `paint_shapes`. The mask has the size of the image; a file that states another one is refused.

    Args:
        folder: Folder of the LabelMe files.
        root: The data set, which names the classes and holds the images.
        out: Folder of the masks.
        splits: The splits; all by default.
        rules: How shapes become pixels.
        add_images: Write the embedded images of files whose image the data set lacks into ``root/img``.
        overwrite: Whether files may be replaced.

    A file that cannot be used costs only itself: all its problems are in the report.

    Raises:
        InputError: No file can be used (all are named), or files would be replaced; then nothing is written.
    """
    data = DataSet(root)
    classes = data.classes
    documents = LabelSet(folder, SHAPES_SUFFIX).files(splits)
    refuse_existing([out / split / (stem + MASK_SUFFIX) for split, stem in documents], overwrite)
    images = {split: data.split(split).images() for split in {split for split, _ in documents}}
    report = ImportReport(counts=Report(classes.names))
    problems = report.counts.failed
    with staged_files(out) as stage:
        for split, stem in track(list(documents), 'importing'):
            path, image = documents[split, stem], images[split].get(stem)
            try:
                document = read_document(path)
                painting = _paint(document, path, image, classes, rules)
            except CombinedInputError as error:
                problems += error.problems
                continue
            except InputError as error:
                problems.append(error)
                continue
            write_mask(stage / split / (stem + MASK_SUFFIX), painting.mask, classes.palette)
            _count(painting, (split, stem), document['shapes'], report, rules)
            if add_images and image is None and embedded_image(document) is not None:
                report.images.append((split, stem))
        if not report.files:
            raise_all(problems, 'correct them; nothing was written')
    if report.images:
        with staged_files(data.root / IMAGES) as stage:
            for split, stem in report.images:
                embedded = embedded_image(read_document(documents[split, stem]))
                assert embedded is not None
                (stage / split).mkdir(exist_ok=True)
                (stage / split / (stem + embedded.suffix)).write_bytes(embedded.data)
    return report


def _count(
    painting: Painting, key: Key, shapes: Sequence[dict[str, Any]], report: ImportReport, rules: PaintRules | None
) -> None:
    """Add the outcomes of a file's shapes to a report."""
    report.files += 1
    if painting.overlaps:
        report.overlaps[key] = painting.overlaps
    file, counts = '/'.join(key), report.counts

    def named(positions: Sequence[int]) -> str:
        return ', '.join(f'shape {position + 1} ({shapes[position]["label"]})' for position in positions)

    for label, count in painting.painted.items():
        counts.add(label, count=count)
    for label, count in painting.ignored.items():
        counts.add(label, IGNORED_OUTCOME, count)
    for position, why in painting.degenerate.items():
        counts.skip(shapes[position]['label'], f'{file}: shape {position + 1}', why)
    for position in painting.covered:
        counts.add(shapes[position]['label'], HIDDEN_OUTCOME)
    hint = '' if rules and rules.order == 'area' else ' (`order=area` paints small over large)'
    for positions, what in (
        (painting.covered, f'hidden by other shapes{hint}'),
        (painting.cropped, 'cropped at the edge of the image'),
        (painting.outside, 'outside the image'),
    ):
        if positions:
            counts.notes.append(f'{file}: {what}: {named(positions)}')


def paint_file(path: Path, image_path: Path | None, classes: Classes, rules: PaintRules | None = None) -> Painting:
    """Paint the shapes of one LabelMe file.

    Args:
        path: The LabelMe file.
        image_path: Its image; if None, the existing image that the file names, or the one that it embeds.
        classes: Names of the classes.
        rules: How shapes become pixels.

    Raises:
        InputError: The file cannot be used.
    """
    return _paint(read_document(path), path, image_path, classes, rules)


def _paint(
    document: Document, path: Path, image_path: Path | None, classes: Classes, rules: PaintRules | None
) -> Painting:
    size, orientation = _frame(document, path, image_path)
    limit = ImageRules().max_pixels
    if size[0] * size[1] > limit:
        raise InputError(image_path or path, f'has {size[1]}×{size[0]} pixels, more than {limit:,}', 'make it smaller')
    painting = paint_shapes(document['shapes'], size, label_values(classes), str(path), rules, classes.unlabelled)
    if orientation == 1:
        return painting
    turned = turn_upright(painting.mask, orientation), turn_upright(painting.owner, orientation)
    return replace(painting, mask=turned[0], owner=turned[1])


def _frame(document: Document, path: Path, image_path: Path | None) -> tuple[tuple[int, int], int]:
    """Return the height and width of what the shapes lie on, and the EXIF orientation by which it must be turned.

    labelme shows images upright, so shapes lie on the upright image. But it does not turn embedded images.
    """
    stated = image_size(document, path)
    embedded = embedded_image(document)
    named: Any = document.get('imagePath')
    if image_path is None and isinstance(named, str) and named:
        relative = path.parent / named.replace('\\', '/')
        image_path = relative if names_file(relative) else None
    if image_path is None:
        return _frame_without_image(path, stated, embedded)
    header = read_header(image_path)
    if embedded is not None and embedded.orientation != 1:
        size, orientation = header.size[::-1] if embedded.orientation >= 5 else header.size, embedded.orientation
    else:
        size, orientation = header.size, 1
    if stated not in (None, size):
        turned = ' and is rotated by its EXIF orientation' if header.orientation != 1 else ''
        raise InputError(
            path,
            f'states an image size of {stated[1]}×{stated[0]} pixels, but {image_path} has {size[1]}×{size[0]}{turned}',
            'annotate the right image',
        )
    return size, orientation


def _frame_without_image(
    path: Path, stated: tuple[int, int] | None, embedded: EmbeddedImage | None
) -> tuple[tuple[int, int], int]:
    """Return the same as `_frame`, from the embedded image or as the file states it."""
    if embedded is not None:
        if stated not in (None, embedded.size):
            problem = f'states an image size of {stated[1]}×{stated[0]} pixels, but the embedded image has '
            raise InputError(path, f'{problem}{embedded.size[1]}×{embedded.size[0]}', 'annotate the right image')
        return embedded.size, embedded.orientation
    if stated is None:
        raise InputError(path, 'has no imageHeight and imageWidth, and its image does not exist', 'add the image')
    return stated, 1
