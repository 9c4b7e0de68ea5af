"""Prediction of many image files; one that cannot be read does not stop the others."""

from __future__ import annotations

import glob
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_ext.data.dataset import IMAGE_SUFFIXES
from mmseg_ext.data.images import UprightImage
from mmseg_ext.errors import InputError
from mmseg_ext.files import make_folder, refuse_existing
from mmseg_ext.inference.outputs import SUFFIX_OF_KIND, conflicting_class_files, write_class_files, write_output
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.progress import track
from mmseg_ext.reading import is_printable, unprintable_name

TOO_LARGE = ('does not fit into memory', 'make it smaller, or use `mode=slide`')
SUFFIXES = (*IMAGE_SUFFIXES, '.gif')
MAX_BATCH_PIXELS = 50_000_000  # of all images of a batch together: a batch of large images is closed early


@dataclass
class FilesReport:
    """Outcome of `predict_files`.

    Attributes:
        predicted: Number of images whose files have been written.
        errors: Why the others could not be predicted, one line each.
        seconds: Duration, reading and writing included.
    """

    predicted: int = 0
    errors: list[InputError] = field(default_factory=list)
    seconds: float = 0


def find_images(sources: Sequence[str | Path]) -> list[Path]:
    """Find the images that files, folders (all images directly in them) and glob patterns name.

    Args:
        sources: A pattern may hold ``*``, ``?``, ``[…]``, and ``**`` for any depth of folders.

    Returns:
        Each file once, in the order of the sources.

    Raises:
        InputError: A source is or holds no image, or two images share their stem, hence the names of their results.
    """
    found = list(dict.fromkeys(path for source in sources for path in _expand(source)))
    owners: dict[str, Path] = {}
    for path in found:
        if not is_printable(path.name):  # also bytes that are no UTF-8, which no JSON could hold
            raise unprintable_name(path)
        other = owners.setdefault(path.stem, path)
        if other is not path:
            raise InputError(
                path, f'has the same stem, and so the same mask name, as {other}', 'predict them into two folders'
            )
    return found


def _expand(source: str | Path) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        images = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
        images = [file for file in images if not file.name.startswith('.')]
        if not images:
            raise InputError(
                path, f'holds no {"/".join(SUFFIXES)} file', f'to include subfolders, write "{path}/**/*.jpg"'
            )
        return images
    if path.exists():
        return [path]
    if not glob.has_magic(str(source)):
        raise InputError(path, 'no such image or folder')
    images = sorted(file for file in map(Path, glob.glob(str(source), recursive=True)) if file.is_file())
    if not images:
        raise InputError(source, 'no file matches this pattern')
    return images


def predict_files(
    predictor: Predictor,
    images: Sequence[Path],
    out: str | Path,
    kinds: Collection[str] = ('masks',),
    *,
    opacity: float = 0.5,
    overwrite: bool = False,
) -> FilesReport:
    """Write ``out/masks/<stem>.png`` and so on: one file of each kind for each image.

    ``out/dataset.yaml`` names the values of the masks; with LabelMe documents, ``out/labels.txt`` lists the labels.

    Args:
        predictor: The model.
        images: The images (`find_images`).
        out: The result folder.
        kinds: Any of ``masks``, ``overlays`` (.jpg), ``labelme`` (.json) and ``probabilities`` (.npz, float16).
        opacity: Opacity of the overlays, 0–1.
        overwrite: Replace existing files.

    Raises:
        InputError: A file exists (then nothing is written), or cannot be written.
    """
    out = Path(out)
    targets = [out / kind / (image.stem + SUFFIX_OF_KIND[kind]) for kind in kinds for image in images]
    originals = {image.resolve() for image in images}
    for target in targets:
        if target.resolve() in originals:
            raise InputError(target, 'is one of the images to predict', 'choose another `out`')
    refuse_existing([*targets, *conflicting_class_files(out, kinds, predictor.classes)], overwrite)
    for kind in kinds:
        make_folder(out / kind)
    start = time.perf_counter()
    report = FilesReport()
    write_class_files(out, kinds, predictor.classes)
    for paths, batch in _batches(predictor, track(images, 'predicting', len(images)), report):
        try:
            predictions = predictor.predict(batch)
        except MemoryError:
            report.errors += [InputError(path, *TOO_LARGE) for path in paths]
            continue
        for path in paths:
            prediction = predictions.pop(0)  # what it computes for its files goes with it
            try:
                for kind in kinds:
                    write_output(kind, out / kind / (path.stem + SUFFIX_OF_KIND[kind]), prediction, path, opacity)
            except MemoryError:
                report.errors.append(InputError(path, *TOO_LARGE))
                continue
            report.predicted += 1
    report.seconds = time.perf_counter() - start
    return report


def _batches(
    predictor: Predictor, images: Iterable[Path], report: FilesReport
) -> Iterator[tuple[list[Path], list[UprightImage]]]:
    """Read the images in batches; report those that cannot be read."""
    paths: list[Path] = []
    batch: list[UprightImage] = []
    for path in images:
        try:
            batch.append(predictor.read(path))
        except InputError as error:
            report.errors.append(error)
            continue
        paths.append(path)
        if len(batch) == predictor.batch_size or sum(image.pixels.size // 3 for image in batch) > MAX_BATCH_PIXELS:
            yield paths, batch
            paths, batch = [], []
    if batch:
        yield paths, batch
