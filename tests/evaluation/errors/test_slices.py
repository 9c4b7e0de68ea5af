from __future__ import annotations

import math

import numpy as np
import pytest

from mmseg_ext.eda.statistics.measure import ObjectRow
from mmseg_ext.evaluation.errors.features import FEATURES, ObjectSample
from mmseg_ext.evaluation.errors.slices import DARK_ON_DARK, Slice, dice_parts, make_slices, score_slice


def sample(
    image: int, hit: int, missed: int, *, class_index: int = 1, light: float = 50, **values: float
) -> ObjectSample:
    """An object of which some pixels are found and others taken for ground."""
    confusion = np.zeros((3, 3), np.int64)
    confusion[0, 0] = 1000
    confusion[class_index, class_index], confusion[class_index, 0] = hit, missed
    row = ObjectRow('', '', class_index, 1.0, light, light, 0.0, 0.5, 0.5, image % 2 == 0)
    return ObjectSample(image, row, {feature.name: values.get(feature.name, 1.0) for feature in FEATURES}, 1, confusion)


def dice(hit: int, missed: int) -> float:
    return 100 * 2 * hit / (2 * hit + missed)


def test_scores_by_hand() -> None:
    samples = [sample(i, 100, 0) for i in range(8)] + [sample(i, 30, 30, class_index=2) for i in range(8, 16)]
    samples[9].confusion[2, 1] = 1  # a stray pixel of class 1, which the slice does not show
    samples[9].confusion[2, 2] -= 1
    members = np.arange(16) >= 8
    score = score_slice(Slice('f', 'n', '', members, np.ones(16, bool)), samples, 16, resamples=100)
    assert (score.objects, score.images) == (8, 8)
    assert score.dice.value == pytest.approx(100 * 2 * 239 / (480 + 239 + 1))
    assert score.gap.value == pytest.approx(score.dice.value - 100)
    assert score.relative.value == pytest.approx(score.dice.value - 100)
    assert score.gap.low == pytest.approx(score.gap.high, abs=1)  # nearly all images of a side are alike
    assert score.class_dice[2] == pytest.approx(100 * 2 * 239 / (480 + 239))
    assert math.isnan(score.class_dice[1])


def test_relative_is_a_share_of_the_rest() -> None:
    samples = [sample(i, 60, 40) for i in range(6)] + [sample(i, 20, 80) for i in range(6, 12)]
    score = score_slice(Slice('f', 'n', '', np.arange(12) >= 6, np.ones(12, bool)), samples, 12, resamples=20)
    rest, inside = dice(60, 40), dice(20, 80)
    assert score.relative.value == pytest.approx(100 * (inside - rest) / rest)


def test_objects_of_one_image_are_drawn_together() -> None:
    rng = np.random.default_rng(0)
    hits = rng.integers(10, 100, 40)
    chosen = Slice('f', 'n', '', np.ones(160, bool), np.ones(160, bool))
    alone = score_slice(chosen, [sample(i, int(h), 50) for i, h in enumerate(np.repeat(hits, 4))], 160)
    together = score_slice(chosen, [sample(i // 4, int(h), 50) for i, h in enumerate(np.repeat(hits, 4))], 40)
    width = [score.dice.high - score.dice.low for score in (alone, together)]
    assert width[1] == pytest.approx(2 * width[0], rel=0.15)


def test_a_slice_of_few_images_has_no_interval() -> None:
    samples = [sample(i, 50 + i, 50) for i in range(20)]
    for few in (4, 16):
        members = np.arange(20) < few
        score = score_slice(Slice('f', 'n', '', members, np.ones(20, bool)), samples, 20, resamples=20)
        assert math.isnan(score.gap.low)
        assert not math.isnan(score.gap.value)
        assert math.isnan(score.dice.low) == (few == 4)


def test_thirds_are_of_equal_size_and_hold_every_object_once() -> None:
    samples = [sample(i, 10, 1, size=float(i), texture=math.nan if i < 3 else float(i)) for i in range(30)]
    slices = make_slices(samples, ('ground', 'cat', 'dog'))
    thirds = [one for one in slices if one.feature == 'size']
    assert [one.members.sum() for one in thirds] == [10, 10, 10]
    assert [one.limits for one in thirds] == ['≤ 9.67 %', '9.67 to 19.3 %', '> 19.3 %']
    assert np.flatnonzero(thirds[0].members).tolist() == list(range(10))
    textures = [one for one in slices if one.feature == 'texture']
    assert sum(one.members.sum() for one in textures) == 27
    assert not any(one.members[:3].any() or one.known[:3].any() for one in textures)
    assert not [one for one in slices if one.feature == 'thinness']  # all objects are alike
    for feature in ('class', 'edge of the image', 'objects in the image'):
        group = [one.members for one in slices if one.feature == feature]
        np.testing.assert_array_equal(np.sum(group, axis=0), np.ones(30))


def test_dark_on_dark_is_below_85_on_both_sides() -> None:
    samples = [sample(i, 10, 1, light=light) for i, light in enumerate((84.9, 85.0, 20, math.nan))]
    dark = next(one for one in make_slices(samples, ('ground', 'cat', 'dog')) if one.name == DARK_ON_DARK)
    assert dark.members.tolist() == [True, False, True, False]
    assert dark.known.tolist() == [True, True, True, False]


def test_dice_parts_leave_the_ground_out_but_count_what_is_called_another_class() -> None:
    one = sample(0, 7, 2)
    one.confusion[1, 2] = 5
    one.confusion[0, 2] = 3
    assert dice_parts([one], 0).tolist() == [[14, (7 + 2 + 5) + 7 + (5 + 3)]]
    assert dice_parts([one], None).tolist() == [[14 + 2000, 2 * (1000 + 7 + 2 + 5 + 3)]]
