"""Small results of ``mmseg-ext test``, made without a model."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.probability_maps import save_probabilities
from mmseg_ext.evaluation.records import ImageRecord, write_records

Masks = dict[str, tuple[np.ndarray, np.ndarray]]  # stem → truth, prediction


def blobs(rng: np.random.Generator, shape: tuple[int, int], classes: int, sigma: float = 3.0) -> np.ndarray:
    """A mask of smooth regions; class 0 covers about half."""
    fields = np.stack([cv2.GaussianBlur(rng.normal(size=shape), (0, 0), sigma) for _ in range(classes)])
    fields[0] += np.std(fields) / 2
    return fields.argmax(0).astype(np.uint8)


def disturbed(rng: np.random.Generator, truth: np.ndarray, classes: int) -> np.ndarray:
    """A prediction that is right in most places."""
    other = blobs(rng, truth.shape, classes)
    noise = cv2.GaussianBlur(rng.normal(size=truth.shape), (0, 0), 3)
    shifted = np.roll(truth, 1, axis=1)
    return np.where(noise > np.quantile(noise, 0.75), other, shifted)


def random_masks(images: int, classes: int, size: int = 48, seed: int = 0) -> Masks:
    rng = np.random.default_rng(seed)
    masks = {}
    for number in range(images):
        truth = blobs(rng, (size, size), classes)
        masks[f'i{number:02}'] = truth, disturbed(rng, truth, classes)
    return masks


def write_result(
    root: Path,
    masks: Masks,
    classes: int = 3,
    *,
    probabilities: bool = True,
    ignore_index: int = 255,
    labels: str = 'labels',
) -> Path:
    """Write ``root/data`` and ``root/result``; returns the result folder."""
    names = ['background', *(f'thing {number}' for number in range(1, classes))]
    data, out = root / 'data', root / 'result'
    for folder in (data / 'img/val', data / labels / 'val', out / 'masks', out / 'probabilities'):
        folder.mkdir(parents=True)
    palette = [[13 * n % 256, 80 * n % 256, 200 * n % 256] for n in range(classes)]
    content = {'classes': names, 'palette': palette, 'ignore_index': ignore_index}
    (data / 'dataset.yaml').write_text(json.dumps(content))
    rng, rows = np.random.default_rng(1), []
    for stem, (truth, prediction) in masks.items():
        image, label = data / f'img/val/{stem}.png', data / labels / f'val/{stem}.png'
        Image.fromarray(rng.integers(0, 256, (*truth.shape, 3), dtype=np.uint8)).save(image)
        Image.fromarray(truth).save(label)
        Image.fromarray(prediction).save(out / f'masks/{stem}.png')
        if probabilities:
            save_probabilities(out / f'probabilities/{stem}.npz', one_hot(prediction, classes, 0.9))
        counts = confusion_matrix(prediction, truth, classes, ignore_index)
        rows.append(ImageRecord(stem, 'val', str(image), str(label), *truth.shape, counts))
    write_records(out / 'records.parquet', rows, names)
    metrics = {'config': 'c.py', 'split': 'val', 'labels': labels, 'tta': False, 'images': len(masks), 'scores': {}}
    (out / 'metrics.json').write_text(json.dumps(metrics))
    return out


def one_hot(mask: np.ndarray, classes: int, probability: float) -> np.ndarray:
    """Probabilities with one value for the mask's class and an equal one for each of the others."""
    other = (1 - probability) / max(1, classes - 1)
    return np.where(np.arange(classes)[:, None, None] == mask, probability, other).astype(np.float32)
