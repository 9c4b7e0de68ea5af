from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.evaluation.errors.slices import Slice
from mmseg_ext.evaluation.errors.worst_slices import _deal, _ratio_and_variance, search_worst

COUNT = 90


def features(rng: np.random.Generator) -> list[Slice]:
    """Three features of three thirds each."""
    slices = []
    for name in 'abc':
        value = rng.permutation(COUNT) % 3
        slices += [Slice(name, f'{name}{n}', '', value == n, np.ones(COUNT, bool)) for n in range(3)]
    return slices


def scores(rng: np.random.Generator) -> np.ndarray:
    """2 TP and true + predicted of each object, with no relation to any feature."""
    whole = rng.uniform(100, 2000, COUNT)
    return np.stack([whole * rng.beta(18, 2, COUNT), whole], axis=1)


def test_a_planted_slice_of_two_features_is_found() -> None:
    rng = np.random.default_rng(0)
    slices, parts = features(rng), scores(rng)
    bad = slices[1].members & slices[5].members
    parts[bad, 0] *= 0.6
    found = search_worst(slices, parts, np.arange(COUNT), least=5, permutations=199)
    assert found.worst[0].slice.name == 'a1, b2'
    np.testing.assert_array_equal(found.worst[0].slice.members, bad)
    assert found.worst[0].p == pytest.approx(1 / 200)
    assert found.tried == 9 + 27
    statistics = [one.statistic for one in found.worst]
    assert statistics == sorted(statistics, reverse=True)


def test_without_bad_slices_a_false_alarm_is_rare() -> None:
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found = search_worst(features(rng), scores(rng), np.arange(COUNT), least=8, permutations=99, top=1, seed=seed)
        alarms += found.worst[0].p <= 0.1
    assert alarms <= 13  # 6 are expected; more than 13 have a chance of 0.3 %


def test_objects_of_one_image_are_not_taken_for_independent() -> None:
    """Ten objects an image, all alike: 60 objects are six images, which cannot prove much."""
    alarms = 0
    image = np.repeat(np.arange(12), 10)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        bad = rng.permutation(12) < 4
        quality = rng.normal(0.8, 0.1, 12)[image]
        parts = np.stack([quality * 100, np.full(120, 100.0)], axis=1)
        one = Slice('f', 'n', '', bad[image], np.ones(120, bool))
        worst = search_worst([one], parts, image, least=5, permutations=99, seed=seed).worst
        alarms += bool(worst) and worst[0].p <= 0.05
    assert alarms <= 7  # 2 are expected; objects taken for independent give some 15


def test_dealing_keeps_images_together() -> None:
    images = np.array([0, 0, 1, 2, 2, 3, 4])
    for seed in range(20):
        source = _deal(images, np.random.default_rng(seed))
        assert sorted(source) == list(range(7))
        for image in (0, 2):
            given = images[source[images == image]]
            assert given[0] == given[1]
            assert given[0] in (0, 2)
        assert set(images[source[[2, 5, 6]]]) == {1, 3, 4}


def test_the_variance_is_that_of_the_bootstrap() -> None:
    rng = np.random.default_rng(3)
    parts = scores(rng)
    ratio, variance = _ratio_and_variance(np.ones((1, COUNT)), parts)
    draws = parts[rng.integers(0, COUNT, (4000, COUNT))].sum(1)
    assert ratio[0] == pytest.approx(parts[:, 0].sum() / parts[:, 1].sum())
    assert np.sqrt(variance[0]) == pytest.approx((draws[:, 0] / draws[:, 1]).std(), rel=0.08)


def test_slices_that_say_the_same_are_listed_once() -> None:
    rng = np.random.default_rng(4)
    parts = scores(rng)
    bad = np.arange(COUNT) < 20
    parts[bad, 0] *= 0.5
    nearly = bad.copy()
    nearly[19] = False
    known = np.ones(COUNT, bool)
    slices = [Slice('f', 'bad', '', bad, known), Slice('g', 'nearly', '', nearly, known)]
    found = search_worst(slices, parts, np.arange(COUNT), permutations=49)
    assert len(found.worst) == 1
    assert found.tried == 2  # together they are no new group


def test_too_few_objects_are_not_looked_at() -> None:
    members = np.arange(COUNT) < 7
    found = search_worst([Slice('f', 'n', '', members, np.ones(COUNT, bool))], np.ones((COUNT, 2)), np.arange(COUNT))
    assert (found.worst, found.tried, found.least) == ([], 0, 8)
