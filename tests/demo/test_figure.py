"""Outlines have the geometry that their names promise, and figures are moved as asked."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.demo.figure import (
    LEFT,
    Figure,
    Part,
    Points,
    Stroke,
    blob,
    curve,
    ellipse,
    limb,
    pointed,
    rotate,
    symmetric,
)


def area(points: Points) -> float:
    """Shoelace formula, an independent measure of a closed outline."""
    x, y = points[:, 0], points[:, 1]
    return abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))) / 2


def test_ellipse_has_its_area_and_centre() -> None:
    outline = ellipse(3.0, -2.0, 5.0, 2.0, angle=30, count=400)
    assert area(outline) == pytest.approx(np.pi * 5 * 2, rel=1e-3)
    np.testing.assert_allclose(outline.mean(axis=0), [3, -2], atol=1e-9)


def test_rotation_is_clockwise_where_y_points_down() -> None:
    np.testing.assert_allclose(rotate([(1.0, 0.0)], 90), [[0, 1]], atol=1e-12)
    np.testing.assert_allclose(rotate([(3.0, 1.0)], 90, centre=(2.0, 1.0)), [[2, 2]], atol=1e-12)


@pytest.mark.parametrize('closed', [True, False])
def test_curve_passes_through_its_points(closed: bool) -> None:
    points = np.array([(0.0, 0.0), (2.0, 1.0), (3.0, -1.0), (1.0, -3.0)])
    line = curve(points, closed=closed, steps=5)
    np.testing.assert_allclose(line[::5], points, atol=1e-12)
    assert len(line) == (20 if closed else 16)


def test_limb_is_a_straight_bar_with_round_ends() -> None:
    outline = limb([(0.0, 0.0), (5.0, 0.0), (10.0, 0.0)], [1.0, 1.0, 1.0])
    np.testing.assert_allclose(outline.min(axis=0), [-1, -1], atol=1e-9)
    np.testing.assert_allclose(outline.max(axis=0), [11, 1], atol=1e-9)
    assert area(outline) == pytest.approx(20 + np.pi, rel=0.02)


def test_limb_tapers() -> None:
    outline = limb([(0.0, 0.0), (10.0, 0.0)], [2.0, 0.5])
    near, far = outline[np.abs(outline[:, 0]) < 0.1], outline[np.abs(outline[:, 0] - 10) < 0.1]
    assert near[:, 1].max() == pytest.approx(2.0)
    assert far[:, 1].max() == pytest.approx(0.5)


def test_symmetric_outline_is_its_own_mirror_image() -> None:
    outline = symmetric([(0, -1), (0.8, -0.5), (1.0, 0.4), (0, 1)])
    mirrored = outline * LEFT
    nearest = np.linalg.norm(outline[:, None] - mirrored[None], axis=2).min(axis=1)
    assert nearest.max() < 1e-9


def test_pointed_outline_starts_and_ends_at_its_tip() -> None:
    points = np.array([(0.0, 0.0), (1.0, 0.0), (0.5, -2.0)])
    outline = pointed(points, tip=2)
    np.testing.assert_allclose(outline[[0, -1]], [(0.5, -2.0), (0.5, -2.0)])


def test_blob_stays_within_its_roughness() -> None:
    outline = blob(np.random.default_rng(1), (10.0, 20.0), radius=4.0, roughness=0.25)
    distance = np.linalg.norm(outline - (10, 20), axis=1)
    assert distance.min() > 4 * 0.6
    assert distance.max() < 4 * 1.4


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
    figure = Figure(bust=True)
    figure.part([(0, 0), (1, 0), (1, 1)], 'coat')
    assert figure.transformed(scale=2).bust
