"""What the mixes of a batch share: who is mixed with whom, and random numbers that depend on seed and step alone.

Mixing works on the tensors of a batch: images (N, 3, H, W), normalised and padded, and the maps of each sample
(``gt_sem_seg``, and where a data set has one, ``gt_edge_map``), each (1, H, W). Every image is mixed with probability
``prob``, with another image of the batch that is drawn for it; a batch of one image stays as it is. All are mixed from
what the batch held before, never with a mixture.

A batch of class ids in, a batch of class ids out, wherever the mix allows it. If a mixture of one image needs soft
targets, ``gt_sem_seg`` of *all* images is soft: (C, H, W), float32, the shares of the classes in each pixel, which sum
to 1; in ignored pixels all channels are -1. `mmseg_ext.models.batch_mix.soft_targets` brings them to the losses.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from mmengine.structures import PixelData
from torch import Tensor

from mmseg_ext.errors import InputError
from mmseg_ext.models.batch_mix.soft_targets import to_soft
from mmseg_ext.registry import MODELS

MASK = 'gt_sem_seg'
Maps = dict[str, Tensor]


def step_numbers(seed: int, rank: int, iteration: int, call: int = 0) -> np.random.Generator:
    """The random generator of a call within an iteration of a training."""
    return np.random.default_rng((seed, rank, iteration, call))


class StepNumbers:
    """A random generator for each training step.

    It depends on torch's seed, the process's rank and the iteration, and on nothing that was drawn before: neither the
    workers of the data loader nor dropout change it, and a resumed training draws what it would have drawn. Without a
    training, or in several calls within an iteration, the calls are counted.
    """

    def __init__(self) -> None:
        self._last = (-1, -1)

    def __call__(self) -> np.random.Generator:
        """The generator of this step."""
        iteration = int(MessageHub.get_current_instance().get_info('iter', 0))
        self._last = (iteration, self._last[1] + 1 if self._last[0] == iteration else 0)
        return step_numbers(torch.initial_seed(), get_rank(), *self._last)


class Mix(ABC):
    """A callable of mmseg's ``batch_augments``.

    Attributes:
        soft: Whether targets can become soft.
        num_classes: The number of classes, set when a training starts; needed where ``soft`` is True.
        ignore_index: The id of ignored pixels.
        numbers: Gives the random generator of each call.
    """

    soft: bool = False

    def __init__(self, ignore_index: int = 255) -> None:
        self.ignore_index = ignore_index
        self.num_classes: int | None = None
        self.numbers: Callable[[], np.random.Generator] = StepNumbers()

    def __call__(self, inputs: Tensor, data_samples: list[Any]) -> tuple[Tensor, list[Any]]:
        """Mix a batch.

        Args:
            inputs: Images (N, 3, H, W).
            data_samples: The samples, whose maps are replaced.

        Returns:
            Mixed images and the samples.

        Raises:
            InputError: Targets can become soft, but no `SoftTargets` brings them to the losses.
        """
        if self.soft and self.num_classes is None:
            raise InputError(
                f"config: {type(self).__name__} makes soft targets; add dict(type='mmseg_ext.SoftTargetsHook') to "
                'custom_hooks, which brings them to the losses'
            )
        return self.mix(inputs, data_samples, self.numbers())

    @abstractmethod
    def mix(self, inputs: Tensor, data_samples: list[Any], numbers: np.random.Generator) -> tuple[Tensor, list[Any]]:
        """Mix a batch with random numbers; see `__call__`."""


class PairMix(Mix):
    """A mix of an image with one other.

    Args:
        prob: Probability for each image, 0-1.
        ignore_index: The id of ignored pixels.
    """

    def __init__(self, prob: float, ignore_index: int = 255) -> None:
        super().__init__(ignore_index)
        if not 0 <= prob <= 1:
            raise ValueError(f'prob {prob} is not in [0, 1]')
        self.prob = prob

    @abstractmethod
    def mix_pair(
        self, image: Tensor, maps: Maps, other: Tensor, other_maps: Maps, numbers: np.random.Generator
    ) -> tuple[Tensor, Maps]:
        """Mix an image (3, H, W) and its maps with another; the arguments stay as they are."""

    def mix(self, inputs: Tensor, data_samples: list[Any], numbers: np.random.Generator) -> tuple[Tensor, list[Any]]:
        """Mix each image, with probability ``prob``, with another of the batch."""
        count = len(inputs)
        if count < 2:
            return inputs, data_samples
        maps = [_maps(sample) for sample in data_samples]
        mixed = {}
        for index in range(count):
            other = (index + int(numbers.integers(1, count))) % count
            if numbers.random() < self.prob:
                mixed[index] = self.mix_pair(inputs[index], maps[index], inputs[other], maps[other], numbers)
        if not mixed:
            return inputs, data_samples
        results = [mixed.get(index, (inputs[index], maps[index])) for index in range(count)]
        self._put([result[1] for result in results], data_samples)
        return torch.stack([result[0] for result in results]), data_samples

    def _put(self, maps: Sequence[Maps], data_samples: Sequence[Any]) -> None:
        """Replace the maps of samples; if one mask is soft, all become so."""
        soft = any(one[MASK].is_floating_point() for one in maps)
        for one, sample in zip(maps, data_samples, strict=True):
            if soft and not one[MASK].is_floating_point():
                one = {**one, MASK: to_soft(one[MASK][0], self.num_classes or 0, self.ignore_index)}
            for name, data in one.items():
                setattr(sample, name, PixelData(data=data))


def _maps(sample: Any) -> Maps:
    return {name: value.data for name, value in sample.items() if isinstance(value, PixelData)}


def check_alpha(alpha: float) -> float:
    """Return the parameter of a symmetric Beta distribution, or raise ValueError if it is none."""
    if not 0 < alpha < math.inf:
        raise ValueError(f'alpha {alpha} is not a finite number > 0')
    return alpha


@MODELS.register_module()
class BatchMix(Mix):
    """One of several mixes for each batch.

    Args:
        mixes: Their configs, or ready ones. Each keeps its own ``prob`` for the images of the batches it is chosen for.
        weights: How often each is chosen, > 0, relative to the others; equally often by default.

    Raises:
        ValueError: There is no mix, the weights do not fit, or the mixes differ in ``ignore_index``.
    """

    def __init__(self, mixes: Sequence[Any], weights: Sequence[float] | None = None) -> None:
        self.mixes: list[Mix] = [MODELS.build(dict(one)) if isinstance(one, Mapping) else one for one in mixes]
        weights = [1.0] * len(self.mixes) if weights is None else list(weights)
        if not self.mixes or len(weights) != len(self.mixes) or min(weights) <= 0:
            raise ValueError(f'weights {weights} for {len(self.mixes)} mixes: give one mix at least, and weights > 0')
        if len({one.ignore_index for one in self.mixes}) > 1:
            raise ValueError('the mixes differ in ignore_index')
        self.shares = np.array(weights) / sum(weights)
        self.soft = any(one.soft for one in self.mixes)
        super().__init__(self.mixes[0].ignore_index)

    def mix(self, inputs: Tensor, data_samples: list[Any], numbers: np.random.Generator) -> tuple[Tensor, list[Any]]:
        """Choose a mix and let it mix the batch."""
        chosen = self.mixes[int(numbers.choice(len(self.mixes), p=self.shares))]
        chosen.num_classes = self.num_classes
        return chosen.mix(inputs, data_samples, numbers)
