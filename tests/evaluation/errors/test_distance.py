from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from mmseg_ext.evaluation.errors.distance import distance_to


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.floats(0.01, 0.5))
def test_exactly_the_distances_of_scipy(seed: int, height: int, width: int, share: float) -> None:
    there = np.random.default_rng(seed).random((height, width)) < share
    there[0, 0] = True
    np.testing.assert_array_equal(distance_to(there), ndimage.distance_transform_edt(~there))


def test_the_same_in_each_place_in_memory() -> None:
    there = np.zeros((60, 61), bool)
    there[3, 4] = there[50, 40] = True
    first = distance_to(there)
    for start in range(40):
        shifted = np.zeros(there.size + 64, bool)[start : start + there.size].reshape(there.shape)
        shifted[:] = there
        np.testing.assert_array_equal(distance_to(shifted), first)


def test_an_empty_map_is_infinitely_far() -> None:
    assert np.isinf(distance_to(np.zeros((2, 3)))).all()
