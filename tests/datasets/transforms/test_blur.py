from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mmseg_ext.datasets.transforms import RandomBlur

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)
MASK = np.random.default_rng(1).integers(0, 3, (24, 20), dtype=np.uint8)


def blurred(**arguments: object) -> dict:
    transform = RandomBlur(**arguments)  # type: ignore[arg-type]
    return transform({'img': IMAGE.copy(), 'gt_seg_map': MASK.copy(), 'seg_fields': ['gt_seg_map']})


def test_probability_0_changes_nothing() -> None:
    for _ in range(20):
        np.testing.assert_array_equal(blurred(prob=0.0)['img'], IMAGE)


def test_probability_1_blurs_the_image_always_and_the_mask_never() -> None:
    for _ in range(20):
        results = blurred(prob=1.0)
        assert results['img'].dtype == np.uint8
        assert (results['img'] != IMAGE).any()
        assert results['img'].std() < IMAGE.std()
        np.testing.assert_array_equal(results['gt_seg_map'], MASK)


def test_it_is_the_gaussian_of_the_drawn_width() -> None:
    image = blurred(prob=1.0, sigma=(1.0, 1.0))['img'].astype(float)
    channels = [gaussian_filter(IMAGE[:, :, c].astype(float), 1.0, mode='mirror', truncate=4) for c in range(3)]
    assert np.abs(image - np.stack(channels, -1)).max() < 2.0  # OpenCV cuts the kernel at 3 sigma and rounds


def test_the_width_is_drawn_from_its_range() -> None:
    np.random.seed(0)
    with patch('mmseg_ext.datasets.transforms.blur.cv2.GaussianBlur', side_effect=lambda image, *_: image) as blur:
        for _ in range(300):
            blurred(prob=0.5, sigma=(0.5, 2.0))
    widths = [call.args[2] for call in blur.call_args_list]
    assert 110 < len(widths) < 190
    assert 0.5 <= min(widths) < 0.6
    assert 1.9 < max(widths) <= 2.0


def test_the_seed_fixes_the_sample() -> None:
    images = []
    for seed in (3, 3, 4):
        np.random.seed(seed)
        images.append(blurred(prob=1.0)['img'])
    np.testing.assert_array_equal(images[0], images[1])
    assert (images[0] != images[2]).any()


@pytest.mark.parametrize('wrong', [{'prob': 1.5}, {'prob': -0.1}, {'sigma': (0.0, 1.0)}, {'sigma': (2.0, 1.0)}])
def test_wrong_ranges_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match='RandomBlur: needs 0 <= prob <= 1'):
        RandomBlur(**wrong)
