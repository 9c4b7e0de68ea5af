"""Painted figures are shaded by the light."""

from __future__ import annotations

import numpy as np

from mmseg_ext.demo.figure import Figure
from mmseg_ext.demo.fills import Flat
from mmseg_ext.demo.painter import Painter


def test_relief_is_lit_from_where_the_light_comes() -> None:
    figure = Figure()
    figure.part([(0, 0), (40, 0), (40, 40), (0, 40)], 'coat', fur=0.0, contact=0.0)
    lit_from_above = Painter(
        figure, {'coat': Flat((200.0, 50.0, 20.0))}, 10.0, (0.0, 1.0), np.random.default_rng(0)
    ).paint()
    middle = lit_from_above.colour[:, lit_from_above.colour.shape[1] // 2, 0]
    solid = np.flatnonzero(lit_from_above.alpha[:, lit_from_above.alpha.shape[1] // 2] > 0.99)
    assert middle[solid[3]] > middle[solid[-4]] + 20
