"""Figures are moved, painted and laid down to the pixel."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.demo.canvas import Canvas
from mmseg_ext.demo.figure import Figure, Part, Stroke
from mmseg_ext.demo.fills import Flat, Patches, Solid, Spots, Stripes, Surface
from mmseg_ext.demo.grounds import FLOORS, hedge, wall
from mmseg_ext.demo.painter import Painter, Sprite
from mmseg_ext.demo.places import Place, draw_place

RED = {'coat': Flat((200.0, 50.0, 20.0)), 'hair': Flat((255.0, 255.0, 255.0))}


def square(left: float, top: float, side: float) -> Figure:
    figure = Figure()
    corners = [(left, top), (left + side, top), (left + side, top + side), (left, top + side)]
    figure.part(corners, 'coat', fur=0.0, relief=0.0, contact=0.0)
    return figure


def paint(figure: Figure) -> Sprite:
    return Painter(figure, RED, 10.0, (0.0, 1.0), np.random.default_rng(0)).paint()


def canvas(size: int = 64) -> Canvas:
    place = Place(np.full((size, size, 3), 100, np.float32), 0.0, outdoors=False)
    return Canvas(place, np.random.default_rng(0))


def test_figure_is_mirrored_turned_scaled_and_moved_in_this_order() -> None:
    figure = Figure()
    figure.part([(1.0, 0.0), (2.0, 0.0), (2.0, 1.0)], 'coat', axis=30)
    figure.stroke([(1.0, 0.0), (1.0, 2.0)], 'line', width=0.5)
    part, stroke = figure.transformed(scale=2, angle=90, mirror=True, offset=(10, 20)).items
    assert isinstance(part, Part)
    assert isinstance(stroke, Stroke)
    np.testing.assert_allclose(part.outline, [(10, 18), (10, 16), (8, 16)], atol=1e-9)
    assert part.axis == pytest.approx(150 + 90)
    np.testing.assert_allclose(stroke.line, [(10, 18), (6, 18)], atol=1e-9)
    assert stroke.width == 1.0


def test_a_busts_copy_is_a_bust() -> None:
    figure = square(0, 0, 1)
    figure.bust = True
    assert figure.transformed(scale=2).bust


def test_a_square_covers_exactly_its_pixels() -> None:
    target = canvas()
    sprite = paint(square(10, 20, 8))
    target.lay(sprite, value=1)
    expected = np.zeros((64, 64), np.uint8)
    expected[20:28, 10:18] = 1
    inner = (slice(21, 27), slice(11, 17))
    assert np.count_nonzero(target.mask != expected) <= 36 + 4  # the drawn edge is at most half a pixel wide
    np.testing.assert_array_equal(target.mask[inner], 1)
    np.testing.assert_allclose(target.image[inner], np.broadcast_to((200, 50, 20), (6, 6, 3)), atol=0.5)
    assert not target.objects.any()


def test_mask_is_where_at_least_half_of_a_pixel_is_covered() -> None:
    alpha = np.array([[0.0, 0.49, 0.5, 1.0]], np.float32)
    nothing = np.zeros((1, 4), np.float32)
    sprite = Sprite(np.zeros((1, 4, 3), np.float32), alpha, np.zeros((1, 4, 3), np.float32), nothing, left=5, top=7)
    target = canvas()
    target.lay(sprite, value=2)
    assert np.argwhere(target.mask).tolist() == [[7, 7], [7, 8]]
    assert np.argwhere(target.cover(sprite)).tolist() == [[7, 7], [7, 8]]


def test_what_lies_in_front_takes_the_mask() -> None:
    target = canvas()
    target.lay(paint(square(10, 10, 30)), value=1)
    target.lay(paint(square(20, 20, 10)), value=0)
    target.lay(paint(square(24, 24, 2)), value=2)
    assert target.mask[15, 15] == 1
    assert target.mask[21, 21] == 0
    assert target.objects[21, 21]
    assert target.mask[25, 25] == 2
    assert not target.objects[25, 25]


def test_whiskers_are_seen_but_are_no_part_of_the_mask() -> None:
    figure = square(20, 20, 10)
    figure.stroke([(30.0, 25.0), (45.0, 25.0)], 'hair', width=1.0, free=True)
    with_whisker, without = canvas(), canvas()
    with_whisker.lay(paint(figure), value=1)
    without.lay(paint(square(20, 20, 10)), value=1)
    np.testing.assert_array_equal(with_whisker.mask, without.mask)
    assert with_whisker.image[24:27, 40].max() > 150
    assert without.image[24:27, 40].max() <= 100


def test_a_bound_stroke_stays_on_its_figure() -> None:
    figure = square(20, 20, 10)
    figure.stroke([(10.0, 25.0), (50.0, 25.0)], 'hair', width=1.0)
    target = canvas()
    target.lay(paint(figure), value=1)
    assert target.image[24:27, 25].max() > 220
    assert target.image[24:27, 40].max() <= 100


@pytest.mark.parametrize(('left', 'top'), [(-100, 0), (0, 200), (70, 70), (-100, -100)])
def test_a_sprite_outside_the_picture_changes_no_mask(left: int, top: int) -> None:
    target = canvas()
    target.lay(paint(square(left, top, 10)), value=1)
    assert not target.mask.any()


def test_a_sprite_across_the_border_is_cut() -> None:
    target = canvas()
    target.lay(paint(square(-5, 58, 10)), value=1)
    assert target.mask[60:, :4].all()
    assert not target.mask[:, 6:].any()


def test_paint_covers_the_area_asked_for_and_stands_on_its_foot() -> None:
    target = canvas(128)
    sprite = target.paint(square(0, 0, 1), RED, area=900, x=64, foot=100)
    rows, columns = np.nonzero(target.cover(sprite))
    assert len(rows) == pytest.approx(900, rel=0.08)
    assert rows.max() == pytest.approx(100, abs=1.5)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(64, abs=1.5)


def test_paint_keeps_the_head_in_the_picture() -> None:
    target = canvas(128)
    rows, _ = np.nonzero(target.cover(target.paint(square(0, 0, 1), RED, area=3600, x=64, foot=30)))
    assert rows.max() > 55  # a foot at 30 would cut a square of side 60 in half


def test_relief_is_lit_from_where_the_light_comes() -> None:
    figure = Figure()
    figure.part([(0, 0), (40, 0), (40, 40), (0, 40)], 'coat', fur=0.0, contact=0.0)
    lit_from_above = Painter(figure, RED, 10.0, (0.0, 1.0), np.random.default_rng(0)).paint()
    middle = lit_from_above.colour[:, lit_from_above.colour.shape[1] // 2, 0]
    solid = np.flatnonzero(lit_from_above.alpha[:, lit_from_above.alpha.shape[1] // 2] > 0.99)
    assert middle[solid[3]] > middle[solid[-4]] + 20


@pytest.mark.parametrize(
    'fill',
    [
        Solid((120.0, 90.0, 60.0)),
        Stripes((200.0, 150.0, 100.0), (40.0, 30.0, 20.0)),
        Patches((230.0, 230.0, 230.0), [(200.0, 120.0, 50.0), (40.0, 40.0, 40.0)]),
        Spots((230.0, 230.0, 230.0), (30.0, 30.0, 30.0)),
    ],
    ids=lambda fill: type(fill).__name__,
)
def test_fills_are_windows_of_one_pattern(fill: Solid) -> None:
    surface = Surface((80, 90), 20.0, np.random.default_rng(0))
    whole = fill.colour(surface, (slice(0, 80), slice(0, 90)), 30.0)
    window = (slice(13, 40), slice(7, 60))
    np.testing.assert_allclose(fill.colour(surface, window, 30.0), whole[window], rtol=1e-4, atol=1e-3)
    assert whole.std(axis=(0, 1)).max() > 1


@pytest.mark.parametrize('ground', [*FLOORS.values(), wall, hedge])
def test_grounds_are_finite_textured_pictures(ground: object) -> None:
    assert callable(ground)
    picture = ground(np.random.default_rng(0), 64)
    assert picture.shape == (64, 64, 3)
    assert picture.dtype == np.float32
    assert np.isfinite(picture).all()
    assert picture.std() > 2


def test_places_are_both_open_floors_and_rooms() -> None:
    horizons = [draw_place(np.random.default_rng(seed), 64).horizon for seed in range(20)]
    assert 0 in horizons
    assert any(0.18 <= horizon <= 0.48 for horizon in horizons)
