from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mmseg_ext.datasets.transforms import RandomLowLight, RandomShotNoise
from mmseg_ext.datasets.transforms.linear_light import from_light, to_light

LEVELS = np.arange(256, dtype=np.uint8)


def test_black_white_and_the_middle() -> None:
    # 188 of 255 is half the light: the standard's own example of how far sRGB is from linear.
    assert to_light(np.array([0, 188, 255], np.uint8)) == pytest.approx([0, 0.5, 1], abs=0.004)
    assert from_light(np.array([0, 0.5, 1])).tolist() == [0, 188, 255]


def test_every_level_comes_back() -> None:
    np.testing.assert_array_equal(from_light(to_light(LEVELS)), LEVELS)


def test_light_grows_with_the_level_without_a_jump() -> None:
    steps = np.diff(to_light(LEVELS).astype(float))
    assert (steps > 0).all()
    assert (np.diff(steps) > -1e-6).all()  # also where the straight part meets the curve


def test_levels_are_the_nearest_ones() -> None:
    light = np.random.default_rng(0).random(5000)
    levels = from_light(light).astype(float)
    exact = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(levels - exact).max() < 0.56


def test_what_lies_outside_is_clipped() -> None:
    assert from_light(np.array([-0.5, 1.5])).tolist() == [0, 255]


@pytest.mark.parametrize('transform', [RandomLowLight(1.0), RandomShotNoise(1.0)])
def test_what_is_no_grey_level_of_8_bits_is_refused(transform: Callable) -> None:
    with pytest.raises(TypeError, match=r'uint8.*float32.*before.*normalise'):
        transform({'img': np.zeros((2, 3, 3), np.float32)})


def test_shape_and_type() -> None:
    light = to_light(np.zeros((2, 3, 3), np.uint8))
    assert light.shape == (2, 3, 3)
    assert light.dtype == np.float32
    assert from_light(light).dtype == np.uint8
