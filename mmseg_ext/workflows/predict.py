"""Prediction of many photographs: each gets its files, and one that cannot be read costs only itself."""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmseg_ext.data.dataset import IMAGE_SUFFIXES
from mmseg_ext.data.images import UprightImage
from mmseg_ext.errors import InputError
from mmseg_ext.files import make_folder, refuse_existing
from mmseg_ext.inference.network_predictor import NetworkPredictor
from mmseg_ext.inference.outputs import KINDS, class_files, write_class_files, write_output

SUFFIXES = (*IMAGE_SUFFIXES, '.gif')
PIXELS_AT_ONCE = 50_000_000  # of all photographs of a batch: large ones go through in smaller batches

Track = Callable[[Sequence[Path]], Iterable[Path]]


@dataclass
class FilesReport:
    """What became of the photographs.

    Attributes:
        predicted: How many have got their files.
        errors: Why the others have not, one line each.
        seconds: How long all of it took, reading and writing included.
    """

    predicted: int = 0
    errors: list[str] = field(default_factory=list)
    seconds: float = 0


def find_photos(sources: Sequence[str | Path]) -> list[Path]:
    """The photographs that are meant by files, folders (all images directly in them) and glob patterns.

    Args:
        sources: A pattern may hold ``*``, ``?``, ``[…]``, and ``**`` for any depth of folders.

    Returns:
        Each file once, in the order of the sources.

    Raises:
        InputError: A source is or holds no image, or two photographs share their stem, and so the names of their files.
    """
    found = list(dict.fromkeys(path for source in sources for path in _expand(source)))
    owners: dict[str, Path] = {}
    for path in found:
        if not path.name.isprintable():  # also bytes that are no UTF-8, which no JSON could hold
            raise InputError(f'{str(path)!a}: its name cannot be printed; rename the file')
        other = owners.setdefault(path.stem, path)
        if other is not path:
            raise InputError(f'{path}: its mask would have the name of that of {other}; predict them into two folders')
    return found


def _expand(source: str | Path) -> list[Path]:
    path = Path(source)
    if path.is_dir():
        images = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES and one.is_file())
        images = [one for one in images if not one.name.startswith('.')]
        if not images:
            raise InputError(f'{path}: holds no {"/".join(SUFFIXES)} file; for folders in it give "{path}/**/*.jpg"')
        return images
    if path.exists():
        return [path]
    if not glob.has_magic(str(source)):
        raise InputError(f'{path}: no such image or folder')
    images = sorted(one for one in map(Path, glob.glob(str(source), recursive=True)) if one.is_file())
    if not images:
        raise InputError(f'{source}: no file matches this pattern')
    return images


def predict_files(
    predictor: NetworkPredictor,
    photos: Sequence[Path],
    out: str | Path,
    kinds: Collection[str] = ('masks',),
    *,
    opacity: float = 0.5,
    overwrite: bool = False,
    track: Track = iter,
) -> FilesReport:
    """Write ``out/masks/<stem>.png``, ``out/overlays/<stem>.jpg`` and ``out/labelme/<stem>.json``.

    Beside them stand ``out/dataset.yaml``, which names the values of the masks, and for LabelMe its list of labels.

    Args:
        predictor: The model.
        photos: The photographs (`find_photos`).
        out: The result folder.
        kinds: Any of ``masks``, ``overlays``, ``labelme``.
        opacity: Of the overlays, 0–1.
        overwrite: Whether files may be replaced.
        track: Wraps the photographs that are worked through, for a progress bar.

    Raises:
        InputError: A file would be replaced, or cannot be written. Where it would be replaced, nothing is written.
    """
    out = Path(out)
    targets = [out / kind / (photo.stem + KINDS[kind]) for kind in kinds for photo in photos]
    originals = {photo.resolve() for photo in photos}
    for target in targets:
        if target.resolve() in originals:
            raise InputError(f'{target}: is one of the photographs; choose another --out')
    refuse_existing([*targets, *class_files(out, kinds, predictor.classes)], overwrite)
    for kind in kinds:
        make_folder(out / kind)
    start = time.perf_counter()
    report = FilesReport()
    write_class_files(out, kinds, predictor.classes)
    for paths, batch in _batches(predictor, track(photos), report):
        try:
            predictions = predictor.predict(batch)
        except MemoryError:
            report.errors += [
                f'{path}: does not fit into the memory; make it smaller, or give --mode slide' for path in paths
            ]
            continue
        for path, prediction in zip(paths, predictions, strict=True):
            for kind in kinds:
                write_output(kind, out / kind / (path.stem + KINDS[kind]), prediction, path, opacity)
            report.predicted += 1
    report.seconds = time.perf_counter() - start
    return report


def _batches(
    predictor: NetworkPredictor, photos: Iterable[Path], report: FilesReport
) -> Iterator[tuple[list[Path], list[UprightImage]]]:
    """Read the photographs; note those that cannot be read."""
    paths: list[Path] = []
    batch: list[UprightImage] = []
    for path in photos:
        try:
            batch.append(predictor.read(path))
        except InputError as error:
            report.errors.append(str(error))
            continue
        paths.append(path)
        if len(batch) == predictor.batch_size or sum(one.pixels.size // 3 for one in batch) > PIXELS_AT_ONCE:
            yield paths, batch
            paths, batch = [], []
    if batch:
        yield paths, batch
