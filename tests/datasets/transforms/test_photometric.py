from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mmseg_ext.datasets.transforms import RandomBlur, RandomGaussianNoise, RandomLowLight, RandomShotNoise
from mmseg_ext.datasets.transforms.photometric import from_light, to_light

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)
MASK = np.random.default_rng(1).integers(0, 3, (24, 20), dtype=np.uint8)
LEVELS = np.arange(256, dtype=np.uint8)


def blurred(**arguments: object) -> dict:
    transform = RandomBlur(**arguments)  # type: ignore[arg-type]
    return transform({'img': IMAGE.copy(), 'gt_seg_map': MASK.copy(), 'seg_fields': ['gt_seg_map']})


def test_probability_1_blurs_the_image_always_and_the_mask_never() -> None:
    for _ in range(20):
        results = blurred(prob=1.0)
        assert results['img'].dtype == np.uint8
        assert (results['img'] != IMAGE).any()
        assert results['img'].std() < IMAGE.std()
        np.testing.assert_array_equal(results['gt_seg_map'], MASK)


def test_blur_is_the_gaussian_of_the_drawn_width() -> None:
    image = blurred(prob=1.0, sigma=(1.0, 1.0))['img'].astype(float)
    channels = [gaussian_filter(IMAGE[:, :, c].astype(float), 1.0, mode='mirror', truncate=4) for c in range(3)]
    assert np.abs(image - np.stack(channels, -1)).max() < 2.0  # OpenCV cuts the kernel at 3 sigma and rounds


def test_the_width_of_the_blur_is_drawn_from_its_range() -> None:
    np.random.seed(0)
    with patch(
        'mmseg_ext.datasets.transforms.photometric.cv2.GaussianBlur', side_effect=lambda image, *_: image
    ) as blur:
        for _ in range(300):
            blurred(prob=0.5, sigma=(0.5, 2.0))
    widths = [call.args[2] for call in blur.call_args_list]
    assert 110 < len(widths) < 190
    assert 0.5 <= min(widths) < 0.6
    assert 1.9 < max(widths) <= 2.0


@pytest.mark.parametrize('wrong', [{'prob': 1.5}, {'prob': -0.1}, {'sigma': (0.0, 1.0)}, {'sigma': (2.0, 1.0)}])
def test_wrong_blur_arguments_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match='RandomBlur: needs 0 <= prob <= 1'):
        RandomBlur(**wrong)


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


def test_light_keeps_the_shape() -> None:
    light = to_light(np.zeros((2, 3, 3), np.uint8))
    assert light.shape == (2, 3, 3)
    assert light.dtype == np.float32
    assert from_light(light).dtype == np.uint8


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
def test_wrong_low_light_arguments_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match='RandomLowLight: needs'):
        RandomLowLight(**wrong)
