from __future__ import annotations

import math

import numpy as np
import pytest

from mmseg_ext.evaluation.errors.estimate import NONE, Estimate, bootstrap_sums, ratio_estimate


def test_a_ratio_of_sums_and_not_a_mean_of_ratios() -> None:
    found = ratio_estimate(np.array([1, 9]), np.array([2, 90]), resamples=500)
    assert found.value == pytest.approx(10 / 92)
    assert (found.low, found.high) == (pytest.approx(0.1), pytest.approx(0.5))  # one image drawn twice


def test_the_interval_is_as_wide_as_theory_says() -> None:
    rng = np.random.default_rng(0)
    part = rng.normal(5, 1, 400)
    found = ratio_estimate(part, np.ones(400))
    assert found.high - found.low == pytest.approx(2 * 1.96 * part.std() / 20, rel=0.1)
    assert ratio_estimate(part, np.ones(400)) == found
    assert ratio_estimate(part, np.ones(400), seed=1) != found


def test_what_does_not_exist() -> None:
    assert math.isnan(ratio_estimate(np.zeros(3), np.zeros(3)).value)
    assert bootstrap_sums(np.zeros((0, 2)), lambda sums: sums[:, 0]) is NONE
    assert NONE.as_dict() == {'value': None, 'low': None, 'high': None}
    assert NONE.text() == '–'
    one = ratio_estimate(np.array([1.0, 0.0]), np.array([2.0, 0.0]), resamples=300)  # 0 / 0 in a quarter of the draws
    assert (one.value, one.low, one.high) == (0.5, 0.5, 0.5)


def test_for_a_reader() -> None:
    assert Estimate(1.25, -0.5, 3).text(1) == '1.2 (-0.5 to 3.0)'
    assert Estimate(1.25, -0.5, 3).text(2, sign=True) == '+1.25 (-0.50 to +3.00)'
    assert Estimate(1, math.nan, math.nan).text() == '1.0'
