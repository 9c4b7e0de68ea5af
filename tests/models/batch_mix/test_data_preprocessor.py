from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip('mmseg')

import torch
from mmseg.registry import MODELS

MEAN, STD = [120.0, 110.0, 100.0], [60.0, 50.0, 40.0]


def build(batch_augments: Any = None, **options: Any) -> Any:
    preprocessor = MODELS.build(
        dict(type='mmseg_ext.SegDataPreProcessor', mean=MEAN, std=STD, bgr_to_rgb=True, size_divisor=4)
        | dict(batch_augments=batch_augments, **options)
    )
    if preprocessor.batch_augments is not None:
        preprocessor.batch_augments.num_classes = 3
    return preprocessor


def batch(sample: Callable[..., Any], *shapes: tuple[int, int]) -> dict[str, list[Any]]:
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randint(0, 256, (3, *shape), generator=generator, dtype=torch.uint8) for shape in shapes]
    return dict(
        inputs=inputs,
        data_samples=[sample(torch.randint(0, 3, shape, generator=generator)) for shape in shapes],
    )


ALWAYS: list[dict[str, Any]] = [dict(type=f'mmseg_ext.{name}', prob=1.0) for name in ('MixUp', 'CutMix', 'ClassMix')]
ALWAYS[0]['alpha'] = 4.0  # no image without weight
ALWAYS.append(dict(type='mmseg_ext.BatchMix', mixes=list(ALWAYS)))
every_mix = pytest.mark.parametrize('mix', ALWAYS, ids=lambda mix: mix['type'])


@every_mix
def test_nothing_is_mixed_outside_training(mix: dict[str, Any], sample: Callable[..., Any]) -> None:
    plain = build()(batch(sample, (4, 8), (4, 8)), training=False)
    mixed = build(mix)(batch(sample, (4, 8), (4, 8)), training=False)
    assert torch.equal(plain['inputs'], mixed['inputs'])
    for actual, desired in zip(plain['data_samples'], mixed['data_samples'], strict=True):
        assert torch.equal(actual.gt_sem_seg.data, desired.gt_sem_seg.data)


@every_mix
def test_training_mixes(mix: dict[str, Any], sample: Callable[..., Any]) -> None:
    plain = build()(batch(sample, (4, 8), (4, 8)), training=True)
    mixed = build(mix)(batch(sample, (4, 8), (4, 8)), training=True)
    assert not torch.equal(plain['inputs'], mixed['inputs'])


@pytest.mark.parametrize('training', [True, False], ids=['training', 'validation'])
@pytest.mark.parametrize(
    ('options', 'shapes'),
    [
        (dict(size_divisor=4), [(5, 6), (5, 6)]),
        (dict(size_divisor=4), [(4, 8), (4, 8)]),  # nothing to pad
        (dict(size_divisor=None, size=(8, 8)), [(8, 8), (8, 8)]),
        (dict(size_divisor=None, size=(8, 8)), [(8, 4), (8, 4)]),
        (dict(size_divisor=None, size=(4, 4)), [(8, 8)]),
        (dict(bgr_to_rgb=False), [(4, 8), (4, 8)]),
        (dict(bgr_to_rgb=False, mean=None, std=None), [(4, 8), (4, 8)]),
    ],
    ids=str,
)
@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32], ids=str)
def test_it_is_mmsegs_without_a_mix(
    sample: Callable[..., Any],
    options: dict[str, Any],
    shapes: list[tuple[int, int]],
    training: bool,
    dtype: torch.dtype,
) -> None:
    ours = build(**options)
    config = dict(mean=MEAN, std=STD, bgr_to_rgb=True, size_divisor=4) | options
    theirs = MODELS.build(dict(type='SegDataPreProcessor', **config))
    results = []
    for each in (theirs, ours):
        given = batch(sample, *shapes)
        given['inputs'] = [image.to(dtype) for image in given['inputs']]
        before = [image.clone() for image in given['inputs']]
        results.append(each(given, training))
        assert all(map(torch.equal, given['inputs'], before))
    desired, actual = results
    assert actual['inputs'].dtype is torch.float32
    assert torch.equal(desired['inputs'], actual['inputs'])
    for one, other in zip(desired['data_samples'], actual['data_samples'], strict=True):
        assert one.metainfo == other.metainfo
        assert torch.equal(one.gt_sem_seg.data, other.gt_sem_seg.data)


def test_mixing_normalised_images_is_normalising_mixed_ones(sample: Callable[..., Any]) -> None:
    mixed = build(dict(type='mmseg_ext.MixUp', prob=1.0, alpha=4.0))(batch(sample, (4, 4), (4, 4)), training=True)
    raw = torch.stack(batch(sample, (4, 4), (4, 4))['inputs']).double().flip(1)
    mean, std = (torch.tensor(values, dtype=torch.float64).view(3, 1, 1) for values in (MEAN, STD))
    for index in range(2):
        target = mixed['data_samples'][index].gt_sem_seg.data
        data_samples = batch(sample, (4, 4), (4, 4))['data_samples']
        first, second = (data_sample.gt_sem_seg.data[0] for data_sample in data_samples)
        own, other = (first, second) if index == 0 else (second, first)
        row, column = (own != other).nonzero()[0].tolist()
        lam = float(target[own[row, column], row, column])  # read from the target
        by_hand = (lam * raw[index] + (1 - lam) * raw[1 - index] - mean) / std
        assert torch.allclose(mixed['inputs'][index].double(), by_hand, atol=1e-5)


@every_mix
def test_padding_is_never_taken_for_a_class(mix: dict[str, Any], sample: Callable[..., Any]) -> None:
    for _ in range(10):
        given = batch(sample, (4, 8), (8, 4))  # both are padded to 8×8
        out = build(mix)(given, training=True)
        assert out['inputs'].shape == (2, 3, 8, 8)
        for image, data_sample in zip(out['inputs'], out['data_samples'], strict=True):
            target = data_sample.gt_sem_seg.data
            ignored = target[0] == 255 if not target.is_floating_point() else (target < 0).all(0)
            assert ignored[4:, 4:].all()  # known of neither image
            assert (image[:, 4:, 4:] == 0).all()
            if not target.is_floating_point():
                # What was padding in the image that a pixel is from is ignored, and nothing else.
                assert torch.equal(ignored, (image == 0).all(0))
            else:
                assert ignored[4:].all()
                assert ignored[:, 4:].all()
                assert not ignored[:4, :4].any()
