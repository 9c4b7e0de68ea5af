from __future__ import annotations

import numpy as np
import pytest
from boxed_cat import given, photograph, suggested

from mmseg_ext.review import snap_region


def test_a_rough_box_becomes_the_shape_in_it() -> None:
    np.testing.assert_array_equal(snap_region(photograph(), given() == 1), suggested() == 1)


def test_what_was_cut_off_is_found_again_within_the_band() -> None:
    cut = suggested() == 1
    cut[:, 17] = False
    np.testing.assert_array_equal(snap_region(photograph(), cut), suggested() == 1)


def test_a_large_region_is_refined_on_a_smaller_copy() -> None:
    large = np.ones((50, 50), np.uint8)
    image, region, shape = (np.kron(a, large[..., None] if a.ndim == 3 else large) for a in (
        photograph(), (given() == 1).astype(np.uint8), (suggested() == 1).astype(np.uint8)
    ))  # fmt: skip
    found = snap_region(image, region > 0)
    assert np.count_nonzero(found & (shape > 0)) / np.count_nonzero(found | (shape > 0)) > 0.98


@pytest.mark.parametrize('region', [np.zeros((30, 40), bool), np.ones((30, 40), bool)])
def test_nothing_to_learn_from_changes_nothing(region: np.ndarray) -> None:
    np.testing.assert_array_equal(snap_region(photograph(), region), region)
