from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmseg_ext.datasets.transforms import RandomScaleRotateShift

IDENTITY: dict[str, Any] = {'scale': (1.0, 1.0), 'rotate': 0.0, 'shift': 0.0}


def warp(transform: RandomScaleRotateShift, image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    results = transform({'img': image, 'gt_seg_map': mask, 'seg_fields': ['gt_seg_map']})
    assert results['img_shape'] == results['img'].shape[:2] == results['gt_seg_map'].shape
    return results['img'], results['gt_seg_map']


def coordinates(height: int, width: int) -> np.ndarray:
    """An image that holds each pixel's x and y."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full_like(x, 200)], -1).astype(np.uint8)


def fixed(transform: RandomScaleRotateShift, *drawn: float) -> RandomScaleRotateShift:
    """The transform with (scale x, scale y, angle, shift x, shift y) instead of a draw."""
    transform._draw = lambda: drawn  # type: ignore[method-assign,assignment,return-value]
    return transform


def test_the_identity_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    mask = np.random.default_rng(1).integers(0, 3, (5, 7), dtype=np.uint8)
    transform = RandomScaleRotateShift((7, 5), **IDENTITY)
    np.testing.assert_allclose(transform.matrix((5, 7)), [[1, 0, 0], [0, 1, 0]], atol=1e-12)
    warped, warped_mask = warp(transform, image.copy(), mask.copy())
    np.testing.assert_array_equal(warped, image)
    np.testing.assert_array_equal(warped_mask, mask)


def test_at_scale_1_the_image_fills_an_output_of_any_shape() -> None:
    mask = np.array([[0, 1], [2, 0]], np.uint8)
    _, warped = warp(RandomScaleRotateShift((4, 6), **IDENTITY), np.zeros((2, 2, 3), np.uint8), mask)
    np.testing.assert_array_equal(warped, np.kron(mask, np.ones((3, 2), np.uint8)))


def test_a_right_angle_turns_clockwise_as_y_points_down() -> None:
    mask = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.uint8)
    image = np.repeat(mask[:, :, None] * 20, 3, 2)
    transform = fixed(RandomScaleRotateShift((3, 3)), 1.0, 1.0, 90.0, 0.0, 0.0)
    warped, warped_mask = warp(transform, image, mask)
    np.testing.assert_array_equal(warped_mask, [[7, 4, 1], [8, 5, 2], [9, 6, 3]])
    np.testing.assert_array_equal(warped[:, :, 0], warped_mask * 20)


def test_a_shift_is_a_share_of_the_output_and_uncovers_the_fill() -> None:
    mask = np.array([[1, 2, 3, 4]] * 2, np.uint8)
    image = np.repeat(mask[:, :, None] * 20, 3, 2)
    transform = fixed(RandomScaleRotateShift((4, 2), pad_val=(1, 2, 3), seg_pad_val=99), 1.0, 1.0, 0.0, 0.25, -0.5)
    warped, warped_mask = warp(transform, image, mask)
    np.testing.assert_array_equal(warped_mask, [[99, 1, 2, 3], [99, 99, 99, 99]])
    np.testing.assert_array_equal(warped[0, :, 0], [1, 20, 40, 60])
    np.testing.assert_array_equal(warped[1], [[1, 2, 3]] * 4)


def test_scale_2_keeps_the_middle() -> None:
    mask = np.zeros((4, 4), np.uint8)
    mask[1:3, 1:3] = [[1, 2], [3, 4]]
    _, warped = warp(
        fixed(RandomScaleRotateShift((4, 4)), 2.0, 2.0, 0.0, 0.0, 0.0), np.zeros((4, 4, 3), np.uint8), mask
    )
    np.testing.assert_array_equal(warped, [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]])


@settings(max_examples=60)
@given(
    st.tuples(st.integers(20, 60), st.integers(20, 60)),
    st.tuples(st.integers(16, 50), st.integers(16, 50)),
    st.integers(0, 2**32 - 1),
)
def test_image_and_mask_move_together_by_the_matrix(shape: tuple[int, int], size: tuple[int, int], seed: int) -> None:
    """Each output pixel holds the coordinates of where the matrix says that it comes from."""
    transform = RandomScaleRotateShift(size, scale=(0.6, 1.9), rotate=40, shift=0.3, stretch=1.3, pad_val=(0, 0, 0))
    image = coordinates(*shape)
    np.random.seed(seed)
    matrix = transform.matrix(shape)
    np.random.seed(seed)
    warped, mask = warp(transform, image, image[:, :, 0])
    y, x = np.mgrid[: size[1], : size[0]]
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    source = np.einsum('ij,jyx->iyx', inverse, np.stack([x, y, np.ones_like(x)]).astype(float))
    inside = (source[0] > 0.1) & (source[0] < shape[1] - 1.1) & (source[1] > 0.1) & (source[1] < shape[0] - 1.1)
    assert np.abs(warped[:, :, 0] - source[0])[inside].max(initial=0) < 0.6  # rounding to whole grey levels: 0.5
    assert np.abs(warped[:, :, 1] - source[1])[inside].max(initial=0) < 0.6
    assert np.abs(mask - source[0])[inside].max(initial=0) < 0.6
    outside = (source[0] < -1.1) | (source[0] > shape[1] + 0.1) | (source[1] < -1.1) | (source[1] > shape[0] + 0.1)
    assert (mask[outside] == 255).all()
    assert (warped[outside] == 0).all()


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1))
def test_what_is_drawn_lies_in_its_range(seed: int) -> None:
    transform = RandomScaleRotateShift((10, 10), scale=(0.5, 2.0), rotate=10, shift=0.2, stretch=1.5)
    np.random.seed(seed)
    scale_x, scale_y, angle, *shift = transform._draw()
    assert 0.5 - 1e-9 <= (scale_x * scale_y) ** 0.5 <= 2 + 1e-9
    assert 1 / 1.5 - 1e-9 <= scale_x / scale_y <= 1.5 + 1e-9
    assert abs(angle) <= 10
    assert max(map(abs, shift)) <= 0.2


def test_scales_are_as_often_below_as_above_1_on_a_symmetric_range() -> None:
    transform = RandomScaleRotateShift((10, 10), scale=(0.5, 2.0))
    np.random.seed(0)
    drawn = np.log([transform._draw()[0] for _ in range(2000)])
    assert abs(drawn.mean()) < 0.04  # the standard error is 0.009
    assert drawn.std() == pytest.approx(np.log(4) / 12**0.5, rel=0.05)


def test_a_sample_without_a_mask_is_warped_too() -> None:
    results = RandomScaleRotateShift((6, 4))({'img': coordinates(20, 30), 'seg_fields': []})
    assert results['img'].shape == (4, 6, 3)


@pytest.mark.parametrize('wrong', [{'scale': (0.0, 1.0)}, {'scale': (2.0, 1.0)}, {'stretch': 0.9}])
def test_wrong_ranges_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match='RandomScaleRotateShift: needs 0 < scale'):
        RandomScaleRotateShift((4, 4), **wrong)


@pytest.mark.parametrize('fill', [{'pad_val': (0, 0, 0)}, {'seg_pad_val': 0}])
def test_a_fill_of_the_deformation_alone_is_refused(fill: dict[str, Any]) -> None:
    (name,) = fill
    with pytest.raises(ValueError, match=f'RandomScaleRotateShift: elastic takes no {name}; give it to the transform'):
        RandomScaleRotateShift((4, 4), elastic={'prob': 1.0, **fill})


def test_with_the_ratio_kept_an_image_is_as_large_as_a_resize_makes_it() -> None:
    transform = RandomScaleRotateShift((8, 6), keep_ratio=True, **IDENTITY)
    # 4 rows, 16 columns: the longer side fits 8, by a half; the shorter would take 6 / 4.
    np.testing.assert_allclose(transform.matrix((4, 16))[:, :2], [[0.5, 0], [0, 0.5]], atol=1e-12)
    # The same upright: it is larger than the output is high, as in a test, whose images need not have one size.
    np.testing.assert_allclose(transform.matrix((16, 4))[:, :2], [[0.5, 0], [0, 0.5]], atol=1e-12)
    np.testing.assert_allclose(transform.matrix((4, 4))[:, :2], [[1.5, 0], [0, 1.5]], atol=1e-12)
