"""What a network is shown in training, to be looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from numpy.typing import NDArray
from torch import Tensor

from mmseg_ext.datasets.seeding import seeded
from mmseg_ext.models.batch_mix.mix import Mix


def preview_batch(config: Config, n: int, seed: int = 0) -> list[tuple[NDArray[np.uint8], NDArray[Any]]]:
    """Training samples as the network gets them: augmented, padded and mixed.

    Args:
        config: An experiment.
        n: How many; they are drawn from the data set without repetition, as far as it goes.
        seed: The same seed gives the same samples. The global generators stay as they are.

    Returns:
        Pairs of an image, BGR, uint8, (H, W, 3), and its target: class ids (H, W), uint8, with 255 for ignored pixels;
        or, where the batch is soft, shares of classes (C, H, W), float32, -1 in all channels of ignored pixels.

    Raises:
        InputError: The data cannot be used.
    """
    init_default_scope(config.get('default_scope', 'mmseg'))
    dataset = DATASETS.build(config.train_dataloader.dataset)
    preprocessor = MODELS.build(config.model.data_preprocessor)
    mix = getattr(preprocessor, 'batch_augments', None)
    if isinstance(mix, Mix):
        mix.num_classes = max(len(dataset.metainfo['classes']), 2)
        numbers = np.random.default_rng(seed)
        mix.numbers = lambda: numbers
    order = np.resize(np.random.default_rng(seed).permutation(len(dataset)), n)
    size = max(2, config.train_dataloader.get('batch_size', 2))  # one image alone is mixed with none
    shown: list[tuple[NDArray[np.uint8], NDArray[Any]]] = []
    with seeded(seed, (0,)):
        for start in range(0, n, size):
            chosen = np.resize(order[start : start + size], max(2, min(size, n - start)))
            batch = preprocessor(pseudo_collate([dataset[int(index)] for index in chosen]), training=True)
            shown += [
                (_photograph(image, preprocessor), _target(sample.gt_sem_seg.data))
                for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True)
            ]
    return shown[:n]


def _photograph(image: Tensor, preprocessor: Any) -> NDArray[np.uint8]:
    if getattr(preprocessor, '_enable_normalize', False):
        image = image * preprocessor.std + preprocessor.mean
    if getattr(preprocessor, '_channel_conversion', False):
        image = image.flip(0)
    rounded = image.round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(rounded.permute(1, 2, 0).cpu().numpy())


def _target(data: Tensor) -> NDArray[Any]:
    return data.cpu().numpy() if data.is_floating_point() else data[0].cpu().numpy().astype(np.uint8)
