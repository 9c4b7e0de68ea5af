"""Network on torch, from a config and its checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
from mmseg_ext.inference.network import Box, ModelInfo
from mmseg_ext.models.complexity import full_size_logits
from mmseg_ext.models.normalisation import Normalisation
from mmseg_ext.runs.hyperparameters import part_name

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
    ) -> None:
        model, config, classes = build_trained(config_path, checkpoint)
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
        InputError: The test resizes images in another way than prediction does.
    """
    normalisation = Normalisation.of(config.model)
    test_cfg = config.model.get('test_cfg') or {}
    size = next(map(_box, _resizes(_pipeline(config))), None)
    # mmseg's own pipelines give factors of the image's own size, which are left out.
    views = [step for step in _resizes(config.get('tta_pipeline') or []) if step.get('scale_factor') is None]
    tile = _side(test_cfg.get('crop_size'), int(max(size)) if size else DEFAULT_TILE)
    return ModelInfo(
        classes=classes,
        mean=normalisation.mean,
        std=normalisation.std,
        channels='rgb' if normalisation.rgb else 'bgr',
        size=size,
        tta_sizes=tuple(dict.fromkeys(map(_box, views))),
        tta_flip='RandomFlip' in str(config.get('tta_pipeline') or []),
        mode='slide' if test_cfg.get('mode') == 'slide' else 'whole',
        tile=tile,
        stride=_side(test_cfg.get('stride'), max(1, tile * 2 // 3)),
        threshold=float(model.decode_head.threshold) if model.out_channels == 1 else None,
    )


def _pipeline(config: Config) -> Any:
    loader = config.get('test_dataloader') or config.get('val_dataloader') or {}
    return (loader.get('dataset') or {}).get('pipeline') or config.get('test_pipeline') or []


def _resizes(steps: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the steps of a pipeline that resize in their order, at any depth."""
    if isinstance(steps, Mapping):
        if part_name(steps).startswith('Resize'):
            yield steps
        steps = steps.get('transforms') or ()
    for step in steps:
        if isinstance(step, (Mapping, list, tuple)):
            yield from _resizes(step)


def _box(step: Mapping[str, Any]) -> Box:
    """Return the longest and the shortest side that a step fits images into."""
    scale = step.get('scale')
    if part_name(step) != 'Resize' or scale is None or not step.get('keep_ratio'):
        raise InputError(
            f'config: {part_name(step)} of the test',
            'does not fit images into a `scale:` with `keep_ratio=True`, as prediction and export need',
            'test the model with a Resize that does',
        )
    sides = (scale, scale) if isinstance(scale, (int, float)) else tuple(scale)
    return float(max(sides)), float(min(sides))


def _side(value: Any, default: int) -> int:
    """Return the shorter side of a size given as a number or a pair."""
    if value is None:
        return default
    return int(value) if isinstance(value, (int, float)) else int(min(value))
