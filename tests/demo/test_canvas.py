"""Sprites are painted and added to the canvas to the pixel."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.demo.backdrops import Place
from mmseg_ext.demo.canvas import Canvas
from mmseg_ext.demo.figure import Figure
from mmseg_ext.demo.fills import Flat
from mmseg_ext.demo.painter import Painter, Sprite

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


def test_a_square_covers_exactly_its_pixels() -> None:
    target = canvas()
    sprite = paint(square(10, 20, 8))
    target.add(sprite, value=1)
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
    target.add(sprite, value=2)
    assert np.argwhere(target.mask).tolist() == [[7, 7], [7, 8]]
    assert np.argwhere(target.coverage(sprite)).tolist() == [[7, 7], [7, 8]]


def test_what_lies_in_front_takes_the_mask() -> None:
    target = canvas()
    target.add(paint(square(10, 10, 30)), value=1)
    target.add(paint(square(20, 20, 10)), value=0)
    target.add(paint(square(24, 24, 2)), value=2)
    assert target.mask[15, 15] == 1
    assert target.mask[21, 21] == 0
    assert target.objects[21, 21]
    assert target.mask[25, 25] == 2
    assert not target.objects[25, 25]


def test_whiskers_are_seen_but_are_no_part_of_the_mask() -> None:
    figure = square(20, 20, 10)
    figure.stroke([(30.0, 25.0), (45.0, 25.0)], 'hair', width=1.0, free=True)
    with_whisker, without = canvas(), canvas()
    with_whisker.add(paint(figure), value=1)
    without.add(paint(square(20, 20, 10)), value=1)
    np.testing.assert_array_equal(with_whisker.mask, without.mask)
    assert with_whisker.image[24:27, 40].max() > 150
    assert without.image[24:27, 40].max() <= 100


def test_a_bound_stroke_stays_on_its_figure() -> None:
    figure = square(20, 20, 10)
    figure.stroke([(10.0, 25.0), (50.0, 25.0)], 'hair', width=1.0)
    target = canvas()
    target.add(paint(figure), value=1)
    assert target.image[24:27, 25].max() > 220
    assert target.image[24:27, 40].max() <= 100


@pytest.mark.parametrize(('left', 'top'), [(-100, 0), (0, 200), (70, 70), (-100, -100)])
def test_a_sprite_outside_the_image_changes_no_mask(left: int, top: int) -> None:
    target = canvas()
    target.add(paint(square(left, top, 10)), value=1)
    assert not target.mask.any()


def test_a_sprite_across_the_border_is_cut() -> None:
    target = canvas()
    target.add(paint(square(-5, 58, 10)), value=1)
    assert target.mask[60:, :4].all()
    assert not target.mask[:, 6:].any()


def test_paint_covers_the_area_asked_for_and_stands_on_its_foot() -> None:
    target = canvas(128)
    sprite = target.paint(square(0, 0, 1), RED, area=900, x=64, foot=100)
    rows, columns = np.nonzero(target.coverage(sprite))
    assert len(rows) == pytest.approx(900, rel=0.08)
    assert rows.max() == pytest.approx(100, abs=1.5)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(64, abs=1.5)


def test_paint_keeps_the_head_in_the_image() -> None:
    target = canvas(128)
    rows, _ = np.nonzero(target.coverage(target.paint(square(0, 0, 1), RED, area=3600, x=64, foot=30)))
    assert rows.max() > 55  # a foot at 30 would cut a square of side 60 in half
