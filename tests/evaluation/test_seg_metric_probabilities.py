"""What `SegMetric` keeps of the probabilities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip('torch')
pytest.importorskip('mmseg')

from mmseg_ext.evaluation.probability_maps import load_probabilities  # noqa: E402
from mmseg_ext.evaluation.seg_metric import SegMetric  # noqa: E402


def stored(logits: np.ndarray, folder: Path) -> np.ndarray:
    metric = SegMetric(probabilities=str(folder))
    metric.dataset_meta = {'classes': ('a', 'b', 'c'), 'palette': [[0, 0, 0]] * 3}
    prediction = torch.zeros((1, *logits.shape[1:]), dtype=torch.int64)
    data = {'data': torch.from_numpy(logits)}
    metric.process(None, [{'img_path': 'img/val/x.jpg', 'pred_sem_seg': {'data': prediction}, 'seg_logits': data}])
    return load_probabilities([folder / 'x.npz'])


def test_the_softmax_of_the_logits(tmp_path: Path) -> None:
    logits = np.random.default_rng(0).normal(0, 3, (3, 7, 9)).astype(np.float32)
    powers = np.exp(logits.astype(np.float64))
    np.testing.assert_allclose(stored(logits, tmp_path), powers / powers.sum(0), atol=1.5 / 255)


def test_one_output_is_a_chance_already(tmp_path: Path) -> None:
    chance = np.array([[[0.0, 0.2, 1.0]]], np.float32)
    np.testing.assert_allclose(stored(chance, tmp_path), [[[1, 0.8, 0]], [[0, 0.2, 1]]], atol=1e-6)
