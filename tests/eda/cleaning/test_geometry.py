from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from mmseg_ext.eda.cleaning.geometry import (
    around,
    border_length,
    contacts,
    depth,
    find_holes,
    fine_detail,
    neighbours,
    touches,
)
from mmseg_ext.eda.regions import find_regions


def binary(rows: str) -> np.ndarray:
    return np.array([[character == '#' for character in row] for row in rows.split()])


def random_map(seed: int, share: float = 0.6, shape: tuple[int, int] = (17, 13)) -> np.ndarray:
    return np.random.default_rng(seed).random(shape) < share


def test_neighbours_are_one_step_apart() -> None:
    array = np.arange(6).reshape(2, 3)
    pairs = {step: sorted(zip(*(v.ravel().tolist() for v in neighbours(array, step)), strict=True))
             for step in ((0, 1), (1, 0), (1, 1), (1, -1))}  # fmt: skip
    assert pairs[0, 1] == [(0, 1), (1, 2), (3, 4), (4, 5)]
    assert pairs[1, 0] == [(0, 3), (1, 4), (2, 5)]
    assert pairs[1, 1] == [(0, 4), (1, 5)]
    assert pairs[1, -1] == [(1, 3), (2, 4)]


def test_border_length_of_one_pixel_counts_its_eight_neighbours() -> None:
    mask = np.zeros((5, 5), np.uint8)
    mask[2, 2] = 1
    known = np.ones(mask.shape, bool)
    assert border_length(mask, known) == 4 * 7 + 4 * 5
    known[2, 3] = False  # one side-by-side neighbour less
    assert border_length(mask, known) == 3 * 7 + 4 * 5


def test_border_length_is_near_euclidean() -> None:
    y, x = np.indices((201, 201)) - 100
    known = np.ones(y.shape, bool)
    disc = (y**2 + x**2 <= 70**2).astype(np.uint8)
    assert border_length((x <= 50).astype(np.uint8), known) / 17 == pytest.approx(201, rel=0.01)
    assert border_length((x <= y).astype(np.uint8), known) / 17 == pytest.approx(201 * np.sqrt(2), rel=0.01)
    assert border_length(disc, known) / 17 == pytest.approx(2 * np.pi * 70, rel=0.06)  # the 8 neighbours' worst angle


def test_contacts_count_sides_by_class() -> None:
    mask = np.array([[0, 2, 2], [1, 1, 2], [255, 1, 0]], np.uint8)
    counts = contacts(mask == 1, mask)
    assert {int(v): int(counts[v]) for v in np.flatnonzero(counts)} == {0: 2, 2: 2, 255: 2}


@given(st.integers(0, 999))
def test_depth_is_the_distance_to_the_outside(seed: int) -> None:
    shape = random_map(seed, 0.9)
    np.testing.assert_allclose(depth(shape), ndimage.distance_transform_edt(np.pad(shape, 1))[1:-1, 1:-1], rtol=1e-6)


@given(st.integers(0, 999))
def test_holes_are_what_filling_adds(seed: int) -> None:
    shape = random_map(seed)
    holes = find_holes(shape, np.zeros(shape.shape, bool))
    added = ndimage.binary_fill_holes(shape) & ~shape  # its background is 4-connected, as ours
    np.testing.assert_array_equal(holes.labels > 0, added)
    assert len(holes) == ndimage.label(added)[1]
    for number, (area, box) in enumerate(zip(holes.areas, holes.boxes, strict=True), start=1):
        assert area == np.count_nonzero(holes.labels == number)
        inside = holes.labels[around(box, 0, shape.shape)] == number
        assert np.count_nonzero(inside) == area
        assert inside.any(axis=0).all()
        assert inside.any(axis=1).all()


def test_a_hole_at_an_unknown_pixel_is_none() -> None:
    shape = binary('##### #...# #...# #####')
    unknown = np.zeros(shape.shape, bool)
    assert len(find_holes(shape, unknown)) == 1
    unknown[1, 1] = True
    assert len(find_holes(shape, unknown)) == 0


def test_touches_looks_at_all_eight_neighbours() -> None:
    regions = find_regions(binary('#...# ..... #...#'))
    other = binary('..... .#... .....')
    assert touches(regions, other).tolist() == [True, False, True, False]


@pytest.mark.parametrize('radius', [5, 12, 20, 40])
def test_a_disc_has_no_fine_detail_whatever_is_near_it(radius: int) -> None:
    y, x = np.indices((100, 100)) - 50
    disc = y**2 + x**2 <= radius**2
    disc[50, 50] = False
    disc[2, 2] = True
    assert fine_detail(disc, np.zeros(disc.shape, bool), noise_area=10, pinhole_area=10) == 0


def test_fine_detail_counts_gaps_along_the_border() -> None:
    shape = np.zeros((20, 40), bool)
    shape[5:15, 5:35] = True  # border 2 * (10 + 30) = 80
    shape[5:9, 20] = False  # a gap of 1 by 4: border + 8
    assert fine_detail(shape, np.zeros(shape.shape, bool), 10, 3) == pytest.approx(4 / 88)
