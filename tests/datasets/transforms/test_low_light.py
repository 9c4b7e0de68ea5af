from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.datasets.transforms import RandomLowLight
from mmseg_ext.datasets.transforms.linear_light import to_light


def taken(value: int | np.ndarray, exposure: float, **arguments: float) -> np.ndarray:
    np.random.seed(0)
    transform = RandomLowLight(1.0, exposure=(exposure, exposure), **arguments)  # type: ignore[arg-type]
    image = np.broadcast_to(np.asarray(value, np.uint8), (160, 160, 3)).copy()
    return transform({'img': image})['img']


@pytest.mark.parametrize('exposure', [0.5, 0.1])
def test_so_much_of_the_light_is_left(exposure: float) -> None:
    for value in (80, 150, 255):
        before = float(to_light(np.uint8(value)))  # type: ignore[arg-type]
        after = to_light(taken(value, exposure, read_noise=0.0)).mean()
        assert after == pytest.approx(exposure * before, rel=0.02)


def test_half_the_light_of_white_is_level_188() -> None:
    assert np.median(taken(255, 0.5)) == 188


def test_the_noise_is_that_of_photons_and_of_the_sensor() -> None:
    light = float(to_light(np.uint8(200))) * 0.25 * 1000  # type: ignore[arg-type]
    for read_noise in (0.0, 8.0):
        counts = to_light(taken(200, 0.25, photons=1000.0, read_noise=read_noise)).astype(float) * 1000
        assert counts.var() == pytest.approx(light + read_noise**2, rel=0.04)


def test_without_light_there_is_nothing_but_noise_above_black() -> None:
    image = taken(0, 0.3, photons=2000.0, read_noise=2.0)
    assert image.max() < 25
    assert image.mean() > 0.3


def test_less_light_is_darker_and_more_grainy() -> None:
    ramp = np.arange(20, 180)[None, :, None]
    errors = []
    for exposure in (0.5, 0.1, 0.02):
        image = taken(ramp, exposure)
        light = to_light(image).astype(float).mean(0).mean(-1)
        assert (np.diff(np.convolve(light, np.ones(20) / 20, 'valid')) > 0).all()  # no order is turned round
        errors.append(to_light(image).astype(float).std(0).mean() / light.mean())
    assert errors == sorted(errors)


def test_exposures_are_drawn_evenly_in_stops() -> None:
    np.random.seed(0)
    transform = RandomLowLight(1.0, (0.01, 1.0))
    drawn = [transform._draw()[0] for _ in range(400)]  # type: ignore[index]
    assert np.median(drawn) == pytest.approx(0.1, rel=0.3)
    assert min(drawn) >= 0.01
    assert max(drawn) <= 1


@pytest.mark.parametrize(
    'wrong', [{'prob': 2.0}, {'exposure': (0.0, 0.5)}, {'exposure': (0.5, 1.5)}, {'photons': 0.0}, {'read_noise': -1.0}]
)
def test_wrong_arguments_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match='RandomLowLight: needs'):
        RandomLowLight(**wrong)
