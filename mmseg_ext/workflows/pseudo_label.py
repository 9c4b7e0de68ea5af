"""Pseudo-labels: masks predicted for images of which only the class is known.

The model draws the outline, the name of the folder gives the class. So the mask holds evidence that the model lacks:
which of two similar classes a region belongs to. (Self-training: Lee 2013; Xie et al. 2020, arXiv 1911.04252.)
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, list_stems
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, write_mask
from mmseg_ext.errors import InputError, raise_all
from mmseg_ext.files import make_folder, staged_folder, write_json
from mmseg_ext.inference.predictor import Predictor
from mmseg_ext.progress import track

SPLIT, LABELS = 'train', 'labels'


@dataclass(frozen=True)
class PseudoLabelSettings:
    """Thresholds above which a pixel and an image are certain enough; written to ``pseudo_labels.json``.

    Attributes:
        sides: Shorter sides of the views in pixels; empty for those of the predictor.
        low: Probability of "any object", 0–1, up to which a pixel is background.
        high: Probability of "any object", 0–1, from which a pixel is an object; between the two it is ignored.
        least_object: Share of an image, 0–1, that its object must cover.
        most_ignored: Largest share of an image, 0–1, that may be ignored.
    """

    sides: tuple[int, ...] = ()
    low: float = 0.3
    high: float = 0.6
    least_object: float = 0.03
    most_ignored: float = 0.25


def constrained_mask(
    probabilities: NDArray[np.floating], present: Sequence[int], low: float, high: float, ignore_index: int = 255
) -> Mask:
    """Make a mask whose outline is the model's and whose classes are those known to be present.

    Args:
        probabilities: Shape (K, H, W), 0–1; class 0 is the background.
        present: Classes of the objects that the image is known to show; a pixel gets the most probable of them.
        low: Probability of any object up to which a pixel is background.
        high: Probability of any object from which a pixel is an object.
        ignore_index: Value of the pixels between the two.

    Returns:
        Shape (H, W), uint8.

    Raises:
        ValueError: ``present`` is empty or holds the background, or ``low`` and ``high`` are out of order.

    >>> probabilities = np.array([[[0.9, 0.5, 0.1]], [[0.1, 0.3, 0.2]], [[0.0, 0.2, 0.7]]])
    >>> constrained_mask(probabilities, present=[1], low=0.3, high=0.6)
    array([[  0, 255,   1]], dtype=uint8)
    """
    if not present or 0 in present:
        raise ValueError(f'present must name classes of objects, got {present}')
    if not 0 <= low <= high <= 1:
        raise ValueError(f'needs 0 <= low <= high <= 1, got {low} and {high}')
    objects = 1 - probabilities[0]
    most_probable = np.asarray(present, np.uint8)[np.argmax(probabilities[list(present)], axis=0)]
    return np.where(objects >= high, most_probable, np.where(objects <= low, np.uint8(0), np.uint8(ignore_index)))


def write_pseudo_labels(
    predictor: Predictor, images: str | Path, out: str | Path, settings: PseudoLabelSettings | None = None
) -> dict[str, Any]:
    """Make a data set of images in folders named by class.

    Args:
        predictor: The teacher, with the views in which it sees an image.
        images: Folder with one folder of images for each class, such as ``cat/`` and ``dog/``.
        out: Root of the new data set: ``img/train``, ``labels/train``, ``dataset.yaml``, ``pseudo_labels.json``.
        settings: Thresholds.

    Returns:
        The content of ``pseudo_labels.json``: numbers of all images, of those kept, and of those whose class the
        teacher alone would have named; names of those left out as uncertain, and errors of those that failed.

    Raises:
        InputError: A folder is missing, empty or named after no class, no image is kept, or ``out`` exists.
    """
    settings = settings or PseudoLabelSettings()
    if predictor.classes.background is None:
        raise InputError('model', 'has no background class, so the class of an image says nothing about its pixels')
    out = Path(out)
    if out.exists():
        raise InputError(out, 'already exists', 'choose another `out`')
    known = list(_known_images(Path(images), predictor.classes))
    with staged_folder(out) as folder:
        report = _label_all(predictor, known, folder, settings)
        if not report['kept']:
            problem = f'in none of the {len(known)} images is the model certain enough of an object'
            raise InputError(images, problem, 'bring `low` and `high` closer together', exit_code=1)
        predictor.classes.write(folder)
        write_json(folder / 'pseudo_labels.json', report)
    return report


def _known_images(root: Path, classes: Classes) -> Iterator[tuple[int, Path]]:
    """Yield class and path of every image."""
    found = sorted(root.iterdir()) if root.is_dir() else []
    folders = [path for path in found if path.is_dir() and not path.name.startswith('.')]
    if not folders:
        raise InputError(root, 'holds no folder', 'it must hold one folder of images per class')
    owner: dict[str, Path] = {}
    for folder in folders:
        if folder.name not in classes.names[1:]:
            raise InputError(folder, f'is not named after a class of the model ({", ".join(classes.names[1:])})')
        for stem, path in list_stems(folder, IMAGE_SUFFIXES).items():
            if stem in owner:
                raise InputError(path, f'has the same stem as {owner[stem]}', 'rename one of the two')
            owner[stem] = path
            yield classes.names.index(folder.name), path
    if not owner:
        raise InputError(root, f'its folders hold no {"/".join(IMAGE_SUFFIXES)} file')


def _label_all(
    predictor: Predictor, images: Sequence[tuple[int, Path]], out: Path, settings: PseudoLabelSettings
) -> dict[str, Any]:
    image_folder, mask_folder = make_folder(out / 'img' / SPLIT), make_folder(out / LABELS / SPLIT)
    right, left_out = 0, []
    failed: list[InputError] = []
    predictor = predictor.with_sides(settings.sides)
    for known, path in track(images, 'labelling', len(images)):
        try:
            probabilities = predictor.predict(read_image(path)).probabilities
        except InputError as error:
            failed.append(error)
            continue
        mask = constrained_mask(probabilities, [known], settings.low, settings.high, predictor.classes.ignore_index)
        right += 1 + int(np.argmax(probabilities[1:].sum(axis=(1, 2)))) == known
        ignored = float(np.mean(mask == predictor.classes.ignore_index))
        if np.mean(mask == known) < settings.least_object or ignored > settings.most_ignored:
            left_out.append(path.name)
            continue
        shutil.copyfile(path, image_folder / path.name)
        write_mask(mask_folder / f'{path.stem}.png', mask, predictor.classes.palette)
    if len(failed) == len(images):
        raise_all(failed)
    return {
        'settings': asdict(settings),
        'images': len(images),
        'kept': len(images) - len(left_out) - len(failed),
        'class_agrees_with_model': right,
        'left_out': left_out,
        'failed': [str(error) for error in failed],
    }
