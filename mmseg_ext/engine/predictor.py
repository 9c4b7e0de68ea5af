"""A trained model that gives the class probabilities of single photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from numpy.typing import NDArray

from mmseg_ext.eda.layout import Classes
from mmseg_ext.engine.autocast_optim_wrapper import autocast_dtype, autocast_for
from mmseg_ext.engine.evaluate_split import find_best
from mmseg_ext.engine.experiment import check_parts, load_config
from mmseg_ext.engine.guard import guarded
from mmseg_ext.engine.weights import check_weights
from mmseg_ext.errors import InputError
from mmseg_ext.safe_load import load_checkpoint_file

STRIDE = 32  # the coarsest stride of the usual backbones: sides that it divides are halved without remainder


class Predictor:
    """A model with its weights, ready to predict.

    Args:
        config_path: The experiment that the checkpoint was trained with.
        checkpoint: Its weights, or the work dir whose best checkpoint is meant.
        dtype: ``'bfloat16'``, ``'float16'`` (GPU only) or None for float32.
        device: Where it runs; a GPU where there is one.

    Attributes:
        classes: Names and palette of the data that the model was trained on.

    Raises:
        InputError: The config or the checkpoint cannot be used.
    """

    def __init__(
        self,
        config_path: str | Path,
        checkpoint: str | Path,
        dtype: str | None = 'bfloat16',
        device: str | None = None,
    ) -> None:
        config = load_config(config_path)
        check_parts(config, config_path, 'model')
        path = find_best(checkpoint)
        content = load_checkpoint_file(path)
        meta = content.get('meta', {}).get('dataset_meta')
        if meta is None or 'state_dict' not in content:
            raise InputError(f'{path}: does not name its classes; use a checkpoint that tools/train.py has written')
        self.classes = Classes.from_mapping(
            {key: [list(c) if key == 'palette' else c for c in meta[key]] for key in ('classes', 'palette')}
            | {'ignore_index': meta.get('ignore_index', 255)},
            str(path),
        )
        init_default_scope(config.get('default_scope', 'mmseg'))
        model = guarded(lambda: MODELS.build(config.model))
        check_weights(str(path), content['state_dict'], model.state_dict(), strict=True)
        model.load_state_dict(content['state_dict'], strict=False)  # a count of batches may miss, nothing else
        self.device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        self.model = model.to(self.device).eval().to(memory_format=torch.channels_last)
        self.dtype = None if dtype is None else autocast_dtype(dtype)

    @torch.inference_mode()
    def probabilities(self, image: NDArray[np.uint8], sides: Sequence[int], flip: bool = True) -> NDArray[np.float32]:
        """The mean class probabilities of several views of a photograph.

        Args:
            image: Shape (H, W, 3), BGR, 0–255.
            sides: The shorter side of the photograph in each view, in pixels (both are rounded to multiples of 32).
            flip: Whether each view is also seen in the mirror.

        Returns:
            Shape (K, H, W), 0–1; a model with one output gives two classes.
        """
        height, width = image.shape[:2]
        total = torch.zeros(())
        for side in sides:
            logits = self._logits(_resize(image, side / min(height, width)), flip)
            logits = torch.nn.functional.interpolate(logits, size=(height, width), mode='bilinear')
            if logits.shape[1] == 1:
                chances = logits.sigmoid()
                chances = torch.cat([1 - chances, chances], dim=1)
            else:
                chances = logits.softmax(dim=1)
            if flip:
                chances = torch.stack([chances[0], chances[1].flip(-1)])
            total = total + chances.mean(dim=0).cpu()
        result: NDArray[np.float32] = (total / len(sides)).numpy()
        return result

    def _logits(self, image: NDArray[np.uint8], flip: bool) -> torch.Tensor:
        """Logits (1 or 2, K, H, W) of a view and, with ``flip``, of its mirror image."""
        views = [image, np.ascontiguousarray(image[:, ::-1])] if flip else [image]
        tensors = [torch.from_numpy(view).permute(2, 0, 1) for view in views]
        inputs = self.model.data_preprocessor({'inputs': tensors}, training=False)['inputs']
        meta = dict(ori_shape=image.shape[:2], img_shape=image.shape[:2], pad_shape=inputs.shape[2:])
        with autocast_for(self.model, self.dtype):
            logits: torch.Tensor = self.model.inference(inputs, [meta] * len(views))
        return logits.float()


def _resize(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    height, width = (max(STRIDE, round(side * factor / STRIDE) * STRIDE) for side in image.shape[:2])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)
