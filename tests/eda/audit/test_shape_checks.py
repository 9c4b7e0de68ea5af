from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mmseg_ext.eda.audit import shape_checks as checks
from mmseg_ext.eda.audit.measured_mask import MeasuredMask
from mmseg_ext.eda.audit.rules import RULES

GAP = dict(depth=3, run=8, far_depth=0.1, far_run=0.45, share=0.02)


def measured(mask: NDArray[np.uint8]) -> MeasuredMask:
    return MeasuredMask(mask, 3)


def disc(size: int = 100, radius: int = 30) -> NDArray[np.uint8]:
    mask = np.zeros((size, size), np.uint8)
    cv2.circle(mask, (size // 2, size // 2), radius, 1, cv2.FILLED)
    return mask


def animal(size: int = 120) -> NDArray[np.uint8]:
    """A wavy outline, with concavities as those of legs and ears."""
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    radius = size * (0.3 + 0.06 * np.sin(7 * angle) + 0.03 * np.cos(12 * angle + 1))
    points = np.stack([size / 2 + radius * np.cos(angle), size / 2 + radius * np.sin(angle)], axis=1)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1)
    return mask


@pytest.mark.parametrize('name', ['border_gap', 'staircase', 'coarse_polygon', 'straight_edge'])
def test_a_sound_mask_and_one_without_objects_pass(name: str) -> None:
    for mask in (animal(), np.zeros((30, 40), np.uint8), np.ones((30, 40), np.uint8), np.eye(1, dtype=np.uint8)):
        assert getattr(checks, name)(measured(mask), **RULES[name].thresholds) is None


@pytest.mark.parametrize('turn', range(4))
def test_border_gap_on_every_side(turn: int) -> None:
    mask = np.zeros((100, 60), np.uint8)
    mask[2:40, 20:35] = 1
    sides = ['top', 'left', 'bottom', 'right']
    boxes = [(20, 0, 15, 2), (0, 25, 2, 15), (25, 98, 15, 2), (98, 20, 2, 15)]
    hit = checks.border_gap(measured(np.rot90(mask, turn).copy()), **GAP)
    assert hit is not None
    assert hit.value == 15
    assert f'2 px short of the {sides[turn]} border' in hit.message
    assert hit.boxes == (boxes[turn],)


@pytest.mark.parametrize(('top', 'wide', 'found'), [(0, 15, False), (3, 8, True), (3, 7, False), (4, 15, False)])
def test_border_gap_near(top: int, wide: int, found: bool) -> None:
    mask = np.zeros((100, 60), np.uint8)
    mask[top:40, 20 : 20 + wide] = 1
    mask[30:35, 20:40] = 1
    assert (checks.border_gap(measured(mask), **{**GAP, 'far_depth': 0}) is not None) == found


def test_border_gap_of_a_thin_line() -> None:
    mask = np.zeros((100, 60), np.uint8)
    mask[2, 10:18] = 1
    hit = checks.border_gap(measured(mask), **GAP)
    assert hit is not None
    assert hit.value == 8


def test_border_gap_far_needs_a_line_long_for_the_object() -> None:
    mask = np.zeros((100, 100), np.uint8)
    mask[8:38, 30:60] = 1
    hit = checks.border_gap(measured(mask), **GAP)
    assert hit is not None
    assert hit.value == 30
    assert checks.border_gap(measured(mask), **{**GAP, 'far_run': 1.0}) is None
    assert checks.border_gap(measured(mask), **{**GAP, 'far_depth': 0.07}) is None
    assert checks.border_gap(measured(mask), **{**GAP, 'share': 0.1}) is None


def test_a_line_is_measured_in_its_own_region() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[2:30, 10:18] = 1
    mask[2:10, 30:50] = 1
    mask[40:50, 0:60] = 2
    hit = checks.border_gap(measured(mask), **GAP)
    assert hit is not None
    assert hit.value == 20


@pytest.mark.parametrize('step', [4, 6])
def test_staircase_measures_the_step(step: int) -> None:
    small = animal(120)[::step, ::step]
    mask = np.kron(small, np.ones((step, step), np.uint8))
    hit = checks.staircase(measured(mask), step=3.5, side=16)
    assert hit is not None
    assert hit.value == pytest.approx(step, rel=0.15)
    assert checks.staircase(measured(mask), step=step * 1.3, side=16) is None
    assert checks.staircase(measured(mask), step=3.5, side=200) is None


def test_coarse_polygon_is_convex_large_and_of_few_corners() -> None:
    limits = dict(corners=10, solidity=0.97, share=0.01)
    mask = np.zeros((100, 100), np.uint8)
    cv2.fillPoly(mask, [np.array([[20, 15], [80, 25], [85, 70], [40, 90], [12, 50]])], 2)
    hit = checks.coarse_polygon(measured(mask), **limits)
    assert hit is not None
    assert hit.value == 5
    assert checks.coarse_polygon(measured(mask), **{**limits, 'corners': 4}) is None
    assert checks.coarse_polygon(measured(mask), **{**limits, 'share': 0.6}) is None
    assert checks.coarse_polygon(measured(disc(200, 60)), **limits) is None  # convex, but round
    mask[50:90, 40:60] = 0  # few corners, but not convex
    assert checks.coarse_polygon(measured(mask), **limits) is None


def test_straight_edge_away_from_the_border() -> None:
    limits = dict(length=1.2, share=0.01)
    cut = animal()
    cut[:, 60:] = 0
    hit = checks.straight_edge(measured(cut), **limits)
    assert hit is not None
    length = np.flatnonzero(cut[:, 59])
    assert hit.value == pytest.approx((length[-1] - length[0]) / np.count_nonzero(cut) ** 0.5, rel=0.02)
    (left, top, width, height), *_ = hit.boxes
    assert abs(left - 59) <= 1
    assert abs(top - length[0]) <= 1
    assert width <= 2
    assert abs(height - (length[-1] - length[0] + 1)) <= 2
    at_border = np.ascontiguousarray(cut[:, :60])
    assert checks.straight_edge(measured(at_border), length=1.2, share=0.01) is None
