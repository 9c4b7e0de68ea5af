"""Transforms that have the distribution of mmsegmentation's: with one seed both give one result."""

from __future__ import annotations

from typing import Any

import mmcv.transforms as mmcv_transforms
import mmseg.datasets.transforms as mmseg_transforms
import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmengine.registry import DefaultScope

from mmseg_ext.datasets.transforms import PhotoMetricDistortion, RandomResizeCropFlip

CROP = (40, 48)  # height, width


def sample(shape: tuple[int, int] = (48, 56)) -> dict[str, Any]:
    """Noise that is smooth enough for its hues to survive HSV, and a mask of halves."""
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (shape[0] // 8, shape[1] // 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    mask = np.zeros(shape, np.uint8)
    mask[:, shape[1] // 2 :] = 1
    return {'img': image, 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map'], 'img_shape': shape}


def draw(seed: int, *transforms: BaseTransform) -> tuple[dict[str, Any], float]:
    """Apply the transforms with a seed; the number after their last tells whether they have drawn as many."""
    np.random.seed(seed)
    results: Any = sample()
    for transform in transforms:
        results = transform(results)
    return results, np.random.random()


@pytest.mark.parametrize('crop', [CROP, (12, 14)])  # by cv2.resize, and for small crops by a warp
def test_resize_crop_and_flip(crop: tuple[int, int]) -> None:
    with DefaultScope.overwrite_default_scope('mmseg'):
        resize = mmcv_transforms.RandomResize((64, 48), (0.5, 2.0), keep_ratio=True)
    theirs = (resize, mmseg_transforms.RandomCrop(crop), mmcv_transforms.RandomFlip(0.5))
    flips = []
    for seed in range(20):
        expected, after = draw(seed, *theirs)
        found, also_after = draw(seed, RandomResizeCropFlip((64, 48), (0.5, 2.0), crop))
        assert (found['img_shape'], found['flip'], also_after) == (expected['img_shape'], expected['flip'], after)
        difference = np.abs(found['img'].astype(int) - expected['img'])
        assert difference.max() <= (1 if crop == CROP else 8)  # a warp counts positions in 32nds of a pixel
        assert np.mean(found['gt_seg_map'] != expected['gt_seg_map']) < 1 / 13  # theirs is off by half a pixel
        flips.append(found['flip'])
    assert 0 < sum(flips) < 20


def test_crops_of_one_class_are_drawn_again() -> None:
    """Of 16×16 in 64×64 with one class a half, a quarter of the crops hold both; at least a third of 20 does then."""

    def mixed(cat_max_ratio: float) -> int:
        crop = RandomResizeCropFlip((64, 64), (1, 1), (16, 16), cat_max_ratio)
        masks = []
        for seed in range(20):
            np.random.seed(seed)
            masks.append(crop(sample((64, 64)))['gt_seg_map'])
        return sum(0.25 < mask.mean() < 0.75 for mask in masks)

    assert mixed(1.0) < 8
    assert mixed(0.75) > 14


def test_colour() -> None:
    exact = []
    for seed in range(60):
        expected, after = draw(seed, mmseg_transforms.PhotoMetricDistortion())
        found, also_after = draw(seed, PhotoMetricDistortion())
        assert after == also_after
        difference = np.abs(found['img'].astype(int) - expected['img'])
        assert difference.mean() < 1  # theirs is rounded twice where saturation and hue both change
        exact.append(difference.max() == 0)
    assert sum(exact) > 40


@pytest.mark.parametrize(
    'options', [{'ratio_range': (0, 1)}, {'ratio_range': (2, 1)}, {'crop_size': (0, 4)}, {'flip_prob': 2}]
)
def test_impossible_ranges_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='RandomResizeCropFlip: needs'):
        RandomResizeCropFlip((8, 8), **options)
