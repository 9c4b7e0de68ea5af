"""Noise has the range, the grain and the direction that is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.demo import textures


def test_smooth_noise_is_smooth_and_bounded() -> None:
    noise = textures.smooth_noise(np.random.default_rng(0), (64, 96), cell=16)
    assert noise.shape == (64, 96)
    assert noise.dtype == np.float32
    assert np.abs(noise).max() < 1.5
    assert noise.std() > 0.2
    assert np.abs(np.diff(noise, axis=1)).max() < 0.35  # a cell of 16 pixels cannot jump


@pytest.mark.parametrize(('angle', 'smooth_axis'), [(0, 1), (90, 0)])
def test_fibres_run_along_their_angle(angle: float, smooth_axis: int) -> None:
    noise = textures.fibres(np.random.default_rng(0), (64, 64), angle, along=10, across=1)
    along = np.abs(np.diff(noise, axis=smooth_axis)).mean()
    across = np.abs(np.diff(noise, axis=1 - smooth_axis)).mean()
    assert along < across / 3
    assert abs(float(noise.mean())) < 0.05
    assert float(noise.std()) == pytest.approx(1, abs=0.1)


def test_fur_is_endless_and_the_same_wherever_it_is_cut() -> None:
    large = textures.fur(10, 20, (300, 40), angle=45, length=9)
    np.testing.assert_array_equal(textures.fur(110, 25, (50, 10), angle=45, length=9), large[100:150, 5:15])
    np.testing.assert_array_equal(large[0], large[textures.TILE_PX])
    np.testing.assert_array_equal(textures.fur(10, 20, (4, 4), 225, 9), large[:4, :4])  # hairs have no front


def test_smoothstep() -> None:
    values = np.array([-1, 0, 1, 2, 5], np.float32)
    np.testing.assert_allclose(textures.smoothstep(values, 0, 2), [0, 0, 0.5, 1, 1])
