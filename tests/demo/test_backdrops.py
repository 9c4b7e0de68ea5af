"""Backdrops are textured, and places use them as floors and in rooms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mmseg_ext.demo.backdrops import FLOORS, draw_place, hedge, wall


@pytest.mark.parametrize('paint', [*FLOORS.values(), wall, hedge])
def test_backdrops_are_finite_and_textured(paint: Callable[[np.random.Generator, int], np.ndarray]) -> None:
    image = paint(np.random.default_rng(0), 64)
    assert image.shape == (64, 64, 3)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert image.std() > 2


def test_places_are_both_open_floors_and_rooms() -> None:
    horizons = [draw_place(np.random.default_rng(seed), 64).horizon for seed in range(20)]
    assert 0 in horizons
    assert any(0.18 <= horizon <= 0.48 for horizon in horizons)
