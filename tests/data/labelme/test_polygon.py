from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mmseg_ext.data.labelme.polygon import fill_polygon

COORDINATES = st.integers(-20, 45)
POLYGONS = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=8)


def fill(points: list[tuple[float, float]], height: int = 8, width: int = 8) -> NDArray[np.bool_]:
    return fill_polygon(np.array(points, np.float64), height, width)


def picture(*rows: str) -> NDArray[np.bool_]:
    return np.array([[cell == '#' for cell in row] for row in rows])


def inside_of_line(x: int, y: int, ends: tuple[NDArray[np.float64], NDArray[np.float64]]) -> bool:
    """Whether a pixel's centre lies within half a pixel of a line, along the shorter axis."""
    (x0, y0), (x1, y1) = ends
    if abs(x1 - x0) >= abs(y1 - y0):
        return bool(min(x0, x1) <= x <= max(x0, x1) and abs(y - (y0 + (y1 - y0) * (x - x0) / ((x1 - x0) or 1))) <= 0.5)
    return bool(min(y0, y1) <= y <= max(y0, y1) and abs(x - (x0 + (x1 - x0) * (y - y0) / (y1 - y0))) <= 0.5)


@pytest.mark.parametrize(
    ('points', 'expected'),
    [
        ([(1, 1), (3, 1), (3, 2), (1, 2)], picture('.....', '.###.', '.###.', '.....')),
        ([(2, 1)], picture('.....', '..#..', '.....', '.....')),
        ([(1, 1), (3, 3)], picture('.....', '.#...', '..#..', '...#.')),
        (  # at y = 3 the edge from (4, 1) to (5, 5) crosses x = 4.5: halfway counts as inside on the right, …
            [(2, 6), (5, 5), (4, 1)],
            picture('......', '....#.', '....#.', '...###', '...###', '..####', '..##..', '......'),
        ),
        (  # … and on the left
            [(3, 6), (0, 5), (1, 1)],
            picture('......', '.#....', '.#....', '###...', '###...', '####..', '..##..', '......'),
        ),
    ],
)
def test_it_draws_small_polygons_as_worked_out_by_hand(
    points: list[tuple[float, float]], expected: NDArray[np.bool_]
) -> None:
    assert (fill(points, *expected.shape) == expected).all()


def test_a_slope_that_has_no_exact_fixed_point_value_falls_short_of_the_half() -> None:
    # At y = 3 the edge from (0, 0) to (1, 6) crosses x = 0.5, but 3·⌊65536 / 6⌋ / 65536 is a little less.
    steep = fill([(0, 0), (1, 6), (0, 6)])
    assert steep[3].tolist() == [True] + [False] * 7
    # Mirrored, it falls short as well: 4 - 0.5 and a little more, which is rounded up.
    mirrored = fill([(4, 0), (3, 6), (1, 6), (1, 0)])
    assert np.flatnonzero(mirrored[3]).tolist() == [1, 2, 3, 4]
    exact = fill([(0, 0), (1, 4), (0, 4)])
    assert exact[2].tolist() == [True, True] + [False] * 6


def test_the_inside_follows_the_even_odd_rule() -> None:
    twice_around = [(1, 1), (6, 1), (6, 6), (1, 6), (1, 1), (3, 3), (5, 3), (5, 5), (3, 5), (3, 3)]
    filled = fill(twice_around)
    assert not filled[4, 4]
    assert filled[3, 4]
    assert filled.sum() == 35


@given(POLYGONS, st.floats(0, 0.999))
def test_coordinates_are_truncated_to_the_pixel_that_holds_them(points: list[tuple[int, int]], part: float) -> None:
    moved = [(x + np.copysign(part, x), y + np.copysign(part, y)) for x, y in points]
    assert (fill(moved, 25, 30) == fill(points, 25, 30)).all()


@given(POLYGONS)
def test_what_lies_outside_the_image_does_not_change_what_lies_in_it(points: list[tuple[int, int]]) -> None:
    whole = fill([(x + 20, y + 20) for x, y in points], 70, 70)
    assert (fill(points, 25, 30) == whole[20:45, 20:50]).all()


@given(POLYGONS)
def test_turning_the_order_of_vertices_changes_nothing(points: list[tuple[int, int]]) -> None:
    filled = fill(points, 30, 30)
    assert (fill(points[::-1], 30, 30) == filled).all()
    assert (fill(points[1:] + points[:1], 30, 30) == filled).all()


@settings(max_examples=40)
@given(POLYGONS)
def test_it_agrees_with_geometry_where_that_leaves_no_doubt(points: list[tuple[int, int]]) -> None:
    """Pixels well inside (even-odd, by exact crossings) are filled, pixels away from inside and outline are not."""
    vertices = np.array(points, np.float64)
    edges = list(zip(vertices, np.roll(vertices, -1, axis=0), strict=True))
    filled = fill(points, 20, 20)
    for y, x in np.ndindex(20, 20):
        crossings = [
            x0 + (y - y0) * (x1 - x0) / (y1 - y0) for (x0, y0), (x1, y1) in edges if min(y0, y1) <= y < max(y0, y1)
        ]
        odd = sum(crossing < x for crossing in crossings) % 2 == 1
        away = all(abs(crossing - x) > 0.51 for crossing in crossings)
        on_line = any(inside_of_line(x, y, edge) for edge in edges)
        if away and not on_line:
            assert filled[y, x] == odd


def test_its_outline_is_the_line_that_opencv_draws() -> None:
    cv2 = pytest.importorskip('cv2')
    random = np.random.default_rng(0)
    for _ in range(200):
        points = random.integers(
            0, 39, (2, 2)
        )  # a polygon of two vertices is a line, and the halves rounded up beside it
        drawn = np.zeros((40, 40), np.uint8)
        cv2.line(drawn, points[0].tolist(), points[1].tolist(), 1)
        filled = fill_polygon(points.astype(np.float64), 40, 40)
        assert (filled >= drawn).all()
        assert (filled <= (drawn | np.roll(drawn, 1, axis=1))).all()
