"""Class weights that a config asks for by the method that computes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from mmseg_ext.eda.class_weights import class_weights
from mmseg_ext.registry import MODELS


class WeightsOfMasks:
    """Class weights to be computed from the masks of a split.

    Args:
        data_root: The data set's folder, with ``dataset.yaml``.
        labels: The label set.
        split: The split.
    """

    method: ClassVar[str]

    def __init__(self, data_root: str, labels: str = 'labels', split: str = 'train') -> None:
        self.root = Path(data_root).expanduser()
        self.labels = labels
        self.split = split

    @property
    def folder(self) -> Path:
        """Where the masks lie."""
        return self.root / self.labels / self.split

    def compute(self) -> dict[str, Any]:
        """Compute ``{"classes": [...], "weights": [...]}``.

        Raises:
            InputError: A mask cannot be used, or a class has no pixel.
        """
        return class_weights(self.root, self.labels, self.split, self.method, **self.options())

    def options(self) -> dict[str, Any]:
        """Further arguments of the method."""
        return {}


@MODELS.register_module()
class MedianFrequency(WeightsOfMasks):
    """Median frequency balancing; see `mmseg_ext.eda.class_weights.median_frequency`.

    Args:
        data_root: The data set's folder, with ``dataset.yaml``.
        labels: The label set.
        split: The split.
        per_image: Frequencies within the images that show the class.
    """

    method = 'median-frequency'

    def __init__(self, data_root: str, labels: str = 'labels', split: str = 'train', per_image: bool = False) -> None:
        super().__init__(data_root, labels, split)
        self.per_image = per_image

    def options(self) -> dict[str, Any]:
        """Whether frequencies are those within images."""
        return {'per_image': self.per_image}


@MODELS.register_module()
class Balanced(WeightsOfMasks):
    """``n / (K · n_c)``; see `mmseg_ext.eda.class_weights.balanced`."""

    method = 'balanced'


@MODELS.register_module()
class ENet(WeightsOfMasks):
    """The weights of the ENet paper; see `mmseg_ext.eda.class_weights.enet`."""

    method = 'enet'
