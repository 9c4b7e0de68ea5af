"""What each class weighs in a loss.

``class_weight`` of a config is one of:

- ``[0.055, 1.0, 1.19]``: one weight for each class;
- ``'weights.json'``: a file of ``tools/class_weights.py --out`` (``{"classes": [...], "weights": [...]}`` in JSON, or a
  ``.npy`` array, which mmsegmentation's own losses read too), or a JSON list. Pickles are refused: they can run code;
- ``dict(type='mmseg_ext.MedianFrequency', data_root='data/pets', labels='labels', split='train')``, or ``Balanced`` or
  ``ENet`` in its place: computed from masks when the loss is built.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmseg_ext.errors import InputError
from mmseg_ext.models.losses.class_weight_methods import WeightsOfMasks
from mmseg_ext.registry import MODELS

ClassWeight = Sequence[float] | str | Path | Mapping[str, Any] | None


class ClassWeights(nn.Module):
    """The weights of the classes, for the scores of a loss.

    Masks that are not there, as where a trained model only predicts, are an error when the loss is first used and not
    when it is built.

    Args:
        class_weight: One of the forms above, or None for equal weights.

    Attributes:
        values: Weights of shape (C,), float64, or None for equal weights. Not part of a checkpoint: a setting of the
            config must not make checkpoints depend on the loss.
        record: Where the weights come from and what they are, for weights that do not stand in the config themselves:
            ``source``, ``classes`` (None where the file names none), ``weights``. Otherwise None.

    Raises:
        InputError: The file cannot be read, is not of that form or holds an impossible weight, or the masks cannot be
            used.
        ValueError: A weight of the list is negative or not finite, all of them are zero, or the ``dict`` names
            something else.
    """

    values: Tensor | None

    def __init__(self, class_weight: ClassWeight) -> None:
        super().__init__()
        self.record: dict[str, Any] | None = None
        self._missing: str | None = None
        weights: Sequence[float] | None
        if isinstance(class_weight, Mapping):
            weights = self._compute(class_weight)
        elif isinstance(class_weight, str | Path):
            classes, weights = read_weights(class_weight)
            self.record = {'source': str(class_weight), 'classes': classes, 'weights': weights}
        else:
            weights = None if class_weight is None else checked_weights(class_weight)
        values = None if weights is None else torch.tensor(weights, dtype=torch.float64)
        self.register_buffer('values', values, persistent=False)

    def _compute(self, class_weight: Mapping[str, Any]) -> list[float] | None:
        method = MODELS.build(dict(class_weight))
        if not isinstance(method, WeightsOfMasks):
            raise ValueError(f'class_weight of type {class_weight.get("type")!r} does not compute class weights')
        if not method.folder.is_dir():
            self._missing = f'{method.folder}: masks not found, from which the class weights are to be computed'
            return None
        computed = method.compute()
        self.record = {'source': dict(class_weight), **computed}
        pairs = zip(computed['classes'], computed['weights'], strict=True)
        shown = ', '.join(f'{name} {weight:.4g}' for name, weight in pairs)
        print_log(f'Class weights ({class_weight["type"]} of {method.folder}): {shown}', logger='current')
        return checked_weights(computed['weights'])

    def forward(self, scores: Tensor) -> Tensor:
        """One weight for each channel.

        Args:
            scores: Shape (N, C, H, W).

        Returns:
            Shape (C,), of the type and device of ``scores``.

        Raises:
            InputError: There are no masks to compute the weights from.
            ValueError: There are more or fewer weights than channels.
        """
        if self._missing is not None:
            raise InputError(f'{self._missing}; correct data_root, labels and split of class_weight')
        if self.values is None:
            return scores.new_ones(scores.shape[1])
        if len(self.values) != scores.shape[1]:
            raise ValueError(f'class_weight holds {len(self.values)} weights for {scores.shape[1]} classes')
        return self.values.to(scores)


def read_weights(path: str | Path) -> tuple[list[str] | None, list[float]]:
    """Read class weights from a file.

    Args:
        path: JSON, ``{"classes": [...], "weights": [...]}`` or a list of weights; or a NumPy array (``.npy``).

    Returns:
        The class names, if the file holds them, and the weights in class order.

    Raises:
        InputError: The file cannot be read, is of another form, or holds an impossible weight.
    """
    path = Path(path)
    if path.suffix not in ('.json', '.npy'):
        raise InputError(f'{path}: class weights are read from .json and .npy; write it with tools/class_weights.py')
    try:
        if path.suffix == '.npy':
            content = np.load(path, allow_pickle=False).tolist()
        else:
            content = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f'{path}: cannot read class weights ({error})') from error
    try:
        named = isinstance(content, dict)
        classes = [str(name) for name in content['classes']] if named else None
        weights = checked_weights(content['weights'] if named else content)
    except (KeyError, TypeError, ValueError) as error:
        detail = f'no key {error}' if isinstance(error, KeyError) else error
        raise InputError(
            f'{path}: expected {{"classes": [...], "weights": [...]}} or a list of weights: {detail}'
        ) from error
    if classes is not None and len(classes) != len(weights):
        raise InputError(f'{path}: {len(classes)} classes but {len(weights)} weights; write one weight for each class')
    return classes, weights


def checked_weights(values: Sequence[float]) -> list[float]:
    """The weights as numbers.

    Raises:
        ValueError: A weight is negative or not finite, or none is above 0.
    """
    weights = [float(value) for value in values]
    impossible = [weight for weight in weights if not (math.isfinite(weight) and weight >= 0)]
    if impossible:
        raise ValueError(f'class weight {impossible[0]} is not a finite number >= 0')
    if not any(weights):
        raise ValueError(f'class weights {weights} must hold at least one positive number')
    return weights
