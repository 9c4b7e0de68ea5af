"""Where scalars stand, and which are drawn."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmseg_ext.tracking.clearml.titles import finite, name_of, points, title_and_series


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        ('train/loss', ('train/loss', 'loss')),
        ('train/decode.loss_ce', ('train/loss', 'decode.loss_ce')),
        ('train/aux.loss_ce', ('train/loss', 'aux.loss_ce')),
        ('train/decode.acc_seg', ('train/decode.acc_seg', 'decode.acc_seg')),
        ('train/time', ('train/seconds', 'step')),
        ('train/data_time', ('train/seconds', 'data')),
        ('val/time', ('val/seconds', 'step')),
        ('train/base_lr', ('train/lr', 'base_lr')),
        ('val/mDice', ('val/mDice', 'mDice')),
        ('val/Dice/cat', ('val/Dice', 'cat')),
        ('val/Dice/Großer Hund/klein', ('val/Dice', 'Großer Hund/klein')),
        ('own', ('own', 'own')),
    ],
)
def test_each_scalar_has_one_place(name: str, expected: tuple[str, str]) -> None:
    assert title_and_series(name) == expected
    assert name_of(*expected) == name


def test_points_are_finite_numbers_only() -> None:
    scalars: dict[str, Any] = {
        'train/loss': np.float32(0.5), 'train/epoch': 3, 'train/iter': 7, 'val/step': 1, 'train/nan': math.nan,
        'train/inf': -math.inf, 'train/text': '1.0', 'train/list': [1.0], 'train/none': None, 'train/two': np.ones(2),
        'val/Dice/größe': np.array(2), 'train/huge': 10**400,
    }  # fmt: skip
    assert points(scalars) == [('train/loss', 'loss', 0.5), ('val/Dice', 'größe', 2.0)]


@given(st.one_of(st.floats(), st.text(), st.none(), st.lists(st.floats()), st.binary(), st.integers()))
def test_finite_never_raises(value: Any) -> None:
    number = finite(value)
    assert number is None or math.isfinite(number)
    if isinstance(value, float) and math.isfinite(value):
        assert number == value
