"""Copy-paste augmentation: objects of one image pasted into another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from numpy.typing import NDArray

from mmseg_ext.datasets.transforms.sampling import log_uniform
from mmseg_ext.eda.regions import find_regions
from mmseg_ext.errors import InputError
from mmseg_ext.registry import TRANSFORMS

MASK = 'gt_seg_map'


@dataclass(frozen=True)
class _Drawn:
    """The random numbers of one object.

    Attributes:
        scale: Factor of its size.
        flip: Whether it is flipped horizontally.
        position: x and y within the allowed range, 0–1.
    """

    scale: float
    flip: bool
    position: NDArray[np.float64]


@TRANSFORMS.register_module()
class CopyPaste(BaseTransform):
    """Paste objects of another sample of the data set, with a probability (Ghiasi et al. 2021, arXiv 2012.07177).

    An object is a region (8-connected) of the chosen classes together, so that touching objects are pasted together.
    Each is scaled, flipped and shifted at random, and always lies within the image. The mask gets its classes and keeps
    its other values, ignored pixels included; ignored pixels are never pasted. Use it in the pipeline of mmseg's
    ``MultiImageMixDataset``, right after loading, before a crop cuts objects.

    Args:
        prob: Probability, 0–1. Otherwise the sample stays as it is.
        classes: Class ids that are pasted; None for all but 0, the background. If they are named, the other sample is
            drawn among those that show one of them, so that a rare class is pasted as often as a frequent one; all
            masks are read for this at the first draw, if the data set has ``get_cat_ids``.
        max_objects: Largest number of objects to paste; the number is drawn uniformly from 1.
        scale: Range of the factor, drawn evenly on a logarithmic scale. At 1 an object covers the same share of the
            target image as of its source image, if both have the same aspect ratio.
        flip: Probability of a horizontal flip, 0–1.
        shift: Largest shift from the object's position in its own image, as a share of the image size, 0–1; 1 is
            anywhere.
        min_area: Objects that would be smaller, in pixels, are not pasted.
        max_share: Largest share of the image that all pasted objects may cover together, 0–1; an object beyond it is
            left out.
        max_hidden: Largest share of the image's own objects that may be hidden, 0–1; an object beyond it is left out.
        feather: Standard deviation in pixels of the blending at the object's border; the mask has no transition.
        whole: Leave out objects that touch the border of their image: they would end in a straight cut.
        ignore_index: The ignored value.

    Raises:
        ValueError: An argument lies outside its range.
    """

    def __init__(
        self,
        prob: float = 0.5,
        classes: Sequence[int] | None = None,
        max_objects: int = 2,
        scale: tuple[float, float] = (0.6, 1.5),
        flip: float = 0.5,
        shift: float = 1.0,
        min_area: int = 100,
        max_share: float = 0.3,
        max_hidden: float = 0.5,
        feather: float = 1.0,
        whole: bool = True,
        ignore_index: int = 255,
    ) -> None:
        shares = {'prob': prob, 'flip': flip, 'shift': shift, 'max_share': max_share, 'max_hidden': max_hidden}
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise ValueError(f'CopyPaste: {name} must lie within 0–1, got {value}')
        if not 0 < scale[0] <= scale[1] or max_objects < 1 or min_area < 1 or feather < 0:
            raise ValueError(
                'CopyPaste: needs 0 < scale[0] <= scale[1], max_objects >= 1, min_area >= 1 and feather >= 0, '
                f'got {scale}, {max_objects}, {min_area}, {feather}'
            )
        if classes is not None and ignore_index in classes:
            raise ValueError(f'CopyPaste: classes must not hold the ignored value {ignore_index}')
        chosen = np.zeros(256, bool)
        chosen[np.arange(1, 256) if classes is None else list(classes)] = True
        chosen[ignore_index] = False
        self._all_but_background = classes is None
        self.prob = prob
        self.max_objects = max_objects
        self.scale = scale
        self.flip = flip
        self.shift = shift
        self.min_area = min_area
        self.max_share = max_share
        self.max_hidden = max_hidden
        self.feather = feather
        self.whole = whole
        self._is_chosen = chosen
        self._sources: list[int] | None = None
        self.ignore_index = ignore_index
        self._no_objects = [0, ignore_index]

    def get_indices(self, dataset: Any) -> list[int]:
        """Draw the index of the sample that the objects come from; empty if the sample stays as it is.

        Raises:
            InputError: The data set has no background, and no ``classes`` are named.
        """
        background = (getattr(dataset, 'metainfo', None) or {}).get('background', 0)
        self._no_objects = [self.ignore_index] if background is None else [background, self.ignore_index]
        if self._all_but_background and background is None:
            raise InputError('CopyPaste', 'the data set has no background', 'name the `classes` to paste')
        if not np.random.random() < self.prob:
            return []
        if self._all_but_background or not hasattr(dataset, 'get_cat_ids'):
            return [int(np.random.randint(len(dataset)))]
        if self._sources is None:
            self._sources = [
                index for index in range(len(dataset)) if self._is_chosen[list(dataset.get_cat_ids(index))].any()
            ]
        return [self._sources[np.random.randint(len(self._sources))]] if self._sources else []

    @cache_randomness
    def _draw(self, count: int) -> list[tuple[int, _Drawn]]:
        """Draw which of ``count`` objects are pasted, and how."""
        order = np.random.permutation(count)[: np.random.randint(1, self.max_objects + 1)]
        return [
            (
                int(number),
                _Drawn(
                    log_uniform(*self.scale),
                    bool(np.random.random() < self.flip),
                    np.random.random(2),
                ),
            )
            for number in order
        ]

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Paste into ``img`` and every mask of ``seg_fields``; objects are found in ``gt_seg_map``."""
        others = results.get('mix_results', [])
        if not others or MASK not in results or MASK not in others[0]:
            return results
        other = others[0]
        target, source = results[MASK].shape, other[MASK].shape
        own = ~np.isin(results[MASK], self._no_objects)
        covered = np.zeros(target, bool)
        for region, box, drawn in self._objects(other[MASK]):
            matrix = self._place(box, source, target, drawn)
            pasted = cv2.warpAffine(region.view(np.uint8), matrix, target[::-1], flags=cv2.INTER_NEAREST).view(bool)
            if pasted.sum() >= self.min_area and self._is_allowed(covered | pasted, own):
                covered |= pasted
                self._paste(results, other, pasted, matrix)
        return results

    def _objects(self, mask: NDArray[np.uint8]) -> list[tuple[NDArray[np.bool_], NDArray[np.int32], _Drawn]]:
        """Choose the objects to paste: region (H, W), box (left, top, width, height) and random numbers of each."""
        regions = find_regions(self._is_chosen[mask])
        height, width = mask.shape
        left, top, right, bottom = np.hstack([regions.boxes[:, :2], regions.boxes[:, :2] + regions.boxes[:, 2:]]).T
        inside = (left > 0) & (top > 0) & (right < width) & (bottom < height)
        numbers = np.flatnonzero(inside | (not self.whole))
        return [
            (regions.labels == numbers[index] + 1, regions.boxes[numbers[index]], drawn)
            for index, drawn in (self._draw(len(numbers)) if len(numbers) else [])
        ]

    def _place(
        self, box: NDArray[np.int32], source: tuple[int, int], target: tuple[int, int], drawn: _Drawn
    ) -> NDArray[np.float64]:
        """Return the 2×3 matrix from source to target pixels (x, y); an object larger than the target is centred."""
        factor = drawn.scale * math.sqrt(target[0] * target[1] / (source[0] * source[1]))
        # In coordinates where pixel n spans n to n + 1, so that sizes are differences.
        centre = box[:2] + box[2:] / 2
        size = np.array(target[::-1])
        half = np.minimum(factor * box[2:], size) / 2
        original = centre / source[::-1]
        low, high = (np.clip((original + shift) * size, half, size - half) for shift in (-self.shift, self.shift))
        linear = np.diag([-factor if drawn.flip else factor, factor])
        return np.column_stack([linear, low + drawn.position * (high - low) - 0.5 - linear @ (centre - 0.5)])

    def _is_allowed(self, covered: NDArray[np.bool_], own: NDArray[np.bool_]) -> bool:
        few_hidden = (covered & own).sum() <= self.max_hidden * own.sum()
        return bool(few_hidden and covered.mean() <= self.max_share)

    def _paste(
        self, results: dict[str, Any], other: dict[str, Any], pasted: NDArray[np.bool_], matrix: NDArray[np.float64]
    ) -> None:
        size = pasted.shape[::-1]
        # The border is replicated outside the image, so that no black blends into an object that touches it.
        image = cv2.warpAffine(other['img'], matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        weight = pasted.astype(np.float32)
        if self.feather:
            weight = cv2.GaussianBlur(weight, (0, 0), self.feather)
        blended = results['img'] + weight[..., None] * (image.astype(np.float32) - results['img'])
        results['img'] = np.rint(blended).astype(np.uint8)
        for key in results.get('seg_fields', []):
            warped = cv2.warpAffine(other[key], matrix, size, flags=cv2.INTER_NEAREST)
            results[key] = np.where(pasted, warped, results[key])
