"""What every transform of ours must keep to, whatever else it does."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmcv.transforms import BaseTransform

from mmseg_ext.datasets import transforms
from mmseg_ext.datasets.transforms import (
    CopyPaste,
    Mosaic,
    PhotoMetricDistortion,
    RandomBlur,
    RandomElastic,
    RandomGaussianNoise,
    RandomLowLight,
    RandomResizeCropFlip,
    RandomScaleRotateShift,
    RandomShotNoise,
)

IGNORED = 255
SIZE = (30, 26)  # (width, height)
ELASTIC: dict[str, Any] = {'amplitude': (1.0, 3.0), 'sigma': 9.0}

Make = Callable[..., BaseTransform]
GEOMETRIC: dict[str, Make] = {
    'warp': lambda: RandomScaleRotateShift(SIZE, rotate=40, shift=0.3, stretch=1.3),
    'warp and elastic': lambda: RandomScaleRotateShift(SIZE, rotate=40, elastic={'prob': 1.0, **ELASTIC}),
    'resize and crop': lambda: RandomResizeCropFlip(SIZE, (0.7, 2.0), SIZE, 0.9),
    'elastic': lambda prob=1.0: RandomElastic(prob, **ELASTIC),
    'mosaic': lambda prob=1.0: Mosaic(tile=14, prob=prob),
    'copy-paste': lambda prob=1.0: CopyPaste(prob, min_area=4, max_share=0.8, max_hidden=1.0, feather=0.0),
}
PHOTOMETRIC: dict[str, Make] = {
    'blur': lambda prob=1.0: RandomBlur(prob),
    'gaussian noise': lambda prob=1.0: RandomGaussianNoise(prob),
    'shot noise': lambda prob=1.0: RandomShotNoise(prob),
    'low light': lambda prob=1.0: RandomLowLight(prob),
}
EVERY = GEOMETRIC | PHOTOMETRIC | {'colour': PhotoMetricDistortion}
RESIZES = ('warp', 'resize and crop', 'warp and elastic', 'mosaic')
NO_PROB = ('warp', 'warp and elastic', 'resize and crop', 'colour')

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.tuples(st.integers(20, 44), st.integers(20, 44))

every_transform = pytest.mark.parametrize('name', EVERY)
every_geometric = pytest.mark.parametrize('name', GEOMETRIC)


def mask_of(seed: int, shape: tuple[int, int]) -> np.ndarray:
    """Two boxes of the classes 1 and 2 and some ignored pixels on a background."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(shape, np.uint8)
    for value in (1, 2, IGNORED):
        top, left = (int(rng.integers(1, side - 9)) for side in shape)
        mask[top : top + 8, left : left + 8] = value
    return mask


class Samples:
    """A data set of one sample, read-only as the cache's arrays are; ``image`` makes an image of a mask."""

    def __init__(self, seed: int, shape: tuple[int, int], image: Callable[[np.ndarray], np.ndarray]) -> None:
        self.masks = [mask_of(seed + index, shape) for index in range(4)]
        self.image = image

    def __len__(self) -> int:
        return len(self.masks)

    def __getitem__(self, index: int) -> dict[str, Any]:
        mask = self.masks[index].copy()
        image = np.ascontiguousarray(self.image(mask))
        image.flags.writeable = mask.flags.writeable = False
        return {'img': image, 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map'], 'img_shape': mask.shape}


def noise_image(mask: np.ndarray) -> np.ndarray:
    return np.random.default_rng(int(mask.sum())).integers(0, 256, (*mask.shape, 3), dtype=np.uint8)


def apply(transform: BaseTransform, samples: Samples, seed: int) -> dict[str, Any]:
    """As mmseg's MultiImageMixDataset applies it."""
    np.random.seed(seed)
    results = samples[0]
    if hasattr(transform, 'get_indices'):
        results['mix_results'] = [samples[index] for index in transform.get_indices(samples)]
    done = transform(results)
    assert done is not None
    return done


def test_there_is_a_check_for_every_transform() -> None:
    checked = {type(make()).__name__ for make in EVERY.values()}
    assert checked == set(transforms.__all__) - {'LoadImage', 'LoadMask'}


@every_transform
@settings(max_examples=12)
@given(SEEDS, SHAPES)
def test_types_and_shapes(name: str, seed: int, shape: tuple[int, int]) -> None:
    results = apply(EVERY[name](), Samples(seed, shape, noise_image), seed)
    image, mask = results['img'], results['gt_seg_map']
    assert image.dtype == mask.dtype == np.uint8
    assert image.flags.c_contiguous
    assert mask.flags.c_contiguous
    assert image.shape == (*mask.shape, 3)
    assert results['img_shape'] == mask.shape
    assert results['seg_fields'] == ['gt_seg_map']
    if name not in RESIZES:
        assert mask.shape == shape


@every_transform
@settings(max_examples=12)
@given(SEEDS, SHAPES)
def test_what_comes_in_is_not_changed(name: str, seed: int, shape: tuple[int, int]) -> None:
    """The cache hands out arrays that all samples share; here they cannot be written to at all."""
    samples = Samples(seed, shape, noise_image)
    np.random.seed(seed)
    transform, results = EVERY[name](), samples[0]
    if hasattr(transform, 'get_indices'):
        results['mix_results'] = [samples[index] for index in transform.get_indices(samples)]
    arrays = [sample[key] for sample in (results, *results.get('mix_results', [])) for key in ('img', 'gt_seg_map')]
    before = copy.deepcopy(arrays)
    transform(results)
    for one, other in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(one, other)


@every_transform
@settings(max_examples=12)
@given(SEEDS, SHAPES)
def test_the_seed_fixes_the_sample(name: str, seed: int, shape: tuple[int, int]) -> None:
    samples = Samples(seed, shape, noise_image)
    one, again = (apply(EVERY[name](), samples, seed) for _ in range(2))
    np.testing.assert_array_equal(one['img'], again['img'])
    np.testing.assert_array_equal(one['gt_seg_map'], again['gt_seg_map'])
    others = {apply(EVERY[name](), samples, number)['img'].tobytes() for number in range(12)}
    assert len(others) > 3


@pytest.mark.parametrize('name', [name for name in EVERY if name not in NO_PROB])
@settings(max_examples=8)
@given(SEEDS, SHAPES)
def test_probability_0_is_the_identity(name: str, seed: int, shape: tuple[int, int]) -> None:
    samples = Samples(seed, shape, noise_image)
    results = apply(EVERY[name](prob=0.0), samples, seed)
    np.testing.assert_array_equal(results['img'], samples[0]['img'])
    np.testing.assert_array_equal(results['gt_seg_map'], samples.masks[0])


@pytest.mark.parametrize('name', PHOTOMETRIC)
@settings(max_examples=8)
@given(SEEDS, SHAPES)
def test_what_changes_colours_leaves_the_mask(name: str, seed: int, shape: tuple[int, int]) -> None:
    samples = Samples(seed, shape, noise_image)
    results = apply(PHOTOMETRIC[name](), samples, seed)
    np.testing.assert_array_equal(results['gt_seg_map'], samples.masks[0])
    assert (results['img'] != samples[0]['img']).any()


def shares(image: np.ndarray) -> np.ndarray:
    """How much of each of background, 1, 2 and ignored a pixel of an image of `shown_mask` has: (H, W, 4), 0–1."""
    named = image.astype(float) / 255
    return np.concatenate([1 - named.sum(-1, keepdims=True), named], -1)


def shown_mask(mask: np.ndarray) -> np.ndarray:
    """An image that says the mask, a channel each for 1, 2 and ignored, so that mixed pixels say of what."""
    return np.stack([(mask == value) * 255 for value in (1, 2, IGNORED)], -1).astype(np.uint8)


@every_geometric
@settings(max_examples=40)
@given(SEEDS, SHAPES)
def test_image_and_mask_move_together(name: str, seed: int, shape: tuple[int, int]) -> None:
    """The mask of a warped sample names what the warped image, made of the mask before, shows there."""
    transform = GEOMETRIC[name]()
    if hasattr(transform, 'pad_val'):
        transform.pad_val = (0, 0, 255)  # as ignored pixels look
    results = apply(transform, Samples(seed, shape, shown_mask), seed)
    found = shares(results['img'])
    numbers = np.where(results['gt_seg_map'] == IGNORED, 3, results['gt_seg_map'])
    pure = found.max(-1) > 0.98
    assert pure.mean() > 0.3
    np.testing.assert_array_equal(numbers[pure], found.argmax(-1)[pure])
    named = np.take_along_axis(found, numbers[..., None], -1)
    assert named.min() > 0.05  # a mixed pixel has one of the names of what it is mixed of


@every_geometric
@settings(max_examples=20)
@given(SEEDS, SHAPES, st.sampled_from([9, 255]))
def test_ids_stay_ids_and_the_unknown_is_ignored(name: str, seed: int, shape: tuple[int, int], fill: int) -> None:
    transform, samples = GEOMETRIC[name](), Samples(seed, shape, noise_image)
    if hasattr(transform, 'seg_pad_val'):
        transform.seg_pad_val = fill
        if getattr(transform, 'elastic', None) is not None:
            transform.elastic.seg_pad_val = fill
    samples.masks = [np.where(mask == IGNORED, 5, mask).astype(np.uint8) + 1 for mask in samples.masks]
    found = set(np.unique(apply(transform, samples, seed)['gt_seg_map']))
    assert found <= {1, 2, 3, 6, fill}
    assert 0 not in found  # what lies outside is never a class, background included
