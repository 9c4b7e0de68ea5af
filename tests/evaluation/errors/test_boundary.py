"""Checked against SciPy's distance transforms and against all pairs of pixels."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from mmseg_ext.evaluation.confusion import confusion_matrix
from mmseg_ext.evaluation.errors.boundary import (
    TRIMAP_WIDTHS_PX,
    border_distance,
    boundary_region,
    distance_to,
    measure_boundaries,
    surface,
    surface_distances,
)


def outline(mask: np.ndarray) -> np.ndarray:
    """The surface once more: pixels of the mask whose 4-neighbourhood is not all mask."""
    padded = np.pad(mask, 1)
    return mask & ~(padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:])


def pair_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    a, b = np.argwhere(first), np.argwhere(second)
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1)).min(1)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 2.9]), st.floats(0.5, 4))
def test_surfaces_against_all_pairs(scenes: ModuleType, seed: int, tolerance: float, sigma: float) -> None:
    rng = np.random.default_rng(seed)
    true, predicted = (scenes.blobs(rng, (26, 31), 2, sigma) > 0 for _ in range(2))
    np.testing.assert_array_equal(surface(true), outline(true))
    hd95, nsd = surface_distances(true, predicted, tolerance)
    there = pair_distances(outline(true), outline(predicted))
    back = pair_distances(outline(predicted), outline(true))
    assert hd95 == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)), abs=1e-4)
    within = (there <= tolerance).sum() + (back <= tolerance).sum()
    assert nsd == pytest.approx(within / (len(there) + len(back)))


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_boundary_region_is_that_of_repeated_erosions(scenes: ModuleType, seed: int, reach: int) -> None:
    """As published: the mask in a border of zeros is eroded ``reach`` times by a 3×3 square."""
    mask = scenes.blobs(np.random.default_rng(seed), (26, 31), 2) > 0
    eroded = np.pad(mask, 1)
    for _ in range(reach):
        inner = np.zeros_like(eroded)
        inner[1:-1, 1:-1] = np.lib.stride_tricks.sliding_window_view(eroded, (3, 3)).all((2, 3))
        eroded = inner
    np.testing.assert_array_equal(boundary_region(mask, reach), mask & ~eroded[1:-1, 1:-1])


def test_boundary_region_of_a_disc_by_hand() -> None:
    """A diamond: along its diagonals a pixel 2 away in both directions is 2 away, not √8."""
    steps = np.arange(-4, 5)
    diamond = np.abs(steps[:, None]) + np.abs(steps) <= 4
    inner = np.abs(steps[:, None]) + np.abs(steps) == 0
    np.testing.assert_array_equal(boundary_region(diamond, 2), diamond & ~inner)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_border_distance_against_scipy(scenes: ModuleType, seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    truth = scenes.blobs(rng, (26, 31), classes)
    truth[rng.random(truth.shape) < 0.05] = 255
    found = border_distance(truth)
    for value in range(classes):
        other = (truth != value) & (truth != 255)
        if other.any():
            expected = ndimage.distance_transform_edt(~other)
            np.testing.assert_allclose(found[truth == value], expected[truth == value], atol=1e-4)
        else:
            assert np.isinf(found[truth == value]).all()
    assert np.isinf(found[truth == 255]).all()


def test_two_squares_by_hand() -> None:
    truth, prediction = np.zeros((2, 60, 80), np.uint8)  # diagonal 100: the boundary region is 2 px wide
    truth[10:30, 10:30] = 1
    prediction[10:30, 13:33] = 1
    scores = measure_boundaries(prediction, truth, 3, tolerance=2)
    ring = 20 * 20 - 16 * 16
    # Shared: two rows of 17 at top and bottom; the sides lie too far apart.
    shared = 4 * 17
    assert scores.boundary[1].tolist() == [shared, 2 * ring - shared]
    assert scores.hd95[1] == pytest.approx(3)
    # Of the 76 px of a surface more than 2 px away: the whole far side (20), and of the side inside the other square
    # all but those near its top and bottom (18 − 4).
    assert scores.nsd[1] == pytest.approx(1 - (20 + 14) / 76)
    assert math.isnan(scores.hd95[2])
    assert math.isnan(scores.nsd[2])
    within = border_distance(truth) <= 1
    np.testing.assert_array_equal(
        scores.trimap[0], confusion_matrix(prediction, np.where(within, truth, 255).astype(np.uint8), 3)
    )
    assert int(scores.trimap[0].sum()) == 76 + 80  # inside and outside of the square
    assert (np.diff(scores.trimap.sum((1, 2))) >= 0).all()
    assert len(scores.trimap) == len(TRIMAP_WIDTHS_PX)


def test_a_class_that_only_one_mask_has() -> None:
    truth, prediction = np.zeros((2, 20, 20), np.uint8)
    prediction[5:9, 5:9] = 1
    scores = measure_boundaries(prediction, truth, 2, tolerance=2)
    assert scores.nsd[1] == 0
    assert math.isnan(scores.hd95[1])
    assert scores.boundary[1, 0] == 0
    assert scores.boundary[1, 1] > 0
    assert not scores.trimap.any()


def test_ignored_pixels_neither_err_nor_make_a_border() -> None:
    rng = np.random.default_rng(0)
    truth, prediction = np.zeros((2, 40, 40), np.uint8)
    truth[10:30, 10:30] = prediction[10:30, 10:30] = 1
    truth[15:20, 15:40] = 255
    prediction[15:20, 15:40] = rng.integers(0, 2, (5, 25))
    scores = measure_boundaries(prediction, truth, 2, tolerance=1)
    assert scores.boundary[1, 0] == scores.boundary[1, 1] > 0
    assert (scores.hd95[1], scores.nsd[1]) == (0, 1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 0.5))
def test_exactly_the_distances_of_scipy(seed: int, height: int, width: int, share: float) -> None:
    region = np.random.default_rng(seed).random((height, width)) < share
    region[0, 0] = True
    np.testing.assert_array_equal(distance_to(region), ndimage.distance_transform_edt(~region))


def test_the_same_in_each_place_in_memory() -> None:
    region = np.zeros((60, 61), bool)
    region[3, 4] = region[50, 40] = True
    first = distance_to(region)
    for start in range(40):
        shifted = np.zeros(region.size + 64, bool)[start : start + region.size].reshape(region.shape)
        shifted[:] = region
        np.testing.assert_array_equal(distance_to(shifted), first)


def test_an_empty_map_is_infinitely_far() -> None:
    assert np.isinf(distance_to(np.zeros((2, 3)))).all()


def test_distances_are_measured_from_judged_pixels_only() -> None:
    """Two lines, four columns apart in rows 0–4; in the ignored rows below, the truth takes the predicted class."""
    truth, prediction = np.zeros((2, 10, 12), np.uint8)
    truth[:5, 5] = 1
    truth[5:] = 255
    prediction[:5, 9] = prediction[5:, 5] = 1
    prediction[6:8, 0:2] = 2  # on ignored pixels alone
    scores = measure_boundaries(prediction, truth, 3, tolerance=1)
    # From the true line: 4, 4, 3, 2 and 1 px to where the prediction goes on below; from the predicted one: 4 px each.
    assert scores.nsd[1] == pytest.approx(1 / 10)
    assert scores.hd95[1] == pytest.approx(4)
    assert math.isnan(scores.nsd[2])
    assert math.isnan(scores.hd95[2])


def test_surfaces_that_lie_on_ignored_pixels_give_no_score() -> None:
    square = np.zeros((9, 9), bool)
    square[2:7, 2:7] = True
    inside = np.zeros_like(square)
    inside[3:6, 3:6] = True
    assert np.isnan(surface_distances(square, square, 1, inside)).all()
    assert surface_distances(square, square, 1, ~inside) == (0, 1)
