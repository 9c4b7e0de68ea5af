from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.errors.causes import (
    CAUSES,
    CauseSettings,
    cause_counts,
    cause_map,
    measure_repairs,
    repaired,
    thin_parts,
)
from mmseg_ext.evaluation.scores import scores_from_confusion

NUMBER = {name: number for number, name in enumerate(CAUSES, 1)}
EIGHT = np.ones((3, 3))


def masks(size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8)


def found(prediction: np.ndarray, truth: np.ndarray, **numbers: float) -> dict[str, int]:
    """Cause → pixels."""
    causes = cause_map(prediction, truth, settings=CauseSettings(**{'band': 2, 'radius': 2, **numbers}))
    return {CAUSES[value - 1]: int((causes == value).sum()) for value in np.unique(causes) if value}


def test_a_right_prediction_has_no_causes() -> None:
    truth, _ = masks()
    truth[5:20, 5:20] = 1
    assert found(truth.copy(), truth) == {}


def test_background_hallucination_touches_no_object() -> None:
    truth, prediction = masks()
    truth[2:12, 2:12] = prediction[2:12, 2:12] = 1
    prediction[20:30, 20:30] = 2
    assert found(prediction, truth) == {'background hallucination': 100}
    prediction[range(12, 20), range(12, 20)] = 2  # a bridge to the object's corner: now one region with it
    assert found(prediction, truth) == {'boundary band': 1, 'spill-over': 107}


def test_missed_object_is_one_of_which_less_than_a_tenth_is_predicted() -> None:
    truth, prediction = masks()
    truth[5:15, 5:15] = 1
    prediction[5, 5:14] = 2  # 9 of 100, under another class
    assert found(prediction, truth) == {'missed object': 100}
    prediction[5, 5:15] = 2
    assert 'missed object' not in found(prediction, truth)


def test_a_class_swap_takes_the_whole_object_and_a_mixture_a_part() -> None:
    truth, prediction = masks()
    truth[5:25, 5:25] = 1
    prediction[5:25, 5:25] = 2
    assert found(prediction, truth) == {'class swap': 400}
    prediction[5:6, 5:25] = 1  # 20 of 400
    assert found(prediction, truth) == {'class swap': 380}
    prediction[5:7, 5:25] = 1  # 40 of 400
    assert found(prediction, truth) == {'mixed classes': 360}


def test_a_displaced_border_between_classes_is_no_mixture() -> None:
    truth, prediction = masks()
    truth[5:25, 5:20], truth[5:25, 20:35] = 1, 2
    prediction[5:25, 5:15], prediction[5:25, 15:35] = 1, 2
    # Five columns of class 1 are called 2; two of them lie within 2 px of the true class 2.
    assert found(prediction, truth) == {'boundary band': 2 * 20, 'mixed classes': 3 * 20}


def test_a_tail_is_a_thin_part_and_a_corner_is_not() -> None:
    truth, prediction = masks()
    truth[5:25, 5:25] = 1
    truth[14:17, 25:38] = 1
    prediction[5:25, 5:25] = 1
    into_tail = 4  # as far as a disc of radius 2 reaches into the tail
    assert found(prediction, truth) == {'missed thin part': 3 * 13 - into_tail, 'boundary band': into_tail}
    prediction[14:17, 25:38] = 1
    prediction[5, 5] = 0
    assert found(prediction, truth) == {'boundary band': 1}


def test_a_part_at_the_edge_of_the_image_is_not_thin() -> None:
    truth = np.zeros((30, 30), bool)
    truth[10:20, :3] = True
    assert not thin_parts(truth, 2, 2).any()
    assert thin_parts(np.roll(truth, 10, axis=1), 2, 2).sum() == 30


def test_boundary_band_on_both_sides() -> None:
    truth, prediction = masks()
    truth[10:30, 10:30] = 1
    prediction[8:32, 8:32] = 1
    corners = 4 * 3  # at distances √5 and √8 of the object
    assert found(prediction, truth) == {'boundary band': 24 * 24 - 400 - corners, 'spill-over': corners}
    prediction[:] = 0
    prediction[12:28, 12:28] = 1
    assert found(prediction, truth) == {'boundary band': 400 - 256}


def test_a_hole_is_enclosed_and_a_missed_part_is_open() -> None:
    truth, prediction = masks()
    truth[5:35, 5:35] = 1
    prediction[5:35, 5:35] = 1
    prediction[15:20, 15:20] = 0
    assert found(prediction, truth) == {'hole': 25}
    prediction[15:20, 15:] = 0
    assert found(prediction, truth) == {'missed part': 5 * 18, 'boundary band': 5 * 2}


def test_a_diagonal_does_not_open_a_hole() -> None:
    truth = np.ones((20, 20), np.uint8)
    prediction = truth.copy()
    prediction[5:8, 5:8] = 0
    prediction[range(5), range(5)] = 0  # from the corner of the image to that of the hole
    assert found(prediction, truth) == {'hole': 9 + 4, 'missed part': 1}


def test_a_gap_at_the_edge_of_the_image_is_no_hole() -> None:
    truth = np.ones((20, 20), np.uint8)
    prediction = truth.copy()
    prediction[:5, 8:12] = 0
    assert found(prediction, truth) == {'missed part': 20}


def test_a_prediction_on_ignored_pixels_joins_regions() -> None:
    truth, prediction = masks()
    truth[10:20, 10:20] = 1
    truth[10:20, 20:24] = 255
    prediction[10:20, 10:30] = 1
    assert found(prediction, truth) == {'spill-over': 60}
    prediction[10:20, 20:24] = 0
    assert found(prediction, truth) == {'background hallucination': 60}


def test_without_background_all_errors_are_confusions() -> None:
    truth, prediction = masks()
    truth[:, 20:] = 1
    prediction[:, 10:] = 1
    causes = cause_map(prediction, truth, background=None, settings=CauseSettings(band=2, radius=2))
    assert {CAUSES[value - 1] for value in np.unique(causes[causes > 0])} == {'boundary band', 'mixed classes'}
    swapped = cause_map(1 - truth, truth, background=None)
    assert (swapped == NUMBER['class swap']).all()


def test_band_and_radius_follow_the_size_of_the_image() -> None:
    assert CauseSettings().for_size((256, 256)) == (4, 4)
    assert CauseSettings().for_size((20, 20)) == (1, 1)
    assert CauseSettings(band=2.5, radius=7).for_size((256, 256)) == (2.5, 7)


def test_masks_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match='differ in size'):
        cause_map(np.zeros((3, 4), np.uint8), np.zeros((4, 3), np.uint8))


SHAPES = st.tuples(st.integers(1, 24), st.integers(1, 24))


@given(
    st.integers(1, 20),
    SHAPES,
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.0, 0.2, 1.0]),
)
def test_the_causes_add_up_to_all_wrong_pixels(
    classes: int, shape: tuple[int, int], seed: int, smooth: bool, has_background: bool, ignored: float
) -> None:
    rng = np.random.default_rng(seed)
    truth, prediction = rng.integers(0, classes, (2, *shape)).astype(np.uint8)
    if smooth:
        truth, prediction = (np.kron(mask, np.ones((4, 4), np.uint8)) for mask in (truth, prediction))
    truth[rng.random(truth.shape) < ignored] = 255
    background = int(rng.integers(0, classes)) if has_background else None
    causes = cause_map(prediction, truth, background=background)
    wrong = (truth != 255) & (truth != prediction)
    np.testing.assert_array_equal(causes > 0, wrong)
    assert causes.max(initial=0) <= len(CAUSES)
    counts = cause_counts(causes, prediction, truth, classes)
    expected = confusion_matrix(prediction, truth, classes)
    np.fill_diagonal(expected, 0)
    np.testing.assert_array_equal(counts.sum(0), expected)
    assert [int(counted.sum()) for counted in counts] == [int((causes == number).sum()) for number in NUMBER.values()]


class Reference:
    """The rules once more, pixel by pixel and with SciPy."""

    def __init__(self, prediction: np.ndarray, truth: np.ndarray, band: float, radius: int) -> None:
        self.predicted, self.true, self.band, self.radius = prediction, truth, band, radius
        self.valid = truth != 255
        self.true_object = self.valid & (truth != 0)
        self.predicted_object = prediction != 0

    def region(self, binary: np.ndarray, at: tuple[int, int], structure: np.ndarray | None = EIGHT) -> np.ndarray:
        labels, _ = ndimage.label(binary, structure)
        return labels == labels[at]

    def is_near(self, there: np.ndarray, at: tuple[int, int]) -> bool:
        ys, xs = np.nonzero(there)
        return bool(len(ys)) and bool(((ys - at[0]) ** 2 + (xs - at[1]) ** 2).min() <= self.band**2 + 1e-9)

    def is_thin(self, at: tuple[int, int]) -> bool:
        same = self.true == self.true[at]
        steps = np.arange(-self.radius, self.radius + 1)
        disc = steps[:, None] ** 2 + steps**2 <= self.radius**2
        left = ndimage.binary_dilation(ndimage.binary_erosion(same, disc, border_value=1), disc)
        removed = same & ~left
        if not removed[at]:
            return False
        piece = self.region(removed, at)
        if not left.any():
            return True
        return bool(ndimage.distance_transform_edt(~left)[piece].max() > self.band)

    def cause(self, at: tuple[int, int]) -> str:
        t, p = self.true[at], self.predicted[at]
        if t == 0:
            if not (self.region(self.predicted_object, at) & self.true_object).any():
                return 'background hallucination'
            return 'boundary band' if self.is_near(self.true_object, at) else 'spill-over'
        its_object = self.region(self.true == t, at)
        share = self.predicted_object[its_object].mean()
        if share < 0.1:
            return 'missed object'
        if p:
            if (self.predicted[its_object] == t).sum() < 0.1 * self.predicted_object[its_object].sum():
                return 'class swap'
            return 'boundary band' if self.is_near(self.true == p, at) else 'mixed classes'
        if self.is_thin(at):
            return 'missed thin part'
        if self.is_near(self.valid & (self.true == 0), at):
            return 'boundary band'
        gap = self.region(~self.predicted_object, at, None)
        edge = gap[0].any() or gap[-1].any() or gap[:, 0].any() or gap[:, -1].any()
        return 'missed part' if edge else 'hole'


@settings(max_examples=25)
@given(st.integers(2, 4), st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 2.5]), st.integers(1, 3))
def test_an_independent_reading_of_the_rules(
    scenes: ModuleType, classes: int, seed: int, band: float, radius: int
) -> None:
    rng = np.random.default_rng(seed)
    truth = scenes.blobs(rng, (30, 34), classes)
    prediction = scenes.disturbed(rng, truth, classes)
    truth[rng.random(truth.shape) < 0.02] = 255
    causes = cause_map(prediction, truth, settings=CauseSettings(band=band, radius=radius))
    reference = Reference(prediction, truth, band, radius)
    places = np.argwhere(causes > 0)
    for y, x in places[rng.permutation(len(places))[:40]]:
        assert CAUSES[causes[y, x] - 1] == reference.cause((y, x)), (y, x)


def test_repair_by_hand() -> None:
    confusion = np.array([[10, 3], [2, 5]])
    np.testing.assert_array_equal(repaired(confusion, np.array([[0, 2], [1, 0]])), [[12, 1], [1, 6]])


def test_the_gain_is_that_of_masks_with_the_pixels_set_to_the_truth(scenes: ModuleType) -> None:
    masks = scenes.random_masks(6, 3)
    maps = {stem: cause_map(prediction, truth) for stem, (truth, prediction) in masks.items()}
    confusion = np.stack([confusion_matrix(prediction, truth, 3) for truth, prediction in masks.values()])
    causes = np.stack([cause_counts(maps[stem], p, t, 3) for stem, (t, p) in masks.items()])
    repairs = measure_repairs(confusion, causes, resamples=200)
    before = scores_from_confusion(confusion.sum(0))['mDice']
    for number, repair in enumerate(repairs, 1):
        repaired_counts = sum(
            confusion_matrix(np.where(maps[stem] == number, t, p), t, 3) for stem, (t, p) in masks.items()
        )
        after = scores_from_confusion(repaired_counts)['mDice']
        assert repair.gain.value == pytest.approx(100 * (after - before))
        assert repair.gain.low <= repair.gain.value <= repair.gain.high
        assert repair.pixels == sum(int((causes == number).sum()) for causes in maps.values())
        assert repair.images == sum(bool((causes == number).any()) for causes in maps.values())
    assert len(repairs) == len(CAUSES)
    assert sum(repair.share.value for repair in repairs) == pytest.approx(100)
    assert sum(repair.pixels > 0 for repair in repairs) >= 5


def test_a_result_without_errors_has_no_shares() -> None:
    confusion = np.array([[[5, 0], [0, 5]]])
    repairs = measure_repairs(confusion, np.zeros((1, 9, 2, 2), np.int64), resamples=10)
    assert all(np.isnan(repair.share.value) and repair.gain.value == 0 for repair in repairs)
