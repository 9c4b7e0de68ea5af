"""A fill is one pattern, whatever window is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.demo.fills import Patches, Solid, Spots, Stripes, Surface


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
