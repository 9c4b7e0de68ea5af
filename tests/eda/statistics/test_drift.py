from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.eda.statistics.drift import holm, ks_distance, permutation_p
from mmseg_ext.eda.statistics.quantities import Sample

VALUES = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=12)


def one_each(values: list[float]) -> Sample:
    return Sample(np.array(values), np.arange(len(values)))


@given(VALUES, VALUES)
def test_the_distance_is_scipys(first: list[float], second: list[float]) -> None:
    stats = pytest.importorskip('scipy.stats')
    expected = stats.ks_2samp(first, second, method='asymp').statistic
    assert ks_distance(np.array(first), np.array(second)) == pytest.approx(expected)


def exact_p(first: Sample, second: Sample) -> float:
    """Try all assignments of the images, instead of some."""
    images = [sample.values[sample.images == image] for sample in (first, second) for image in np.unique(sample.images)]
    count = len(np.unique(first.images))
    true = ks_distance(first.values, second.values)
    distances = []
    for chosen in itertools.combinations(range(len(images)), count):
        mine = np.concatenate([images[index] for index in chosen])
        theirs = np.concatenate([values for index, values in enumerate(images) if index not in chosen])
        distances.append(ks_distance(mine, theirs))
    return float(np.mean(np.array(distances) >= true - 1e-9))


@pytest.mark.parametrize('seed', range(6))
def test_p_is_that_of_all_assignments_of_the_images(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = (
        Sample(rng.integers(0, 5, size).astype(float), np.sort(rng.integers(0, 4, size))) for size in (9, 7)
    )
    found = permutation_p(first, second, permutations=4000, seed=seed)
    assert found == pytest.approx(exact_p(first, second), abs=0.035)  # over four standard deviations


def test_the_numbers_of_the_images_mean_nothing_but_which_belong_together() -> None:
    first, second = one_each([1, 2, 3, 4]), one_each([3, 4, 5, 6, 7])
    renamed = Sample(second.values, np.array([40, 7, 99, 3, 12]))
    assert permutation_p(first, second) == pytest.approx(permutation_p(first, renamed), abs=0.05)


def test_many_alike_objects_of_one_image_are_no_evidence() -> None:
    stats = pytest.importorskip('scipy.stats')
    rng = np.random.default_rng(0)
    images = np.repeat(np.arange(6), 50)
    first, second = (Sample(rng.normal(size=6)[images] + 0.01 * rng.normal(size=300), images) for _ in range(2))
    assert stats.ks_2samp(first.values, second.values).pvalue < 1e-6
    p = permutation_p(first, second)
    assert p is not None
    assert p > 0.05


def test_true_drift_is_found_and_equal_splits_have_none() -> None:
    low, high = one_each([float(value) for value in range(20)]), one_each([float(value) for value in range(100, 120)])
    assert permutation_p(low, high, permutations=999) == 1 / 1000
    assert permutation_p(low, low) == 1


def test_one_image_cannot_be_compared() -> None:
    assert permutation_p(one_each([1.0]), one_each([2.0, 3.0])) is None


def test_chunks_do_not_change_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = one_each([0.0, 1.0, 2.0]), one_each([1.0, 2.0, 3.0, 4.0])
    whole = permutation_p(first, second)
    monkeypatch.setattr('mmseg_ext.eda.statistics.drift.MAX_CHUNK_VALUES', 70)
    assert permutation_p(first, second) == whole  # the generator's stream is the same, however it is cut


@pytest.mark.parametrize(
    ('p', 'expected'),
    [
        ([0.01, 0.04, 0.03, 0.005], [True, False, False, True]),  # 0.005 ≤ 0.05/4, 0.01 ≤ 0.05/3, 0.03 > 0.05/2
        ([0.04], [True]),
        ([0.04, None, 0.02], [True, False, True]),
        ([0.03, 0.03], [False, False]),
        ([], []),
    ],
)
def test_holm_by_hand(p: list[float | None], expected: list[bool]) -> None:
    assert holm(p) == expected
