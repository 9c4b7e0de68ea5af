from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mmseg_ext.converters.regions import join_loops, trace_loops
from mmseg_ext.data.polygons import fill_polygon


@settings(max_examples=60, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_the_outlines_of_pixels_fill_to_these_pixels(pixels: NDArray[np.bool_]) -> None:
    loops = [loop.astype(float) for loop in trace_loops(pixels)] if pixels.any() else []
    filled = np.zeros_like(pixels)
    for loop in loops:
        assert (np.abs(np.diff(loop, axis=0, append=loop[:1])) > 0).sum() == len(loop)  # along rows and columns
        filled ^= fill_polygon(loop, *pixels.shape)
    np.testing.assert_array_equal(filled, pixels)
    if loops:
        np.testing.assert_array_equal(fill_polygon(join_loops(loops), *pixels.shape), pixels)


def test_pixels_that_touch_at_a_corner_have_loops_of_their_own() -> None:
    loops = trace_loops(np.array([[True, False], [False, True]]))
    assert sorted(loop.tolist() for loop in loops) == [
        [[0, 0], [1, 0], [1, 1], [0, 1]], [[1, 1], [2, 1], [2, 2], [1, 2]],
    ]  # fmt: skip
    ring = np.pad(np.zeros((1, 1), bool), 1, constant_values=True)
    assert sorted(len(loop) for loop in trace_loops(ring)) == [4, 4]
