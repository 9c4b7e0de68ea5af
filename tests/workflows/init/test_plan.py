"""Decisions of a plan, on profiles worked by hand and steps whose cost is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip('mmseg')

from mmseg_ext.eda.profile import ClassProfile, DataProfile
from mmseg_ext.workflows.init.machine import Machine, StepCost
from mmseg_ext.workflows.init.plan import Plan, make_plan

PROFILE = DataProfile(
    '/data/x', {'train': 200, 'val': 50, 'test': 50}, {'labels': ('train', 'val')}, 'labels', 'labels', 'labels', None,
    measured=200, width=256, height=256, sizes=1, aspects=(0, 0),
    classes=(ClassProfile('ground', 0.8, 1.0, 200, None), ClassProfile('cat', 0.2, 0.9, 180, 60.0)), background=0,
    side=(30.0, 60.0, 100.0), extent=0.5, spread=1.5, mirrored=(), one_sided=(),
)  # fmt: skip
MACHINE = Machine('cpu', None, 2, 16.0)


def plan(profile: DataProfile = PROFILE, machine: Machine = MACHINE, second: float = 1.0, **kwargs: Any) -> Plan:
    """Steps of batch 8 at 256×256 take ``second`` in bfloat16, and grow with pixels and batch."""

    def step(size: tuple[int, int], batch: int, dtype: str) -> StepCost:
        factor = size[0] * size[1] / 256**2 * batch / 8
        return StepCost(second * factor * (2 if dtype == 'float32' else 1), 0.0, kwargs.pop('memory', 1.0))

    settings = {'minutes': 40, 'backbone': 'scratch', 'backbone_reason': '', 'val_images': 50, **kwargs}
    return make_plan(profile, machine, step, **settings)


def test_float32_where_the_processor_gains_nothing_from_bfloat16() -> None:
    planned = plan(machine=replace(MACHINE, gains_from_bfloat16=False))
    assert planned.dtype == 'float32'
    assert planned.choices['precision'].value == 'float32'


def test_the_input_is_as_large_as_enough_steps_allow() -> None:
    # 40 min less a tenth and 15 s: 2,145 s. Images of 256 px are enlarged to 320 at most: 1.5625 s a step.
    assert (plan().size, plan().steps, plan().dtype) == ((320, 320), 1350, 'bfloat16')
    assert plan(second=1.5).size == (288, 288)  # 320 would take 2.34 s, 915 steps; 288 takes 1.9 s, 1,130 steps
    assert plan(second=100.0).size == (192, 192)  # no smaller, however few steps there are
    large = replace(PROFILE, width=4000, height=3000, aspects=(200, 0))
    assert plan(large, second=0.1).size == (448, 320)  # the shape of 4:3, and the area of 384×384
    assert plan(replace(large, aspects=(100, 100)), second=0.1).size == (384, 384)  # upright and lying images
    assert plan(large, Machine('cuda', 'GPU', 8, 80.0), second=0.01).size == (896, 672)


def test_small_objects_are_worth_a_larger_input_with_few_steps() -> None:
    # A tenth of the objects have sides below 30 px, 26 at 224 px: 256 px where 300 steps fit (525 s), no enlargement.
    assert (plan(minutes=10).size, plan(minutes=10).steps) == ((256, 256), 500)
    assert (plan(minutes=5).size, plan(minutes=5).steps) == ((224, 224), 330)  # 255 s, and 255 steps at 256
    large = replace(PROFILE, side=(60.0, 80.0, 100.0))
    assert plan(large, minutes=10).size == (192, 192)  # 45 px there; 1,000 steps would fit at no larger one
    unknown = replace(PROFILE, side=None)
    assert plan(unknown, minutes=10).size == (192, 192)


def test_few_images_are_not_trained_on_for_thousands_of_passes() -> None:
    assert plan(second=0.01).steps == 200 * 200 // 8
    few = replace(PROFILE, images={'train': 5, 'val': 5})
    assert plan(few, second=0.01).steps == 500
    assert plan(few, second=0.01).test_split == 'val'


def test_flips_follow_the_places_of_the_classes() -> None:
    assert plan().flip == ('horizontal',)
    assert plan(replace(PROFILE, mirrored=(('left', 'right'),))).flip == ()
    assert plan(replace(PROFILE, one_sided=('heart',))).flip == ()
    turned = plan(any_orientation=True)
    assert (turned.flip, turned.rotate) == (('horizontal', 'vertical', 'diagonal'), 180)


def test_the_scale_follows_the_sizes_of_the_objects() -> None:
    assert plan().scale == (0.67, 1.5)
    assert plan(replace(PROFILE, spread=5.0)).scale == (0.62, 1.6)
    assert plan(replace(PROFILE, extent=1.0)).scale == (0.67, 1.3)


def test_classes_are_weighed_and_sampled_only_where_they_are_rare() -> None:
    assert (plan().class_weights, plan().oversample) == (None, None)
    rows = [(0.9, 1.0), (0.05, 0.8), (0.04, 0.7), (0.004, 0.05)]
    classes = tuple(
        ClassProfile(f'c{index}', pixels, images, round(200 * images), 20.0)
        for index, (pixels, images) in enumerate(rows)
    )
    found = plan(replace(PROFILE, classes=classes))
    assert found.class_weights == (1.0, 1.0, 1.0, 4.0)  # a tenth of the median, capped
    assert found.oversample == 0.3
    assert '10 of 200 images (5%)' in found.choices['sampling'].reason
    assert found.pasted == ()  # ten images are enough; nine are not
    few = plan(replace(PROFILE, classes=(*classes[:3], replace(classes[3], images=9))))
    assert (few.pasted, few.oversample) == ((3,), 0.3)
    assert 'c3 pasted into half of all images' in few.choices['sampling'].value


def plan_of_peaks(machine: Machine, **kwargs: Any) -> Plan:
    """Steps take a second of 8 images, 8 GB for them and 1 GB besides; the most that was in use never falls."""
    most = 0.0

    def step(size: tuple[int, int], batch: int, dtype: str) -> StepCost:
        nonlocal most
        most = max(most, 1.0 + batch)
        return StepCost(batch / 8, 0.0, most, base_gb=1.0)

    settings = {'minutes': 40, 'backbone': 'scratch', 'backbone_reason': '', 'val_images': 50, **kwargs}
    return make_plan(PROFILE, machine, step, **settings)


@pytest.mark.parametrize(
    ('memory', 'batch', 'used'), [(13.0, 8, 9), (12.0, 4, 5), (7.2, 4, 5), (7.1, 2, 3), (1.0, 2, 3)]
)
def test_the_batch_fits_into_the_memory(memory: float, batch: int, used: float) -> None:
    found = plan_of_peaks(Machine('cpu', None, 2, memory))  # of which a step may take 0.7
    assert found.batch == batch
    assert found.choices['batch'].reason.startswith(f'takes {used}.0 GB of {memory:g}; ')


def test_steps_of_a_smaller_batch_load_fewer_images_and_may_be_more() -> None:
    large, small = (plan_of_peaks(Machine('cpu', None, 2, memory), sample_seconds=0.1) for memory in (16.0, 7.2))
    assert (large.batch, large.seconds) == (8, 1.4)
    assert (small.batch, small.seconds) == (4, 0.7)
    large, small = (plan_of_peaks(Machine('cpu', None, 2, memory), minutes=4000) for memory in (16.0, 7.2))
    assert (large.steps, small.steps) == (200 * 200 // 8, 200 * 200 // 4)
