"""Class weights of the losses.

``class_weight`` of a config is one of:

- ``[0.055, 1.0, 1.19]``: one weight for each class;
- ``'weights.json'``: a file written by ``mmseg-ext class-weights`` (``{"classes": [...], "weights": [...]}`` in JSON,
  or a ``.npy`` array, which mmsegmentation's own losses read too), or a JSON list. Pickles are refused: they can run
  code;
- ``dict(type='mmseg_ext.MedianFrequencyWeights', data_root='data/pets', labels='labels', split='train')``, or
  ``BalancedWeights`` or ``ENetWeights``: computed from masks when the loss is built.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmseg_ext.eda.class_weights import Absent, class_weights
from mmseg_ext.errors import InputError
from mmseg_ext.reading import load_json
from mmseg_ext.registry import MODELS

ClassWeight = Sequence[float] | str | Path | Mapping[str, Any] | None


class ClassWeights(nn.Module):
    """Class weights in the form that a loss uses.

    Missing masks, as on a machine where a trained model only predicts, are an error when the loss is first used, not
    when it is built.

    Args:
        class_weight: One of the forms above, or None for equal weights.

    Attributes:
        values: Weights of shape (C,), float64, or None for equal weights. Not saved in checkpoints, so that they do not
            depend on the loss.
        record: Origin and values of weights that are not written in the config itself: ``source``, ``classes`` (None
            if the file names none), ``weights``. Otherwise None.

    Raises:
        InputError: The file cannot be read, has another form or holds an invalid weight, or the masks cannot be used.
        ValueError: A weight of the list is negative or not finite, all of them are zero, or the ``dict`` is not the
            config of a method.

    >>> ClassWeights([0.5, 1, 2])(torch.zeros(1, 3, 4, 4))
    tensor([0.5000, 1.0000, 2.0000])
    """

    values: Tensor | None

    def __init__(self, class_weight: ClassWeight) -> None:
        super().__init__()
        self.record: dict[str, Any] | None = None
        self._missing_masks: Path | None = None
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
        if not isinstance(method, MaskWeights):
            raise ValueError(f'class_weight of type {class_weight.get("type")!r} does not compute class weights')
        if not method.folder.is_dir():
            self._missing_masks = method.folder
            return None
        computed = method.compute()
        self.record = {'source': dict(class_weight), **computed}
        pairs = zip(computed['classes'], computed['weights'], strict=True)
        shown = ', '.join(f'{name} {weight:.4g}' for name, weight in pairs)
        print_log(f'Class weights ({class_weight["type"]} of {method.folder}): {shown}', logger='current')
        return checked_weights(computed['weights'])

    def forward(self, scores: Tensor) -> Tensor:
        """Return one weight for each channel.

        Args:
            scores: Shape (N, C, H, W).

        Returns:
            Shape (C,), of the type and device of ``scores``.

        Raises:
            InputError: There are no masks to compute the weights from.
            ValueError: The number of weights is not C.
        """
        if self._missing_masks is not None:
            raise InputError(
                self._missing_masks,
                'not found, but the class weights are computed from these masks',
                'correct `data_root:`, `labels:` and `split:` of `class_weight:`',
            )
        if self.values is None:
            return scores.new_ones(scores.shape[1])
        if len(self.values) != scores.shape[1]:
            raise ValueError(f'class_weight holds {len(self.values)} weights for {scores.shape[1]} classes')
        return self.values.to(scores)


class MaskWeights:
    """Base class of the methods that compute class weights from the masks of a split.

    Args:
        data_root: Data root, with ``dataset.yaml``.
        labels: Label set.
        split: Split.
        absent: What a class without a pixel gets: ``largest``, ``zero``, or ``refuse``, an error.
    """

    method: ClassVar[str]

    def __init__(self, data_root: str, labels: str = 'labels', split: str = 'train', absent: Absent = 'refuse') -> None:
        self.absent = absent
        self.root = Path(data_root).expanduser()
        self.labels = labels
        self.split = split

    @property
    def folder(self) -> Path:
        """Folder of the masks."""
        return self.root / self.labels / self.split

    def compute(self) -> dict[str, Any]:
        """Compute ``{"classes": [...], "weights": [...]}``.

        Raises:
            InputError: A mask cannot be used, or a class has no pixel and ``absent`` is ``refuse``.
        """
        return class_weights(self.root, self.labels, self.split, self.method, absent=self.absent, **self.options())

    def options(self) -> dict[str, Any]:
        """Return further arguments of the method."""
        return {}


@MODELS.register_module()
class MedianFrequencyWeights(MaskWeights):
    """Median frequency balancing; see `mmseg_ext.eda.class_weights.median_frequency`.

    Args:
        data_root: Data root, with ``dataset.yaml``.
        labels: Label set.
        split: Split.
        per_image: Whether frequencies are taken only within the images that show the class.
        absent: As for the other methods.
    """

    method = 'median-frequency'

    def __init__(
        self,
        data_root: str,
        labels: str = 'labels',
        split: str = 'train',
        per_image: bool = False,
        absent: Absent = 'refuse',
    ) -> None:
        super().__init__(data_root, labels, split, absent)
        self.per_image = per_image

    def options(self) -> dict[str, Any]:
        """Return ``per_image``."""
        return {'per_image': self.per_image}


@MODELS.register_module()
class BalancedWeights(MaskWeights):
    """Weights ``n / (K · n_c)``; see `mmseg_ext.eda.class_weights.balanced`."""

    method = 'balanced'


@MODELS.register_module()
class ENetWeights(MaskWeights):
    """Weights of ENet (Paszke et al., arXiv 1606.02147); see `mmseg_ext.eda.class_weights.enet`."""

    method = 'enet'


def read_weights(path: str | Path) -> tuple[list[str] | None, list[float]]:
    """Read class weights from a file.

    Args:
        path: JSON, ``{"classes": [...], "weights": [...]}`` or a list of weights; or a NumPy array (``.npy``).

    Returns:
        The class names, if the file holds them, and the weights in class order.

    Raises:
        InputError: The file cannot be read, has another form, or holds an invalid weight.
    """
    path = Path(path)
    if path.suffix not in ('.json', '.npy'):
        raise InputError(
            path, 'class weights must be a .json or .npy file', 'write the file with `mmseg-ext class-weights`'
        )
    try:
        content = np.load(path, allow_pickle=False).tolist() if path.suffix == '.npy' else load_json(path)
    except Exception as error:  # NumPy lets errors of the tokenizer and of the memory pass on a damaged header
        raise InputError(path, f'cannot read class weights ({error})') from error
    try:
        named = isinstance(content, dict)
        classes = [str(name) for name in content['classes']] if named else None
        weights = checked_weights(content['weights'] if named else content)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        detail = f'no key {error}' if isinstance(error, KeyError) else error
        raise InputError(
            path, f'expected {{"classes": [...], "weights": [...]}} or a list of weights: {detail}'
        ) from error
    if classes is not None and len(classes) != len(weights):
        problem = f'{len(classes)} classes but {len(weights)} weights'
        raise InputError(path, problem, 'write one weight per class')
    return classes, weights


def checked_weights(values: Sequence[float]) -> list[float]:
    """Convert weights to floats and check them.

    Raises:
        ValueError: A weight is negative or not finite, or none is above 0.
    """
    weights = [float(value) for value in values]
    invalid = [weight for weight in weights if not (math.isfinite(weight) and weight >= 0)]
    if invalid:
        raise ValueError(f'class weight {invalid[0]} is not a finite number >= 0')
    if not any(weights):
        raise ValueError(f'class weights {weights} must hold at least one positive number')
    return weights
