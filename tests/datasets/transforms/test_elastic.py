from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from mmseg_ext.datasets.transforms import RandomElastic, RandomScaleRotateShift
from mmseg_ext.datasets.transforms.elastic import displacement_field

PLAIN: dict[str, Any] = {'scale': (1.0, 1.0), 'rotate': 0.0, 'shift': 0.0}


def fields(count: int, shape: tuple[int, int], amplitude: float, sigma: float) -> np.ndarray:
    return np.stack([displacement_field(shape, amplitude, sigma, np.random.default_rng(i)) for i in range(count)])


@pytest.mark.parametrize('sigma', [1.5, 4.0, 9.0, 26.0])
def test_the_displacement_has_its_amplitude_everywhere_and_no_direction(sigma: float) -> None:
    drawn = fields(1500, (7, 37), 5.0, sigma)
    assert drawn.shape == (1500, 7, 37, 2)
    assert drawn.dtype == np.float32
    assert drawn.std(0) == pytest.approx(5.0, rel=0.14)  # at the corners too
    assert np.abs(drawn.mean(0)).max() < 0.6  # the standard error is 0.13
    x, y = drawn[:, 3, 18].T
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.12


@pytest.mark.parametrize('sigma', [3.0, 12.0])
def test_pixels_move_together_as_far_as_sigma_says(sigma: float) -> None:
    """Noise smoothed with a Gaussian has the correlation exp(-d² / 4σ²) at a distance d."""
    drawn = fields(400, (60, 60), 1.0, sigma)[..., 0]
    for distance in (round(sigma), round(2 * sigma)):
        for one, other in (
            (drawn[:, :, distance:], drawn[:, :, :-distance]),
            (drawn[:, distance:], drawn[:, :-distance]),
        ):
            found = (one * other).mean()
            assert found == pytest.approx(np.exp(-(distance**2) / (4 * sigma**2)), abs=0.1)


def test_the_largest_amplitude_that_is_taken_folds_hardly_anything() -> None:
    drawn = fields(20, (120, 120), 24 / 3, 24.0).astype(float)
    y, x = (np.gradient(drawn, axis=axis) for axis in (1, 2))
    area = (1 + x[..., 0]) * (1 + y[..., 1]) - x[..., 1] * y[..., 0]  # of what a pixel becomes; negative is folded
    assert (area < 0).mean() < 0.01


def test_pixels_come_from_where_the_field_says() -> None:
    """Against scipy's own interpolation, in double precision."""
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    mask = np.random.default_rng(1).integers(0, 5, (40, 30), dtype=np.uint8)
    transform = RandomElastic(1.0, amplitude=(2.0, 2.0), sigma=8.0)
    np.random.seed(5)
    source = transform.source((40, 30))
    assert source is not None
    np.random.seed(5)
    results = transform({'img': image, 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map']})
    x, y = source[..., 0].astype(float), source[..., 1].astype(float)
    inside = (x > 0) & (x < 29) & (y > 0) & (y < 39)
    assert inside.mean() > 0.7
    for channel in range(3):
        expected = map_coordinates(image[..., channel].astype(float), [y, x], order=1)
        off = np.abs(results['img'][..., channel] - expected)[inside]
        assert off.max() < 9  # OpenCV rounds places to 1/32 pixel
        assert off.mean() < 2
    nearest = map_coordinates(mask, [y, x], order=0)
    certain = inside & (np.abs(x % 1 - 0.5) > 0.05) & (np.abs(y % 1 - 0.5) > 0.05)
    np.testing.assert_array_equal(results['gt_seg_map'][certain], nearest[certain])
    far = (x < -1) | (x > 30) | (y < -1) | (y > 40)
    assert far.any()
    assert (results['gt_seg_map'][far] == 255).all()
    assert (results['img'][far] == (104, 116, 124)).all()


def test_in_one_warp_it_is_the_warp_of_the_deformed_output() -> None:
    """At twice the size, an output pixel p shows the source at the inverse matrix of p + d(p)."""
    y, x = np.mgrid[:30, :40]
    image = np.stack([x * 5, y * 5, np.full_like(x, 200)], -1).astype(np.uint8)
    transform = RandomScaleRotateShift(
        (80, 60), **PLAIN, pad_val=(0, 0, 0), elastic={'prob': 1.0, 'amplitude': (3.0, 3.0), 'sigma': 12.0}
    )
    assert transform.elastic is not None
    np.random.seed(2)
    matrix = transform.matrix((30, 40))
    place = transform.elastic.source((60, 80))
    assert place is not None
    np.random.seed(2)
    results = transform({'img': image, 'gt_seg_map': x.astype(np.uint8), 'seg_fields': ['gt_seg_map']})
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    source = np.concatenate([place, np.ones((60, 80, 1))], -1) @ inverse.T
    inside = ((source[..., :2] > 0.1) & (source[..., :2] < [38.9, 28.9])).all(-1)
    assert inside.mean() > 0.8
    assert np.abs(results['img'][..., :2] / 5 - source[..., :2])[inside].max() < 0.15
    assert np.abs(results['gt_seg_map'] - source[..., 0])[inside].max() < 0.55


def test_one_interpolation_keeps_more_detail_than_two() -> None:
    """The claim of the documentation, on noise: what is left of its contrast."""
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    elastic = {'prob': 1.0, 'amplitude': (3.0, 3.0), 'sigma': 12.0}
    warp = {'size': (96, 96), 'scale': (1.0, 1.0), 'rotate': 15.0, 'shift': 0.0}
    once, twice = [], []
    for seed in range(10):
        np.random.seed(seed)
        once.append(RandomScaleRotateShift(**warp, elastic=elastic)({'img': image})['img'][30:66, 30:66].std())
        np.random.seed(seed)
        results = RandomScaleRotateShift(**warp)({'img': image})
        twice.append(RandomElastic(**elastic)(results)['img'][30:66, 30:66].std())
    assert np.mean(once) > 1.2 * np.mean(twice)


def test_without_a_field_the_warp_is_as_it_was() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    results = []
    for elastic in (None, {'prob': 0.0}):
        np.random.seed(0)
        results.append(RandomScaleRotateShift((30, 20), elastic=elastic)({'img': image})['img'])
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize(
    'wrong', [{'prob': 1.5}, {'amplitude': (2.0, 1.0)}, {'amplitude': (1.0, 9.0)}, {'sigma': 0.0}, {'sigma': 3.0}]
)
def test_wrong_arguments_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match='RandomElastic: needs'):
        RandomElastic(**wrong)
    with pytest.raises(ValueError, match='RandomElastic: needs'):
        RandomScaleRotateShift((4, 4), elastic=wrong)
