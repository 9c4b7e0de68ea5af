"""Network on torch, from a config and its checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.engine.allocator import keep_freed_memory
from mmseg_ext.engine.checkpoints.trained import build_trained
from mmseg_ext.engine.runner.autocast import autocast_dtype, autocast_for
from mmseg_ext.errors import InputError
from mmseg_ext.inference.network import ModelInfo
from mmseg_ext.inference.pipelines import size_of_test, views_of_tta
from mmseg_ext.models.complexity import full_size_logits
from mmseg_ext.models.normalisation import Normalisation

DEFAULT_TILE = 512  # pixels
_GPU = re.compile(r'cuda(?::(0|[1-9][0-9]{0,3}))?')


class TorchNetwork:
    """A `Network` on torch.

    On the CPU the process keeps from then on the memory that it frees (`mmseg_ext.engine.allocator`).

    Args:
        config_path: The experiment that the checkpoint was trained with.
        checkpoint: Its weights, or the work dir whose best checkpoint is meant.
        dtype: ``'bfloat16'``, ``'float16'`` (GPU only) or None for float32.
        device: ``cpu``, ``cuda`` or one GPU of several, ``cuda:1``; a GPU where there is one by default.
        options: Overrides of the config with which it was trained, dotted key → value.

    Attributes:
        info: Classes of the checkpoint, normalisation and sizes of the config.
        model: mmseg's model, in evaluation mode.
        device: As the argument.

    Raises:
        InputError: The config, the checkpoint or the device cannot be used.
    """

    def __init__(
        self,
        config_path: str | Path,
        checkpoint: str | Path,
        dtype: str | None = None,
        device: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        model, config, classes = build_trained(config_path, checkpoint, options)
        self.info = describe_model(config, classes, model)
        self.device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        _check_device(self.device)
        if self.device == 'cpu':
            keep_freed_memory()
        self.model = model.to(self.device).to(memory_format=torch.channels_last)
        self._dtype = None if dtype is None else autocast_dtype(dtype)

    @torch.inference_mode()
    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map normalised images (N, 3, H, W) to logits (N, K, H, W)."""
        tensor = torch.from_numpy(inputs).to(self.device, memory_format=torch.channels_last)
        with autocast_for(self.model, self._dtype):
            result = full_size_logits(self.model, tensor)
        logits: NDArray[np.float32] = result.float().cpu().numpy()
        return logits


def _check_device(device: str) -> None:
    gpu = _GPU.fullmatch(device)
    if device != 'cpu' and gpu is None:
        raise InputError(f'`device={device}`', 'is not a device', 'use cpu or cuda')
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if gpu is not None and int(gpu[1] or 0) >= count:
        problem = f'torch finds GPUs 0 to {count - 1} here' if count else 'torch finds no GPU here'
        raise InputError(f'`device={device}`', problem, 'use `device=cpu`')


def describe_model(config: Config, classes: Classes, model: Any) -> ModelInfo:
    """Collect the `ModelInfo` of a model from its config and the model itself.

    Raises:
        InputError: The test prepares images in another way than prediction does.
    """
    normalisation = Normalisation.of(config.model)
    test_cfg = config.model.get('test_cfg') or {}
    size = size_of_test(config)
    tta_sizes, tta_flip = views_of_tta(config, size)
    tile = _side(test_cfg.get('crop_size'), int(max(size)) if size else DEFAULT_TILE)
    return ModelInfo(
        classes=classes,
        mean=normalisation.mean,
        std=normalisation.std,
        channels='rgb' if normalisation.rgb else 'bgr',
        size=size,
        tta_sizes=tta_sizes,
        tta_flip=tta_flip,
        mode='slide' if test_cfg.get('mode') == 'slide' else 'whole',
        tile=tile,
        stride=_side(test_cfg.get('stride'), max(1, tile * 2 // 3)),
        threshold=float(model.decode_head.threshold) if model.out_channels == 1 else None,
    )


def _side(value: Any, default: int) -> int:
    """Return the shorter side of a size given as a number or a pair."""
    if value is None:
        return default
    return int(value) if isinstance(value, (int, float)) else int(min(value))
