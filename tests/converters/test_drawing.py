from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from mmseg_ext.converters.drawing import Drawn, draw_box, draw_ellipse, draw_polygon, draw_runs
from mmseg_ext.data.polygons import fill_polygon


def whole(drawn: Drawn, height: int, width: int) -> NDArray[np.bool_]:
    canvas = np.zeros((height, width), bool)
    canvas[drawn.place] = drawn.pixels
    return canvas


@settings(max_examples=40, deadline=None)
@given(arrays(float, (5, 2), elements=st.floats(-20, 60, width=16)))
def test_a_polygon_in_its_box_is_the_polygon_in_the_image(points: NDArray[np.float64]) -> None:
    expected = fill_polygon(points, 30, 40)
    if expected.any():
        np.testing.assert_array_equal(whole(draw_polygon(points, 30, 40), 30, 40), expected)
    else:
        with pytest.raises(ValueError, match=r'no area|no pixel|outside the image'):
            draw_polygon(points, 30, 40)


def test_a_large_polygon_is_filled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).uniform(0, 50, (40, 2))
    expected = draw_polygon(points, 50, 50).pixels
    parts: list[int] = []
    monkeypatch.setattr('mmseg_ext.data.polygons.MAX_COMPARED', 50 * 7)
    nonzero = np.nonzero

    def noted(part: NDArray[np.bool_]) -> Any:
        parts.append(part.shape[1])
        return nonzero(part)

    monkeypatch.setattr(np, 'nonzero', noted)
    np.testing.assert_array_equal(draw_polygon(points, 50, 50).pixels, expected)
    assert len(parts) > 1
    assert sum(parts) == 40


@pytest.mark.parametrize('rotation', [0, 30, 90, 200.5])
def test_boxes_and_ellipses_turn_clockwise_on_the_screen(rotation: float) -> None:
    corners = cv2.boxPoints(((30.0, 25.0), (31.0, 9.0), rotation)).astype(float)  # OpenCV turns clockwise, too
    box = whole(draw_box(14.5, 20.5, 45.5, 29.5, 50, 60, rotation), 50, 60)
    apart = box != fill_polygon(corners, 50, 60)
    assert apart.sum() <= 4  # of float32 corners
    ellipse = whole(draw_ellipse(30, 25, 15.5, 4.5, 50, 60, rotation), 50, 60)
    drawn = np.zeros((500, 600), np.uint8)
    cv2.ellipse(drawn, (299, 249), (155, 45), rotation, 0, 360, 1, -1)
    np.testing.assert_allclose(ellipse.sum(), np.pi * 15.5 * 4.5, rtol=0.05)
    assert (ellipse != drawn[4::10, 4::10].astype(bool)).sum() <= 12


@settings(max_examples=40, deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))))
def test_run_lengths_are_those_of_the_coco_toolkit_on_its_side(pixels: NDArray[np.bool_]) -> None:
    flat = np.concatenate([[False], pixels.reshape(-1)])
    edges = np.flatnonzero(np.diff(flat.astype(int)))
    runs = np.diff([0, *edges, pixels.size]).tolist()
    height, width = pixels.shape
    by_columns = coco_mask.frPyObjects({'size': [width, height], 'counts': runs}, width, height)
    np.testing.assert_array_equal(coco_mask.decode(by_columns).T.astype(bool), pixels)
    if pixels.any():
        np.testing.assert_array_equal(draw_runs(runs, (2, 1, width, height), 9, 9).pixels, pixels)


@pytest.mark.parametrize(
    ('draw', 'reason'),
    [
        (lambda: draw_polygon(np.array([[1, 1], [5, 5]], float), 9, 9), 'fewer than 3 points'),
        (lambda: draw_polygon(np.array([[1, 1], [5, 5], [np.nan, 1]], float), 9, 9), 'not a number'),
        (lambda: draw_polygon(np.array([[1, 1], [5, 1], [9e9, 1]], float), 9, 9), 'too large'),
        (lambda: draw_polygon(np.array([[1, 1], [5, 1], [7, 1]], float), 9, 9), 'no area'),
        (lambda: draw_polygon(np.array([[20, 1], [25, 1], [22, 8]], float), 9, 9), 'outside the image'),
        (lambda: draw_polygon(np.array([[1.1, 1.1], [1.3, 1.1], [1.2, 1.3]], float), 9, 9), 'covers no pixel'),
        (lambda: draw_ellipse(3, 3, 0, 2, 9, 9), 'no area'),
        (lambda: draw_runs([1, 2], (0, 0, 2, 2), 9, 9), 'do not add up'),
        (lambda: draw_runs([5, -1], (0, 0, 2, 2), 9, 9), 'do not add up'),
        (lambda: draw_runs([4], (0, 0, 2, 2), 9, 9), 'covers no pixel'),
        (lambda: draw_runs([1, 3], (8, 0, 2, 2), 9, 9), 'extends beyond the image'),
        (lambda: draw_runs([1, 3], (0, 0, 10**9, 10**9), 9, 9), 'extends beyond the image'),
    ],
)
def test_what_cannot_be_drawn_says_why(draw: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        draw()  # type: ignore[operator]
