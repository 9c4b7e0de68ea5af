from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage, stats

from mmseg_ext.eda.quality.edges import TOLERANCE_PX, edge_support, near, outline

images = arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3)))
maps = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))


@given(images)
def test_support_is_a_rank_with_mean_0(image: np.ndarray) -> None:
    support = edge_support(image)
    assert support.shape == image.shape[:2]
    assert support.dtype == np.float32
    assert np.abs(support).max() <= 1
    assert support.mean() == pytest.approx(0, abs=1e-5)


def test_ties_share_their_rank_as_in_scipy() -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    image[:, 15:] = (40, 90, 200)
    support = edge_support(image)
    expected = (stats.rankdata(support, 'average').reshape(20, 30) - 0.5) / 600
    np.testing.assert_allclose((support + 1) / 2, expected, rtol=1e-5)
    assert (support[:, 13:17] > 0.6).all()  # two pixels on either side of the step
    assert (support[:, :8] < 0).all()
    assert len(np.unique(support[:, :8])) == 1


def test_a_flat_image_supports_nothing_and_a_colour_is_an_edge() -> None:
    image = np.full((9, 9, 3), 77, np.uint8)
    np.testing.assert_allclose(edge_support(image), 0, atol=1e-6)
    red, green = (0, 0, 150), (0, 90, 0)  # of nearly the same brightness
    image[:, :5], image[:, 5:] = red, green
    assert edge_support(image)[:, 4:6].min() > edge_support(image)[:, 0].max()


def test_a_dull_image_has_the_edges_of_a_strong_one() -> None:
    rng = np.random.default_rng(0)
    strong = ndimage.gaussian_filter(rng.uniform(0, 255, (40, 40)), 3)
    strong = (strong - strong.min()) / np.ptp(strong) * 200
    dull = strong / 4 + 80
    both = [edge_support(np.repeat(np.round(x).astype(np.uint8)[..., None], 3, axis=2)) for x in (strong, dull)]
    assert stats.spearmanr(both[0].ravel(), both[1].ravel()).statistic > 0.9


@given(maps)
def test_outline_and_surroundings_as_scipy_has_them(binary: np.ndarray) -> None:
    inside = ndimage.binary_erosion(binary, np.ones((3, 3)), border_value=1)  # the image's border is no outline
    np.testing.assert_array_equal(outline(binary), binary & ~inside)
    side = 2 * TOLERANCE_PX + 1
    np.testing.assert_array_equal(near(binary), ndimage.binary_dilation(binary, np.ones((side, side))))


def test_the_outline_of_a_square() -> None:
    square = np.zeros((9, 9), bool)
    square[2:7, 2:7] = True
    assert outline(square).sum() == 16
    square = np.zeros((9, 9), bool)
    square[:5, :5] = True  # in a corner: only its right and lower side
    assert outline(square).sum() == 9
