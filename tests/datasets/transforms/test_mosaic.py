from __future__ import annotations

import numpy as np
import pytest

from mmseg_ext.datasets.transforms import Mosaic


def flat(value: int, height: int = 40, width: int = 40) -> dict:
    """A sample of one colour and one class."""
    return {
        'img': np.full((height, width, 3), value, np.uint8),
        'gt_seg_map': np.full((height, width), value, np.uint8),
        'seg_fields': ['gt_seg_map'],
    }


def ramp(height: int, width: int) -> dict:
    """A sample whose mask says the same as its image, so that both can be compared after any crop."""
    across = np.broadcast_to(np.arange(width, dtype=np.uint8), (height, width))
    return {'img': np.repeat(across[..., None], 3, 2), 'gt_seg_map': across.copy(), 'seg_fields': ['gt_seg_map']}


def test_four_samples_fill_the_quarters_in_order() -> None:
    results = Mosaic(tile=8)({**flat(1), 'mix_results': [flat(2), flat(3), flat(4)]})
    quarters = np.repeat(np.repeat(np.array([[1, 2], [3, 4]], np.uint8), 8, 0), 8, 1)
    np.testing.assert_array_equal(results['gt_seg_map'], quarters)
    np.testing.assert_array_equal(results['img'], np.repeat(quarters[..., None], 3, 2))
    assert results['img_shape'] == (16, 16)


def test_image_and_mask_of_a_tile_are_the_same_square_unstretched() -> None:
    np.random.seed(0)
    starts = set()
    for _ in range(30):
        results = Mosaic(tile=20)({**ramp(20, 50), 'mix_results': [flat(0)] * 3})
        tile = results['gt_seg_map'][:20, :20]
        np.testing.assert_array_equal(results['img'][:20, :20, 0], tile)
        np.testing.assert_array_equal(tile, np.broadcast_to(tile[0, 0] + np.arange(20, dtype=np.uint8), (20, 20)))
        starts.add(int(tile[0, 0]))
    assert len(starts) > 8  # the square is placed anew every time …
    assert max(starts) <= 30  # … and lies inside
    assert min(starts) >= 0


def test_without_others_the_sample_stays_as_it_is() -> None:
    results = Mosaic(tile=8)(flat(5))
    assert results['img'].shape == (40, 40, 3)


def test_others_are_drawn_with_the_probability_and_from_the_whole_set() -> None:
    np.random.seed(0)
    drawn = [Mosaic(prob=0.25).get_indices(range(5)) for _ in range(1000)]
    chosen = [indices for indices in drawn if indices]
    assert 200 < len(chosen) < 300
    assert all(len(indices) == 3 for indices in chosen)
    assert set(np.ravel(chosen)) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize('wrong', [{'tile': 0}, {'prob': 1.1}, {'prob': -0.1}])
def test_wrong_arguments_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match='Mosaic'):
        Mosaic(**wrong)
