"""Result folder of ``mmseg-ext test``, read together with the data set that it was scored on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.data.dataset import IMAGE_SUFFIXES, list_stems
from mmseg_ext.data.images import read_image
from mmseg_ext.data.masks import Mask, read_mask
from mmseg_ext.errors import InputError
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.probability_maps import load_probabilities
from mmseg_ext.evaluation.records import Records, read_records
from mmseg_ext.reading import load_json, names_file, names_folder

WRITE_AGAIN = 'write the result again with mmseg-ext test'
NAME_DATA = 'give the data set with `data`'


@dataclass(frozen=True)
class Case:
    """Image of a result with its masks.

    Attributes:
        stem: File name without suffix.
        image: RGB, shape (H, W, 3), uint8.
        luma: Brightness, shape (H, W), uint8.
        truth: Ground truth: class indices or the ignored value, shape (H, W), uint8.
        prediction: Predicted class indices, shape (H, W), uint8.
        probabilities: Shape (K, H, W), 0–1; None if the result has none.
    """

    stem: str
    image: NDArray[np.uint8]
    luma: NDArray[np.uint8]
    truth: Mask
    prediction: Mask
    probabilities: NDArray[np.float32] | None


@dataclass(frozen=True)
class ResultDir:
    """Result and the paths of its data; iterating reads one image after another.

    Attributes:
        folder: The result folder.
        metrics: Content of ``metrics.json``.
        records: Records of all scored images.
        classes: Names, colours and ignored value.
        images: Path of each image.
        labels: Path of each mask.
        has_probabilities: Whether the result holds probabilities.
    """

    folder: Path
    metrics: dict[str, Any]
    records: Records
    classes: Classes
    images: list[Path]
    labels: list[Path]
    has_probabilities: bool

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Case]:
        return (self.read(index) for index in range(len(self)))

    def read(self, index: int) -> Case:
        """Read one image and its masks.

        Raises:
            InputError: A file cannot be read, sizes differ, or the masks are not those that were scored.
        """
        stem, label = self.records.stems[index], self.labels[index]
        image = read_image(self.images[index])
        truth = read_mask(label)
        path = self.folder / 'masks' / f'{stem}.png'
        prediction = read_mask(path)
        if not image.shape[:2] == truth.shape == prediction.shape:
            sizes = ', '.join(f'{shape[1]}×{shape[0]}' for shape in (image.shape, truth.shape, prediction.shape))
            raise InputError(path, f'image, mask and prediction differ in size ({sizes})', WRITE_AGAIN)
        K = len(self.classes.names)
        if int(prediction.max(initial=0)) >= K:
            raise InputError(path, f'holds class {prediction.max()}, known: 0 to {K - 1}', WRITE_AGAIN)
        counts = confusion_matrix(prediction, truth, K, self.classes.ignore_index, str(label))
        if not np.array_equal(counts, self.records.confusion[index]):
            raise InputError(
                label,
                f'is not the mask that {path.name} was scored against (records.parquet has other counts)',
                WRITE_AGAIN,
            )
        return Case(
            stem,
            image,
            np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8),
            truth,
            prediction,
            self._read_probabilities(stem, (K, *truth.shape)) if self.has_probabilities else None,
        )

    def _read_probabilities(self, stem: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        path = self.folder / 'probabilities' / f'{stem}.npz'
        probabilities = load_probabilities([path])
        if probabilities.shape != shape:
            raise InputError(path, f'probabilities are {probabilities.shape}, expected {shape}', WRITE_AGAIN)
        return probabilities


def open_result(folder: str | Path, data: str | Path | None = None) -> ResultDir:
    """Open a result of ``mmseg-ext test``.

    Args:
        folder: The result folder.
        data: The data set, if it has moved since the result was written.

    Raises:
        InputError: The folder is not a result, has no scores, or its images or masks cannot be found.
    """
    folder = Path(folder)
    metrics = _read_metrics(folder)
    records = read_records(folder / 'records.parquet')
    if not len(records):
        raise InputError(folder / 'records.parquet', 'holds no image', WRITE_AGAIN)
    if data is None:
        images, labels = [Path(path) for path in records.images], [Path(path or '') for path in records.labels]
        if None in records.labels:
            raise InputError(folder / 'records.parquet', 'lists no masks', NAME_DATA)
        root = labels[0].parents[2] if len(labels[0].parents) > 2 else Path()
    else:
        root = Path(data)
        images, labels = _find_files(root, records, metrics)
    for path in (*images, *labels):
        if not names_file(path):
            raise InputError(path, 'not found', NAME_DATA)
    classes = Classes.read(root)
    if classes.names != records.classes:
        raise InputError(
            root / 'dataset.yaml',
            f'has the classes {", ".join(classes.names)}, but the result has {", ".join(records.classes)}',
            'give the right data set with `data`',
        )
    stored = [names_file(folder / 'probabilities' / f'{stem}.npz') for stem in records.stems]
    if any(stored) and not all(stored):
        raise InputError(folder / 'probabilities', f'lacks {records.stems[stored.index(False)]}.npz', WRITE_AGAIN)
    return ResultDir(folder, metrics, records, classes, images, labels, all(stored))


def _read_metrics(folder: Path) -> dict[str, Any]:
    path = folder / 'metrics.json'
    try:
        metrics = load_json(path)
    except FileNotFoundError:
        raise InputError(
            folder, 'is not a result folder (no metrics.json)', 'give one written by mmseg-ext test'
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(path, f'cannot be read ({error})', WRITE_AGAIN) from error
    if not isinstance(metrics, dict):
        raise InputError(path, f'must hold an object, found {type(metrics).__name__}', WRITE_AGAIN)
    if 'scores' not in metrics:
        raise InputError(folder, 'has predictions only, since its split has no masks', 'analyse a split with masks')
    return metrics


def _find_files(root: Path, records: Records, metrics: dict[str, Any]) -> tuple[list[Path], list[Path]]:
    """Find the images and masks of the records in a data set, by split and stem."""
    if not root.is_dir():
        raise InputError(root, 'folder not found', 'give a data set with img/ and a label set: `data`')
    known = {
        split: list_stems(root / 'img' / split, IMAGE_SUFFIXES) if names_folder(root / 'img' / split) else {}
        for split in set(records.splits)
    }
    label_set = metrics.get('labels') or 'labels'
    images, labels = [], []
    for split, stem in zip(records.splits, records.stems, strict=True):
        images.append(known[split].get(stem, root / 'img' / split / f'{stem}.jpg'))
        labels.append(root / str(label_set) / split / f'{stem}.png')
    return images, labels
