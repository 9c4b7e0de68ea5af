from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.data.tiles import TileMean, place_tiles, tile_weights


def test_places_by_hand() -> None:
    assert place_tiles(4, 4, 4, 2) == [(0, 0, 4, 4)]
    assert place_tiles(3, 9, 4, 3) == [(0, 0, 3, 4), (0, 3, 3, 7), (0, 5, 3, 9)]  # the last one is moved back
    assert place_tiles(8, 4, 4, 4) == [(0, 0, 4, 4), (4, 0, 8, 4)]


@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 40), st.data())
def test_every_pixel_is_covered_by_tiles_of_one_size(height: int, width: int, tile: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(1, tile))
    covered = np.zeros((height, width), int)
    tiles = place_tiles(height, width, tile, stride)
    assert len(set(tiles)) == len(tiles)
    for top, left, bottom, right in tiles:
        assert (bottom - top, right - left) == (min(tile, height), min(tile, width))
        covered[top:bottom, left:right] += 1
    assert covered.min() > 0
    if stride == tile and height % tile == 0 and width % tile == 0:
        assert covered.max() == 1


def test_weights_fall_towards_the_border() -> None:
    np.testing.assert_allclose(tile_weights(1, 4), [[0.25, 0.75, 0.75, 0.25]])
    weights = tile_weights(6, 5)
    assert weights.min() > 0
    np.testing.assert_allclose(weights, weights[::-1, ::-1])
    assert (weights[3, 2], weights.argmax() in (2 * 5 + 2, 3 * 5 + 2)) == (weights.max(), True)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 16), st.data())
def test_tiles_of_a_whole_give_the_whole(height: int, width: int, tile: int, data: st.DataObject) -> None:
    whole = np.random.default_rng(0).normal(size=(2, height, width)).astype(np.float32)
    mean = TileMean(height, width)
    for top, left, bottom, right in place_tiles(height, width, tile, data.draw(st.integers(1, tile))):
        mean.add((top, left, bottom, right), whole[:, top:bottom, left:right])
    np.testing.assert_allclose(mean.result(), whole, atol=1e-5)


def test_where_tiles_disagree_the_one_that_has_the_pixel_inside_counts_more() -> None:
    mean = TileMean(1, 6)
    mean.add((0, 0, 1, 4), np.zeros((1, 1, 4), np.float32))
    mean.add((0, 2, 1, 6), np.ones((1, 1, 4), np.float32))
    np.testing.assert_allclose(mean.result()[0, 0], [0, 0, 0.25, 0.75, 1, 1])
    with pytest.raises(ValueError, match='no tile'):
        TileMean(1, 1).result()
