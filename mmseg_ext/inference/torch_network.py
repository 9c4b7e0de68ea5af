"""Network on torch, from a config and its checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from numpy.typing import NDArray

from mmseg_ext.data.classes import Classes
from mmseg_ext.engine.checkpoints.trained import build_trained
from mmseg_ext.engine.runner.autocast import autocast_dtype, autocast_for
from mmseg_ext.errors import InputError
from mmseg_ext.inference.network import Box, ModelInfo
from mmseg_ext.models.complexity import full_size_logits

DEFAULT_TILE = 512  # pixels


class TorchNetwork:
    """A `Network` on torch.

    Args:
        config_path: The experiment that the checkpoint was trained with.
        checkpoint: Its weights, or the work dir whose best checkpoint is meant.
        dtype: ``'bfloat16'``, ``'float16'`` (GPU only) or None for float32.
        device: ``cpu`` or ``cuda``; a GPU where there is one by default.

    Attributes:
        info: Classes of the checkpoint, normalisation and sizes of the config.
        model: mmseg's model, in evaluation mode.
        device: ``cpu`` or ``cuda``.

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
        try:
            torch.device(self.device)
        except RuntimeError:
            raise InputError(f'`device={self.device}`', 'is no device', 'use cpu or cuda') from None
        if self.device.startswith('cuda') and not torch.cuda.is_available():
            raise InputError(f'`device={self.device}`', 'torch finds no GPU here', 'use `device=cpu`')
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


def describe_model(config: Config, classes: Classes, model: Any) -> ModelInfo:
    """Collect the `ModelInfo` of a model from its config and the model itself."""
    preprocessor = config.model.get('data_preprocessor') or {}
    test_cfg = config.model.get('test_cfg') or {}
    size = next(iter(_sizes(_pipeline(config))), None)
    tile = _side(test_cfg.get('crop_size'), int(max(size)) if size else DEFAULT_TILE)
    return ModelInfo(
        classes=classes,
        mean=tuple(map(float, preprocessor.get('mean') or (0, 0, 0))),  # type: ignore[arg-type]
        std=tuple(map(float, preprocessor.get('std') or (1, 1, 1))),  # type: ignore[arg-type]
        channels='rgb' if preprocessor.get('bgr_to_rgb') else 'bgr',
        size=size,
        tta_sizes=tuple(dict.fromkeys(_sizes(config.get('tta_pipeline') or []))),
        tta_flip='RandomFlip' in str(config.get('tta_pipeline') or []),
        mode='slide' if test_cfg.get('mode') == 'slide' else 'whole',
        tile=tile,
        stride=_side(test_cfg.get('stride'), max(1, tile * 2 // 3)),
        threshold=float(model.decode_head.threshold) if model.out_channels == 1 else None,
    )


def _pipeline(config: Config) -> Any:
    loader = config.get('test_dataloader') or config.get('val_dataloader') or {}
    return (loader.get('dataset') or {}).get('pipeline') or config.get('test_pipeline') or []


def _sizes(steps: Any) -> Iterator[Box]:
    """Yield the ``scale`` of each ``Resize`` of a pipeline in its order, at any depth."""
    if isinstance(steps, Mapping):
        scale = steps.get('scale')
        if steps.get('type') == 'Resize' and scale is not None:
            sides = (scale, scale) if isinstance(scale, (int, float)) else tuple(scale)
            yield float(max(sides)), float(min(sides))
        steps = steps.get('transforms') or ()
    for step in steps:
        if isinstance(step, (Mapping, list, tuple)):
            yield from _sizes(step)


def _side(value: Any, default: int) -> int:
    """Return the shorter side of a size given as a number or a pair."""
    if value is None:
        return default
    return int(value) if isinstance(value, (int, float)) else int(min(value))
