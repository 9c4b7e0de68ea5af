"""Masks by a trained model for photographs of which only the class is known.

The model draws the outline, the name of the folder says what it is. So the mask holds evidence that the model itself
lacks: which of two similar classes a region belongs to. (Self-training: Lee 2013; Xie et al. 2020, arXiv 1911.04252.)
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
from mmseg_ext.errors import InputError
from mmseg_ext.files import make_folder, staged_folder, write_json
from mmseg_ext.inference.array_predictor import Predictor
from mmseg_ext.progress import track

SPLIT, LABELS = 'train', 'labels'


@dataclass(frozen=True)
class PseudoLabelSettings:
    """When a pixel and when a photograph is certain enough.

    Attributes:
        sides: Sizes of the views, as in `Predictor.probabilities`.
        low: Chance of "any object" up to which a pixel is background.
        high: Chance of "any object" from which a pixel is an object; between the two it is ignored.
        least_object: Share of a photograph that its object must cover.
        most_ignored: Share of a photograph that may be ignored.
    """

    sides: tuple[int, ...] = (224, 320)
    low: float = 0.3
    high: float = 0.6
    least_object: float = 0.03
    most_ignored: float = 0.25


def constrained_mask(
    probabilities: NDArray[np.floating], present: Sequence[int], low: float, high: float, ignore_index: int = 255
) -> Mask:
    """A mask of which only the outline is the model's.

    Args:
        probabilities: Shape (K, H, W); class 0 is the background.
        present: The objects' classes that the photograph is known to show; a pixel goes to the likeliest of them.
        low: Up to this chance of any object a pixel is background.
        high: From this chance a pixel is an object.
        ignore_index: Value of the pixels between the two.

    Returns:
        Shape (H, W), uint8.
    """
    if not present or 0 in present:
        raise ValueError(f'present must name classes of objects, got {present}')
    if not 0 <= low <= high <= 1:
        raise ValueError(f'needs 0 <= low <= high <= 1, got {low} and {high}')
    objects = 1 - probabilities[0]
    likeliest = np.asarray(present, np.uint8)[np.argmax(probabilities[list(present)], axis=0)]
    return np.where(objects >= high, likeliest, np.where(objects <= low, np.uint8(0), np.uint8(ignore_index)))


def write_pseudo_labels(
    predictor: Predictor, images: str | Path, out: str | Path, settings: PseudoLabelSettings | None = None
) -> dict[str, Any]:
    """Make a data set of photographs that lie in folders named by class.

    Args:
        predictor: The teacher.
        images: Folder with one folder of photographs for each class, such as ``cat/`` and ``dog/``.
        out: The new data set's root: ``img/train``, ``labels/train``, ``dataset.yaml``, ``pseudo_labels.json``.
        settings: Thresholds.

    Returns:
        The content of ``pseudo_labels.json``: photographs, kept ones, and in how many the teacher alone would have
        named the right class.

    Raises:
        InputError: A folder is missing, empty or named after no class, or ``out`` exists.
    """
    settings = settings or PseudoLabelSettings()
    out = Path(out)
    if out.exists():
        raise InputError(f'{out}: exists already; choose another --out')
    photographs = list(_photographs(Path(images), predictor.classes))
    with staged_folder(out) as folder:
        report = _label_all(predictor, photographs, folder, settings)
        predictor.classes.write(folder)
        write_json(folder / 'pseudo_labels.json', report)
    return report


def _photographs(root: Path, classes: Classes) -> Iterator[tuple[int, Path]]:
    """Class and path of every photograph."""
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    if not folders:
        raise InputError(f'{root}: should hold one folder of photographs for each class, holds none')
    owner: dict[str, Path] = {}
    for folder in folders:
        if folder.name not in classes.names[1:]:
            raise InputError(f'{folder}: is named after no class of the model ({", ".join(classes.names[1:])})')
        for stem, path in list_stems(folder, IMAGE_SUFFIXES).items():
            if stem in owner:
                raise InputError(f'{path}: shares its stem with {owner[stem]}; rename one of the two')
            owner[stem] = path
            yield classes.names.index(folder.name), path
    if not owner:
        raise InputError(f'{root}: its folders hold no {"/".join(IMAGE_SUFFIXES)} file')


def _label_all(
    predictor: Predictor, photographs: Sequence[tuple[int, Path]], out: Path, settings: PseudoLabelSettings
) -> dict[str, Any]:
    image_folder, mask_folder = make_folder(out / 'img' / SPLIT), make_folder(out / LABELS / SPLIT)
    right, left_out = 0, []
    for known, path in track(photographs, 'labelling', len(photographs)):
        chances = predictor.probabilities(read_image(path), settings.sides)
        mask = constrained_mask(chances, [known], settings.low, settings.high, predictor.classes.ignore_index)
        right += 1 + int(np.argmax(chances[1:].sum(axis=(1, 2)))) == known
        ignored = float(np.mean(mask == predictor.classes.ignore_index))
        if np.mean(mask == known) < settings.least_object or ignored > settings.most_ignored:
            left_out.append(path.name)
            continue
        shutil.copyfile(path, image_folder / path.name)
        write_mask(mask_folder / f'{path.stem}.png', mask, predictor.classes.palette)
    return {
        'settings': asdict(settings),
        'photographs': len(photographs),
        'kept': len(photographs) - len(left_out),
        'class_named_by_the_teacher': right,
        'left_out': left_out,
    }
