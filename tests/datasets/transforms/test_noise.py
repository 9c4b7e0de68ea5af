from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.datasets.transforms import RandomGaussianNoise, RandomShotNoise
from mmseg_ext.datasets.transforms.linear_light import to_light


def noisy(transform: object, value: int | np.ndarray, size: int = 160) -> np.ndarray:
    np.random.seed(0)
    image = np.full((size, size, 3), value, np.uint8)
    return transform({'img': image})['img'].astype(float)  # type: ignore[operator]


@pytest.mark.parametrize('value', [40, 128, 215])
def test_gaussian_noise_has_its_width_and_no_bias(value: int) -> None:
    image = noisy(RandomGaussianNoise(1.0, sigma=(8.0, 8.0)), value)
    assert image.mean() == pytest.approx(value, abs=0.12)  # the standard error is 0.03
    assert image.std() == pytest.approx(8.0, rel=0.02)
    pixels = image.reshape(-1, 3)
    assert np.abs(np.corrcoef(pixels.T)[np.triu_indices(3, 1)]).max() < 0.03  # a sensor's channels know nothing of
    assert abs(np.corrcoef(image[:, 1:, 0].ravel(), image[:, :-1, 0].ravel())[0, 1]) < 0.03  # each other, nor pixels


@pytest.mark.parametrize('value', [0, 255])
def test_values_are_clipped_and_never_wrap(value: int) -> None:
    assert np.abs(noisy(RandomGaussianNoise(1.0, sigma=(12.0, 12.0)), value) - value).max() < 80
    shot = noisy(RandomShotNoise(1.0, photons=(500.0, 500.0)), value)
    assert np.abs(shot - value).max() < 60


@pytest.mark.parametrize('value', [30, 90, 150, 200])
def test_shot_noise_is_poisson_in_light_without_bias(value: int) -> None:
    light = float(to_light(np.uint8(value)))  # type: ignore[arg-type]
    image = noisy(RandomShotNoise(1.0, photons=(300.0, 300.0)), value).astype(np.uint8)
    counts = to_light(image).astype(float) * 300
    table = to_light(np.arange(256, dtype=np.uint8))
    assert np.interp(counts.mean() / 300, table, np.arange(256)) == pytest.approx(value, abs=0.3)  # grey levels
    assert counts.var() == pytest.approx(light * 300, rel=0.03)  # the mark of Poisson


def test_few_photons_are_noisier() -> None:
    stds = [noisy(RandomShotNoise(1.0, photons=(count, count)), 120).std() for count in (50, 500, 5000)]
    assert stds[0] > 2.5 * stds[1] > 2.5 * 2.5 * stds[2]
    assert stds[2] > 0.5


def test_strengths_are_drawn_from_their_range() -> None:
    np.random.seed(0)
    gaussian, shot = RandomGaussianNoise(1.0, (3.0, 5.0)), RandomShotNoise(1.0, (100.0, 10000.0))
    sigmas = [gaussian._draw()[0] for _ in range(300)]  # type: ignore[index]
    assert 3.0 <= min(sigmas) < 3.05
    assert 4.95 < max(sigmas) <= 5.0
    photons = [shot._draw()[0] for _ in range(300)]  # type: ignore[index]
    assert np.median(photons) == pytest.approx(1000, rel=0.3)
    assert min(photons) >= 100
    assert max(photons) <= 10000


def test_every_draw_has_a_noise_of_its_own() -> None:
    transform = RandomGaussianNoise(1.0, (5.0, 5.0))
    image = np.full((8, 8, 3), 100, np.uint8)
    assert (transform({'img': image})['img'] != transform({'img': image})['img']).any()


@pytest.mark.parametrize('wrong', [{'prob': 1.5}, {'sigma': (-1.0, 1.0)}, {'sigma': (2.0, 1.0)}])
def test_wrong_gaussian_arguments_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match='RandomGaussianNoise: needs'):
        RandomGaussianNoise(**wrong)


@pytest.mark.parametrize('wrong', [{'prob': -0.5}, {'photons': (0.0, 1.0)}, {'photons': (2.0, 1.0)}])
def test_wrong_shot_arguments_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match='RandomShotNoise: needs'):
        RandomShotNoise(**wrong)
