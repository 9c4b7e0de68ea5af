"""MixUp, CutMix, ClassMix, and the random choice of one of them per batch.

A mix works on the tensors of a batch: images (N, 3, H, W), normalized and padded, and the maps of each sample
(``gt_sem_seg``, and ``gt_edge_map`` if a data set has it), each (1, H, W). Every image is mixed with probability
``prob``, with another image drawn from the batch; a batch of one image stays unchanged. Images are always mixed with
original images, never with a mixture.

A batch of class ids stays a batch of class ids wherever the mix allows it. If the mixture of one image needs soft
targets, ``gt_sem_seg`` of *all* images is soft: (C, H, W), float32, the share of each class in each pixel, summing to
1; in ignored pixels all channels are -1. `mmseg_ext.models.batch_mix.soft_targets` brings them to the losses.
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
from mmseg_ext.models.batch_mix.soft_targets import mark_ignored, to_soft
from mmseg_ext.registry import MODELS

MASK = 'gt_sem_seg'
MIN_VISIBLE_SHARE = 1 / 510  # the share of an image that can change an 8-bit grey level by one half
Maps = dict[str, Tensor]


def step_rng(seed: int, rank: int, iteration: int, call: int = 0) -> np.random.Generator:
    """Return the random generator of a call within a training iteration."""
    return np.random.default_rng((seed, rank, iteration, call))


class StepRng:
    """Factory of one random generator per training step.

    The generator depends only on torch's seed, the rank of the process and the iteration: neither the workers of the
    data loader nor dropout change it, and a resumed training draws the same numbers. Outside a training, and for
    several calls within an iteration, the calls are counted.
    """

    def __init__(self) -> None:
        self._last = (-1, -1)

    def __call__(self) -> np.random.Generator:
        """Return the generator of this step."""
        iteration = int(MessageHub.get_current_instance().get_info('iter', 0))
        self._last = (iteration, self._last[1] + 1 if self._last[0] == iteration else 0)
        return step_rng(torch.initial_seed(), get_rank(), *self._last)


class Mix(ABC):
    """Base class of the mixes: a callable for mmseg's ``batch_augments``.

    Attributes:
        soft: Whether targets can become soft.
        num_classes: Number of classes, set when a training starts; needed where ``soft`` is True.
        ignore_index: Class id of ignored pixels.
        make_rng: Returns the random generator of each call.
    """

    soft: bool = False

    def __init__(self, ignore_index: int = 255) -> None:
        self.ignore_index = ignore_index
        self.num_classes: int | None = None
        self.make_rng: Callable[[], np.random.Generator] = StepRng()

    def __call__(self, inputs: Tensor, data_samples: list[Any]) -> tuple[Tensor, list[Any]]:
        """Mix a batch.

        Args:
            inputs: Images (N, 3, H, W).
            data_samples: Samples, whose maps are replaced.

        Returns:
            Mixed images and the samples.

        Raises:
            InputError: Targets can become soft, but no `SoftTargets` brings them to the losses.
        """
        if self.soft and self.num_classes is None:
            raise InputError(
                'config',
                f'{type(self).__name__} makes soft targets',
                "add dict(type='mmseg_ext.SoftTargetsHook') to custom_hooks, which brings them to the losses",
            )
        return self.mix(inputs, data_samples, self.make_rng())

    @abstractmethod
    def mix(self, inputs: Tensor, data_samples: list[Any], rng: np.random.Generator) -> tuple[Tensor, list[Any]]:
        """Mix a batch with the given generator; see `__call__`."""


class PairMix(Mix):
    """Base class of the mixes of an image with one other.

    Args:
        prob: Probability of mixing each image, 0–1.
        ignore_index: Class id of ignored pixels.

    Raises:
        ValueError: ``prob`` is out of range.
    """

    def __init__(self, prob: float, ignore_index: int = 255) -> None:
        super().__init__(ignore_index)
        if not 0 <= prob <= 1:
            raise ValueError(f'prob {prob} is not in [0, 1]')
        self.prob = prob

    @abstractmethod
    def mix_pair(
        self, image: Tensor, maps: Maps, other: Tensor, other_maps: Maps, rng: np.random.Generator
    ) -> tuple[Tensor, Maps]:
        """Mix an image (3, H, W) and its maps with another; the arguments are not changed."""

    def mix(self, inputs: Tensor, data_samples: list[Any], rng: np.random.Generator) -> tuple[Tensor, list[Any]]:
        """Mix each image, with probability ``prob``, with another of the batch."""
        count = len(inputs)
        if count < 2:
            return inputs, data_samples
        maps = [_maps(sample) for sample in data_samples]
        mixed = {}
        for index in range(count):
            other = (index + int(rng.integers(1, count))) % count
            if rng.random() < self.prob:
                mixed[index] = self.mix_pair(inputs[index], maps[index], inputs[other], maps[other], rng)
        if not mixed:
            return inputs, data_samples
        results = [mixed.get(index, (inputs[index], maps[index])) for index in range(count)]
        self._set_maps([result[1] for result in results], data_samples)
        return torch.stack([result[0] for result in results]), data_samples

    def _set_maps(self, maps: Sequence[Maps], data_samples: Sequence[Any]) -> None:
        """Replace the maps of samples; if one mask is soft, all become soft."""
        soft = any(sample_maps[MASK].is_floating_point() for sample_maps in maps)
        for sample_maps, sample in zip(maps, data_samples, strict=True):
            if soft and not sample_maps[MASK].is_floating_point():
                mask = to_soft(sample_maps[MASK][0], self.num_classes or 0, self.ignore_index)
                sample_maps = {**sample_maps, MASK: mask}
            for name, data in sample_maps.items():
                setattr(sample, name, PixelData(data=data))


def _maps(sample: Any) -> Maps:
    return {name: value.data for name, value in sample.items() if isinstance(value, PixelData)}


def _check_alpha(alpha: float) -> float:
    """Return the parameter of a symmetric Beta distribution, or raise ValueError if it is invalid."""
    if not 0 < alpha < math.inf:
        raise ValueError(f'alpha {alpha} is not a finite number > 0')
    return alpha


@MODELS.register_module()
class MixUp(PairMix):
    """MixUp (Zhang et al., arXiv 1710.09412): ``lam * image + (1 - lam) * other``, of images and one-hot targets.

    ``lam`` is drawn from Beta(alpha, alpha) for each image. Targets become soft. A pixel that is ignored in either
    image is ignored: part of what the mixture shows there has an unknown class, and the known class alone would be a
    wrong target. If a share is below 1/510, so that it changes no 8-bit grey level by more than one half, the image
    of the larger share and its target are used unchanged: with a small alpha this is frequent (3 of 10 draws with 0.2).

    Other maps of a sample (``gt_edge_map``) cannot be averaged: they are taken from the image of the larger share.

    Args:
        prob: Probability of mixing each image, 0–1.
        alpha: > 0; with small values one of the images dominates. 0.1–0.4 in the paper for ImageNet.
        ignore_index: Class id of ignored pixels.

    Raises:
        ValueError: An argument is out of range.
    """

    soft = True

    def __init__(self, prob: float = 0.5, alpha: float = 0.2, ignore_index: int = 255) -> None:
        super().__init__(prob, ignore_index)
        self.alpha = _check_alpha(alpha)

    def mix_pair(
        self, image: Tensor, maps: Maps, other: Tensor, other_maps: Maps, rng: np.random.Generator
    ) -> tuple[Tensor, Maps]:
        """Draw the share of the first image and blend."""
        return self.blend(image, maps, other, other_maps, float(rng.beta(self.alpha, self.alpha)))

    def blend(self, image: Tensor, maps: Maps, other: Tensor, other_maps: Maps, lam: float) -> tuple[Tensor, Maps]:
        """Blend with the share ``lam`` of the first image; an invisible share is dropped."""
        if min(lam, 1 - lam) < MIN_VISIBLE_SHARE:
            return (image, maps) if lam >= 0.5 else (other, other_maps)
        ids, other_ids = maps[MASK][0], other_maps[MASK][0]
        target = to_soft(ids, self.num_classes or 0, self.ignore_index)
        other_target = to_soft(other_ids, self.num_classes or 0, self.ignore_index)
        mixed = torch.lerp(other_target, target, lam)
        ignored = (ids == self.ignore_index) | (other_ids == self.ignore_index)
        larger = maps if lam >= 0.5 else other_maps
        return torch.lerp(other, image, lam), {**larger, MASK: mark_ignored(mixed, ignored)}


class PasteMix(PairMix):
    """Base class of the mixes that take each pixel with its class from one of two images, so targets stay class ids."""

    @abstractmethod
    def pasted(self, ids: Tensor, other_ids: Tensor, rng: np.random.Generator) -> Tensor:
        """Return the pixels to take from the other image, a mask (H, W), bool, given the class ids (H, W) of both."""

    def mix_pair(
        self, image: Tensor, maps: Maps, other: Tensor, other_maps: Maps, rng: np.random.Generator
    ) -> tuple[Tensor, Maps]:
        """Take the pixels of `pasted` from the other image and from its maps."""
        pasted = self.pasted(maps[MASK][0], other_maps[MASK][0], rng)
        return torch.where(pasted, other, image), {
            name: torch.where(pasted, other_maps[name], data) for name, data in maps.items()
        }


@MODELS.register_module()
class CutMix(PasteMix):
    """CutMix (Yun et al., arXiv 1905.04899): paste a box of another image at the same position.

    The box has the aspect ratio of the batch's images and the fraction ``1 - lam`` of their area, ``lam`` from
    Beta(alpha, alpha), rounded to whole pixels. In the paper it is centred anywhere and clipped at the border, which
    makes it smaller than drawn; here it lies inside, and all positions are equally probable. The target changes pixel
    by pixel and does not need ``lam``. Ignored pixels in the box, including padding, stay ignored when pasted.

    Args:
        prob: Probability of mixing each image, 0–1.
        alpha: > 0; with 1, as in the paper, all fractions are equally probable.
        ignore_index: Class id of ignored pixels.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, prob: float = 0.5, alpha: float = 1.0, ignore_index: int = 255) -> None:
        super().__init__(prob, ignore_index)
        self.alpha = _check_alpha(alpha)

    def pasted(self, ids: Tensor, other_ids: Tensor, rng: np.random.Generator) -> Tensor:
        """Draw size and position of the box."""
        lam = float(rng.beta(self.alpha, self.alpha))
        top, left = rng.random(2).tolist()
        return box(ids, 1 - lam, top, left)


def box(like: Tensor, share: float, top: float, left: float) -> Tensor:
    """Return the mask of a box.

    Args:
        like: Tensor (H, W) that gives the shape.
        share: Fraction of the area, 0–1.
        top: Position among the rows that the box can start in, 0–1.
        left: The same for columns.

    Returns:
        Mask (H, W), bool.

    >>> box(torch.zeros(2, 4), 0.25, 0, 1).int()
    tensor([[0, 0, 1, 1],
            [0, 0, 0, 0]], dtype=torch.int32)
    """
    height, width = (round(side * math.sqrt(share)) for side in like.shape)
    first_row, first_column = (
        min(int(position * (side - size + 1)), side - size)
        for position, side, size in zip((top, left), like.shape, (height, width), strict=True)
    )
    mask = torch.zeros_like(like, dtype=torch.bool)
    mask[first_row : first_row + height, first_column : first_column + width] = True
    return mask


@MODELS.register_module()
class ClassMix(PasteMix):
    """ClassMix (Olsson et al., arXiv 2007.07936): paste the pixels of half of another image's classes.

    The classes are drawn from those that the other image shows; of an odd number, the larger half is taken, as in the
    authors' code. There the masks are predictions for unlabelled images, here they are the labels. Ignored pixels are
    never pasted; if something is pasted onto them, its class is known.

    Args:
        prob: Probability of mixing each image, 0–1.
        classes: Class ids that may be pasted; None for all. With class 0 as background, ``(1, 2)`` pastes objects into
            other scenes and never a background with the hole of an object.
        ignore_index: Class id of ignored pixels.

    Raises:
        ValueError: An argument is out of range.
    """

    def __init__(self, prob: float = 0.5, classes: Sequence[int] | None = None, ignore_index: int = 255) -> None:
        super().__init__(prob, ignore_index)
        if classes is not None and (not classes or min(classes) < 0 or ignore_index in classes):
            raise ValueError(f'classes {list(classes)} must be class ids >= 0, at least one, without {ignore_index}')
        self.classes = None if classes is None else frozenset(classes)

    def pasted(self, ids: Tensor, other_ids: Tensor, rng: np.random.Generator) -> Tensor:
        """Draw the classes."""
        shown = [class_id for class_id in other_ids.unique().tolist() if class_id != self.ignore_index]
        candidates = [class_id for class_id in shown if self.classes is None or class_id in self.classes]
        chosen = rng.permutation(candidates)[: (len(candidates) + 1) // 2]
        return torch.isin(other_ids, torch.as_tensor(chosen, dtype=other_ids.dtype, device=other_ids.device))


@MODELS.register_module()
class BatchMix(Mix):
    """Random choice of one mix per batch.

    Args:
        mixes: Configs of mixes, or mixes. Each keeps its own ``prob`` for the images of its batches.
        weights: Relative frequency of each mix, > 0; equal by default.

    Raises:
        ValueError: There is no mix, the weights do not fit, or the mixes differ in ``ignore_index``.
    """

    def __init__(self, mixes: Sequence[Any], weights: Sequence[float] | None = None) -> None:
        self.mixes: list[Mix] = [MODELS.build(dict(mix)) if isinstance(mix, Mapping) else mix for mix in mixes]
        weights = [1.0] * len(self.mixes) if weights is None else list(weights)
        if not self.mixes or len(weights) != len(self.mixes) or min(weights) <= 0:
            raise ValueError(f'weights {weights} for {len(self.mixes)} mixes: give one mix at least, and weights > 0')
        if len({mix.ignore_index for mix in self.mixes}) > 1:
            raise ValueError('the mixes differ in ignore_index')
        self.probabilities = np.array(weights) / sum(weights)
        self.soft = any(mix.soft for mix in self.mixes)
        super().__init__(self.mixes[0].ignore_index)

    def mix(self, inputs: Tensor, data_samples: list[Any], rng: np.random.Generator) -> tuple[Tensor, list[Any]]:
        """Choose a mix and apply it to the batch."""
        chosen = self.mixes[int(rng.choice(len(self.mixes), p=self.probabilities))]
        chosen.num_classes = self.num_classes
        return chosen.mix(inputs, data_samples, rng)
