"""Which images are drawn, under which names, and what is handed to the visualizer."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_ext.engine.hooks.visualization import VisualizationHook


class Visualizer:
    """Keeps what it is told to draw."""

    def __init__(self) -> None:
        self.drawn: list[tuple[str, np.ndarray, SegDataSample, dict[str, Any]]] = []

    def add_datasample(self, name: str, image: np.ndarray, sample: SegDataSample, **options: Any) -> None:
        self.drawn.append((name, image, sample, options))


@pytest.fixture
def runner(tmp_path: Path) -> Any:
    loader = SimpleNamespace(batch_size=2)
    return SimpleNamespace(val_dataloader=loader, iter=7, cfg={}, work_dir=str(tmp_path), visualizer=Visualizer())


@pytest.fixture
def samples(tmp_path: Path) -> list[SegDataSample]:
    """Of five images; the prediction is that of a model with one output in bfloat16."""
    found = []
    for number in range(5):
        path = tmp_path / f's{number}.png'
        Image.new('RGB', (2, 1), (number, 0, 0)).save(path)
        data = torch.tensor([[[0, 1]]], dtype=torch.bfloat16)
        found.append(SegDataSample(metainfo={'img_path': str(path)}, pred_sem_seg=PixelData(data=data)))
    return found


def test_every_third_validated_image_is_drawn(runner: Any, samples: list[SegDataSample], tmp_path: Path) -> None:
    for hook in (VisualizationHook(interval=3), VisualizationHook(draw=True, interval=3)):
        assert runner.visualizer.drawn == []
        for batch in range(3):
            hook.after_val_iter(runner, batch, outputs=samples[2 * batch : 2 * batch + 2])
    names, images, _, options = zip(*runner.visualizer.drawn, strict=True)
    assert names == ('val_7_s0', 'val_7_s3')
    assert [image[0, 0].tolist() for image in images] == [[0, 0, 0], [3, 0, 0]]
    assert [one['step'] for one in options] == [7, 7]
    assert [one['out_file'] for one in options] == [str(tmp_path / f'visualization/{name}.png') for name in names]


def test_every_tested_image_is_drawn_with_its_prediction_as_numbers(runner: Any, samples: list[SegDataSample]) -> None:
    hook = VisualizationHook(draw=True)
    for batch in range(2):
        hook.after_test_iter(runner, batch, outputs=samples[2 * batch : 2 * batch + 2])
    names, _, drawn, options = zip(*runner.visualizer.drawn, strict=True)
    assert names == ('s0', 's1', 's2', 's3')
    assert [one['step'] for one in options] == [0, 1, 2, 3]
    assert all(sample.pred_sem_seg.data.numpy().tolist() == [[[0, 1]]] for sample in drawn)  # NumPy has no bfloat16
    assert all(sample.pred_sem_seg.data.dtype is torch.bfloat16 for sample in samples)  # the metrics get them as well


def test_backends_take_the_pictures(runner: Any, samples: list[SegDataSample]) -> None:
    runner.cfg = {'visualizer': {'vis_backends': [{'type': 'LocalVisBackend'}]}}
    VisualizationHook(draw=True).after_test_iter(runner, 0, outputs=samples[:1])
    assert runner.visualizer.drawn[0][3]['out_file'] is None
