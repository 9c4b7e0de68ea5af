"""Work dirs as a training leaves them, written without a training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mmseg_ext.data.masks import write_mask
from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.records import ImageRecord, write_records
from mmseg_ext.evaluation.scores import scores_from_confusion

CLASSES = ('background', 'cat', 'dog')
PALETTE = ((0, 0, 0), (200, 60, 60), (60, 90, 220))
SIDE = 32


class MakeRun(Protocol):
    """Writes a finished run of 100 steps whose predictions differ from the ground truth on a share of the pixels."""

    def __call__(
        self,
        folder: Path,
        *,
        wrong: float = 0.1,
        seed: int = 0,
        experiment: str = 'unet',
        settings: dict[str, Any] | None = None,
        tested: bool = False,
        **record: Any,
    ) -> Path: ...


class Data:
    """Images and masks on disk: noise with a square that is a cat or a dog."""

    def __init__(self, root: Path, images: int = 8) -> None:
        self.root = root
        self.images, self.labels, self.truths = [], [], []
        for folder in ('img/val', 'labels/val'):
            (root / folder).mkdir(parents=True)
        (root / 'dataset.yaml').write_text(
            f'classes: {json.dumps(CLASSES)}\npalette: {json.dumps(PALETTE)}\nignore_index: 255\n'
        )
        rng = np.random.default_rng(0)
        for number in range(images):
            truth = np.zeros((SIDE, SIDE), np.uint8)
            top, left = rng.integers(2, 12, 2)
            truth[top : top + 16, left : left + 16] = 1 + number % 2
            image = rng.integers(0, 80, (SIDE, SIDE, 3), np.uint8) + 60 * truth[..., None]
            stem = f'image_{number}'
            self.images.append(root / 'img/val' / f'{stem}.png')
            self.labels.append(root / 'labels/val' / f'{stem}.png')
            self.truths.append(truth)
            cv2.imwrite(str(self.images[-1]), image)
            write_mask(self.labels[-1], truth, PALETTE)

    def predict(self, wrong: float, seed: int) -> list[NDArray[np.uint8]]:
        rng = np.random.default_rng(seed)
        predictions = []
        for number, truth in enumerate(self.truths):
            share = wrong * (1 + number % 3)
            predictions.append(np.where(rng.random(truth.shape) < share, (truth + 1) % 3, truth).astype(np.uint8))
        return predictions

    def records(self, predictions: list[NDArray[np.uint8]]) -> list[ImageRecord]:
        return [
            ImageRecord(
                image.stem, 'val', str(image), str(label), SIDE, SIDE, confusion_matrix(prediction, truth, len(CLASSES))
            )
            for image, label, truth, prediction in zip(self.images, self.labels, self.truths, predictions, strict=True)
        ]


@pytest.fixture(scope='session')
def pets(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return Data(tmp_path_factory.mktemp('pets') / 'pets')


@pytest.fixture(scope='session')
def make_run(pets: Data) -> MakeRun:
    return run_maker(pets)


def run_maker(pets: Data) -> MakeRun:
    def make(
        folder: Path,
        *,
        wrong: float = 0.1,
        seed: int = 0,
        experiment: str = 'unet',
        settings: dict[str, Any] | None = None,
        tested: bool = False,
        **record: Any,
    ) -> Path:
        predictions = pets.predict(wrong, seed)
        records = pets.records(predictions)
        scores = scores_from_confusion(np.sum([image.counts for image in records], axis=0))
        mean = 100 * float(scores['mDice'])
        write_records(folder / 'records' / 'val_best.parquet', records, CLASSES)
        dice = {f'val/Dice/{name}': 100 * float(v) for name, v in zip(CLASSES, scores['Dice'], strict=True)}
        rows: list[dict[str, Any]] = []
        for iteration in range(10, 101, 10):
            rows.append({'iter': iteration, 'epoch': 1, 'train/loss': 1 / iteration + wrong, 'train/time': 0.5})
            if iteration % 50 == 0:
                value = mean - (100 - iteration) / 10
                rows.append({'iter': iteration, 'epoch': 1, **dice, 'val/mDice': value})
        (folder / 'scalars.json').write_text(''.join(json.dumps(row) + '\n' for row in rows))
        content = {
            'status': 'finished', 'reason': '', 'config': f'{experiment}.py', 'seed': seed,
            'hyperparameters': {'model': 'EncoderDecoder', 'lr': 0.01, 'seed': seed, **(settings or {})},
            'parameters': 2_500_000, 'gflops': 1.25, 'input_size': [32, 32], 'minutes': 3.0, 'images_per_second': 16.0,
            'batch_size': 8, 'device': 'cpu', 'processor': 'Some CPU', 'commit': '0123456789abcdef',
            'iterations': {'done': 100, 'planned': 100}, 'best': {'metric': 'mDice', 'value': mean, 'iter': 100},
        }  # fmt: skip
        (folder / 'run.json').write_text(json.dumps(content | record))
        if tested:
            _write_result(folder / 'val', records, predictions, experiment)
        return folder

    return make


def _write_result(
    folder: Path, records: list[ImageRecord], predictions: list[NDArray[np.uint8]], experiment: str
) -> None:
    from mmseg_ext.evaluation.records import read_records
    from mmseg_ext.evaluation.summary import summarize

    write_records(folder / 'records.parquet', records, CLASSES)
    for image, prediction in zip(records, predictions, strict=True):
        write_mask(folder / 'masks' / f'{image.stem}.png', prediction, PALETTE)
    content = {
        'config': f'configs/{experiment}.py', 'checkpoint': 'best.pth', 'split': 'val', 'labels': None, 'tta': False,
        'images': len(records), 'scores': summarize(read_records(folder / 'records.parquet')),
        'environment': {'commit': 'fedcba9876543210', 'processor': 'Some CPU'},
    }  # fmt: skip
    (folder / 'metrics.json').write_text(json.dumps(content))
